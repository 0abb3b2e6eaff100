"""Hydra's and OmegaConf's errors as one line that says what, where and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from rexp.errors import ConfigError, did_you_mean
from rexp.plugins import registry
from rexp.train.config import FitConfig

KEY = re.compile(r"[+~]{0,2}[\w.@/$:-]+", re.ASCII)
ELSEWHERE = {
    "epochs": "train.max_epochs", "n_epochs": "train.max_epochs", "num_epochs": "train.max_epochs",
    "learning_rate": "train.lr", "batch": "train.batch_size", "bs": "train.batch_size", "wd": "train.weight_decay",
    "dim": "model.factors", "embedding_dim": "model.factors", "embedding_size": "model.factors",
    "gpus": "train.devices",
    "device": "train.accelerator", "metrics": "evaluate.metrics", "k": "evaluate.k", "topk": "evaluate.k",
    "store": "paths.store", "dataset": "data=NAME", "negatives": "sampler.n",
}  # fmt: skip
"""Other names of settings, and where rexp has them."""
OTHER_GROUPS = {"compress", "train", "evaluate", "experiment"}
"""Groups whose options are no plugins."""
NO_NAME = re.compile(
    r"true|false|[-+]?(inf|nan|\d+(\.\d*)?(e[-+]?\d+)?)|\[\]|\[.*(\d|null|true|false|nan|inf|\[).*\]|\{.*", re.I
)


def user_message(error: Exception, arguments: Sequence[str], *, composing: bool) -> ConfigError | None:
    """The user's fault behind an error, or None where it is not one.

    Args:
        error: what Hydra let through.
        arguments: the command line.
        composing: no job had begun, so that Hydra's bare ``ValueError`` is about the command line too.
    """
    for argument in arguments:
        if argument.startswith("paper="):
            return ConfigError(f"{argument}: a paper is a table of many runs; write rexp paper run {argument[6:]}")
    if composing and type(error) in (ValueError, TypeError):
        return ConfigError(_explain_value(error, arguments))
    if not isinstance(error, HydraException | OmegaConfBaseException):
        return None
    for cause in _chain(error):
        if isinstance(cause, MissingConfigException) and cause.missing_cfg_file:
            group, _, name = cause.missing_cfg_file.rpartition("/")
            if not group:
                return ConfigError(
                    f"there is no configuration '{name}' to begin with; the primary one is rexp's own, and files of "
                    "yours are options of its groups (--config-dir, docs/concepts.md)"
                )
            return ConfigError(_explain_option(group, name, cause))
        if isinstance(cause, OmegaConfBaseException):
            return ConfigError(_explain_node(cause, error))
        if isinstance(cause, OverrideParseException):
            return ConfigError(_explain_override(str(cause.override)))
    return ConfigError(_one_line(str(error)))


def _explain_value(error: Exception, arguments: Sequence[str]) -> str:
    """Hydra looks for files by what a group is given, and falls over what is no name."""
    groups = {kind.config_group for kind in registry.KINDS.values()} | OTHER_GROUPS
    for argument in arguments:
        key, _, value = argument.partition("=")
        group = key.lstrip("+").partition("@")[0]
        if group in groups and any(one == "null" or NO_NAME.fullmatch(one) for one in (value, *value.split(","))):
            # Trackers come from files beside the defaults list, from which alone Hydra deletes.
            out = "track=none" if group == "track" else f"'~{key.lstrip('+')}'"
            return f"{argument}: a group takes the name of an option; write {out} to leave it out"
    return _one_line(str(error))


def _explain_option(group: str, name: str, cause: MissingConfigException) -> str:
    if group == "compress" and name in registry.names("stage"):
        return (
            f"{group}={name}: '{name}' is a stage and no recipe; put it into one: "
            f"+compress/stage@compress.stages.{name}={name} 'compress.order=[fit,{name}]' (or [[fit,{name}]])"
        )
    return f"{group}={name}: there is no such option; {did_you_mean(name, _options(cause, group))}"


def _explain_override(override: str) -> str:
    """What Hydra's grammar stumbled over, without its words for that."""
    key, equals, value = override.partition("=")
    if not equals:
        return f"{override}: cannot be read as KEY=VALUE; what is said of a key stands behind ="
    if not KEY.fullmatch(key):
        return f"{override}: '{key}' is no key; keys are words with dots between them, such as train.lr"
    open_ = [pair for pair in ("[]", "{}", "()") if value.count(pair[0]) != value.count(pair[1])]
    if open_:
        return f"{override}: cannot be read as KEY=VALUE; a bracket {open_[0][0]} or {open_[0][1]} has no other one"
    if value.count("'") % 2 or value.count('"') % 2:
        return f"{override}: cannot be read as KEY=VALUE; a quote is not closed"
    return (
        f"{override}: cannot be read as KEY=VALUE; put text with other letters than A to Z, or with one of = ~ # : , "
        f"into quotes, within the shell's own: \"{key}=['a=b']\" in a list, \"{key}='a=b'\" alone"
    )


def _options(cause: MissingConfigException, group: str) -> Iterable[str]:
    """What could be chosen; for a name in a list of choices Hydra does not say, so the installed plugins are named."""
    kinds = [kind.name for kind in registry.KINDS.values() if kind.config_group == group]
    return cause.options or [name for kind in kinds for name in registry.names(kind)]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _explain_node(cause: OmegaConfBaseException, error: Exception) -> str:
    key = cause.full_key or str(cause.key)
    match = re.search(r"Could not override '([^']+)'", str(error))
    named = match[1] if match else key
    group = named.partition(".")[0]
    known = [str(name) for name in cause.parent_node] if isinstance(cause.parent_node, DictConfig) else []
    if group in ("loss", "sampler") and "." in named and not known:
        return f"{named}: nothing is selected there; choose {group}=NAME too, or set model.fit.{named}"
    if named in ("model", "teacher") and "Cannot merge" in str(cause):
        return f"{named} is one model, by its name; write {'model' if named == 'model' else 'model@teacher'}=NAME"
    if known and cause.key is not None and cause.key not in known:
        place = _place(named, cause.parent_node)
        return f"{key}: there is no such key; {place or did_you_mean(str(cause.key), known)}"
    return f"{named}: {_one_line(str(cause))}"


def _place(named: str, beside: Any) -> str | None:
    """Where a key stands that was looked for elsewhere."""
    *above, last = named.split(".")
    if above[:2] == ["compress", "stages"] and len(above) >= 2:
        stages = {str(key): node.get("name") for key, node in beside.items() if isinstance(node, DictConfig)}
        typed = named.split(".")[2]
        for key, plugin in stages.items():
            if plugin == typed:
                rest = ".".join(["compress.stages", key, *named.split(".")[3:]])
                return f"the stage {typed} has the key '{key}' here: {rest}"
        return None
    wanted = ELSEWHERE.get(last, last)
    if "." in wanted:
        return f"it is {wanted}"
    trains = above in ([], ["model"], ["model", "fit"], ["fit"], ["optimizer"])
    if trains and wanted in {field.name for field in fields(FitConfig)}:
        return f"it is train.{wanted}"
    return None


def _one_line(text: str) -> str:
    """Without Hydra's link to its grammar and the trailing "full_key: ..., object_type=..." lines."""
    kept = [
        line.strip()
        for line in text.splitlines()
        if line.strip() and not re.match(r"\s*(See https:|(full_key|object_type|reference_type)[:=])", line)
    ]
    return " ".join(kept)
