"""The best trial as an experiment file: a configuration like those in conf/experiment."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rexp.config.job import VOLATILE
from rexp.errors import ConfigError
from rexp.hydra.compose import is_group
from rexp.hydra.overrides import parsed
from rexp.io.atomic import write_text
from rexp.tune.trials import describe

if TYPE_CHECKING:
    from rexp.io.json_types import Json
    from rexp.tune.study import Study
    from rexp.tune.trials import TrialRecord

WIDTH = 116


def kept(overrides: Sequence[str]) -> list[str]:
    """The overrides that say what a run is; folders, trackers and their like are no part of that."""
    return [word for word in overrides if word.lstrip("+~").partition("=")[0].partition(".")[0] not in VOLATILE]


def check_writable(overrides: Sequence[str]) -> None:
    """Refuse, before anything is trained, what no experiment file can say.

    Raises:
        ConfigError: an override that takes something out, or one that is a sweep.
    """
    for override in parsed(kept(overrides)):
        if override.is_delete():
            raise ConfigError(f"{override.input_line}: an experiment file cannot take a key out; leave it out here")
        if override.is_sweep_override():
            raise ConfigError(f"{override.input_line} is a sweep; values to choose from stand in the search space")


def write_experiment(
    file: Path, study: Study, best: TrialRecord, overrides: Sequence[str], command: Sequence[str]
) -> None:
    """Write the file; it is whole or not there.

    Args:
        file: ``.../experiment/NAME.yaml``.
        study: the search.
        best: the trial that is written.
        overrides: what every trial set, before the trial's own values.
        command: the arguments of ``rexp tune``.
    """
    words = [*kept(overrides), *study.space.overrides(best.parameters)]
    text = "\n".join([*_heading(file, study, best, command), *_defaults(words), _keys(words)])
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, text.rstrip("\n") + "\n")


def _heading(file: Path, study: Study, best: TrialRecord, command: Sequence[str]) -> list[str]:
    tried = study.trials()
    told = f"{study.metric} {best.value:.6g} on the validation part (trial {best.number} of {len(tried)}: "
    lines = [f"Tuned by rexp: {told}{describe(tried)})."]
    lines += [f"  {dimension.key}: {dimension.words()}" for dimension in study.space.dimensions]
    lines += [f"  rexp tune {shlex.join(command)}", f"  rexp experiment={file.stem}"]
    return ["# @package _global_", *(f"# {line}" for line in lines)]


def _defaults(words: Sequence[str]) -> list[str]:
    """Chosen options of groups; a later word for the same group counts. Hydra wants what overrides at the end."""
    within: dict[str, str] = {}
    added: dict[str, str] = {}
    overriding: dict[str, str] = {}
    for override in parsed(words):
        key, value = override.get_key_element().lstrip("+"), override.value()
        if not is_group(key):
            continue
        if key == "experiment":
            within[key] = f"  - {value}"
        elif override.is_add():
            added[key] = f"  - /{key}: {_yaml(value)}"
        else:
            overriding[key] = f"  - override /{key}: {_yaml(value)}"
    lines = [*within.values(), *added.values(), *overriding.values()]
    return ["defaults:", *lines] if lines else []


def _keys(words: Sequence[str]) -> str:
    """The other keys as nested mappings."""
    import yaml

    root: Json = {}
    for override in parsed(words):
        key = override.get_key_element().lstrip("+")
        if is_group(key):
            continue
        *parents, last = key.split(".")
        node = root
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = _plain(override.value())
    return str(yaml.safe_dump(root, sort_keys=False, width=WIDTH)) if root else ""


def _plain(value: Any) -> Any:
    """Without Hydra's marks of what was quoted."""
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    return getattr(value, "text", value)


def _yaml(value: Any) -> str:
    plain = _plain(value)
    if isinstance(plain, list):
        return "[" + ", ".join(map(_yaml, plain)) + "]"
    return "null" if plain is None else str(plain)
