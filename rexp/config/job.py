"""The composed configuration as plain values: all that can be known before a plugin's class is imported."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from rexp.config.schema import Compress, Measure, Paths, Root
from rexp.errors import ConfigError, did_you_mean
from rexp.evaluate.config import EvaluateConfig
from rexp.evaluate.config import check as check_evaluation
from rexp.io.content_hash import hashes
from rexp.io.paths import at_home
from rexp.plugins.options import Node, NodeView, check_finite, drop_unset, from_options
from rexp.plugins.side_files import as_identity, side_files
from rexp.plugins.used_code import used_code
from rexp.prepare.sources import as_key, plugins_of, source_contents
from rexp.train.config import IDENTITY_OF_DEVICE, DeviceConfig, FitConfig

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from rexp.config.recipe import Recipe


# What may differ without making another run; everything else is part of what a run is.
VOLATILE = ("force", "measure", "on_error", "paths", "references", "tags", "track")
ON_ERROR = ("continue", "stop")
ENSEMBLES = ("auto", "mean", "standardized", "by_user", "by_pair")
FITTING = ("loss", "sampler")
MODEL_RESERVED = ("name", "fit", "seed", "init_from", "runs")
OF_TEACHER = ("weight", "on_weak")
TEACHER_RESERVED = (*MODEL_RESERVED, *OF_TEACHER)
ON_WEAK = ("warn", "stop")
"""What is done about a teacher that is no better than its student would be without it."""


@dataclass(frozen=True)
class Request:
    """One job as it was asked for.

    Args:
        raw: the whole composed configuration as plain values.
        data, model: their nodes.
        loss, sampler: nodes named at the root, which override the model's own; or None.
        retriever: its node, or None.
        train: keys of the recipe set at the root, which override the model's own.
        device: where and how fast to train.
        typed: what the command line itself names (``loss``, ``train.lr``), and no file that it chooses.
        recipe_folders: folders of configurations beside rexp's own, whose recipes give runs their names.
    """

    raw: Node
    seed: int
    force: bool
    store: Path
    data_root: Path | None
    cache: Path
    data: Node
    model: Node
    loss: Node | None
    sampler: Node | None
    retriever: Node | None
    train: Node
    device: DeviceConfig
    evaluate: EvaluateConfig
    order: list[Any]
    stages: Node
    finetune: Node
    control: bool
    measure: Measure
    track: Node
    tags: list[str]
    group: str | None
    typed: frozenset[str]
    recipe_folders: tuple[Path, ...] = ()

    @cached_property
    def recipe(self) -> Recipe:
        """The steps of the run, typed; imports torch."""
        from rexp.config.recipe import control_recipe, plan_recipe

        recipe = plan_recipe(self.order, self.stages)
        return control_recipe(recipe) if self.control else recipe

    @property
    def teachers(self) -> dict[str, Node]:
        """The nodes that name a teacher, by their keys."""
        named = {"teacher": self.raw["teacher"], **{f"teachers.{key}": n for key, n in self.raw["teachers"].items()}}
        return {key: _lists(node) if node.get("scores") else dict(node) for key, node in named.items() if node}

    @property
    def overrides(self) -> list[str]:
        """Training keys set at the root."""
        named = [key for key in ("loss", "sampler") if getattr(self, key) is not None]
        return named + [f"train.{key}" for key in self.train]

    def alias(self) -> Node:
        """Alias of a job, computed without torch: raw configuration, code version and file contents."""
        kept: Node = {key: value for key, value in self.raw.items() if key not in VOLATILE}
        kept["teacher"] = _without_check(kept["teacher"])
        kept["teachers"] = {key: _without_check(node) for key, node in kept["teachers"].items()}
        kept["train"] = {**self.train, **{key: getattr(self.device, key) for key in IDENTITY_OF_DEVICE}}
        options = {key: node for key, node in kept.items() if key != "data"}
        options["data"] = {"split": self.data.get("split")}
        return {
            "config": kept,
            "code": self.code(),
            "files": as_key(source_contents(self.data, self.data_root, self.cache)),
            "side_files": as_identity(side_files(options, "", hashes(self.cache))),
        }

    def code(self) -> dict[str, str]:
        """Versions of the code that this job runs, by distribution."""
        return used_code(self.plugins(), folder=self.cache)

    def plugins(self) -> Iterator[tuple[str, str]]:
        """Kind and name of every plugin that this job uses."""
        yield from plugins_of(self.data)
        yield "model", self.model["name"]
        fit = self.model.get("fit") or {}
        for kind in FITTING:
            node = getattr(self, kind) or fit.get(kind)
            if node:
                yield kind, node["name"]
        for teacher in self.teachers.values():
            for kind, node in (("model", teacher), *((kind, (teacher.get("fit") or {}).get(kind)) for kind in FITTING)):
                if isinstance(node, Mapping) and node.get("name"):
                    yield kind, str(node["name"])
        for node in self.stages.values():
            if isinstance(node, Mapping) and node.get("name"):
                yield "stage", str(node["name"])
        if self.retriever:
            yield "retriever", self.retriever["name"]
        for metric in (*self.evaluate.metrics, *self.evaluate.row_metrics):
            yield "metric", metric


def read(
    config: DictConfig, *, group: str | None = None, typed: Iterable[str] = (), recipe_folders: Iterable[Path] = ()
) -> Request:
    """Check and take apart a composed configuration; imports no torch.

    Args:
        config: as Hydra composed it.
        group: the sweep this job belongs to, for the trackers.
        typed: keys that the command line itself names.
        recipe_folders: folders of configurations beside rexp's own.

    Raises:
        ConfigError: a value that is missing, of the wrong type, or not one of the allowed.
    """
    raw = _plain(config)
    _check_root(raw)
    for key, value in raw.items():
        check_finite(value, key)
    _check_seeds(raw)
    _check_plugins(raw)
    _check_teachers(raw)
    train = dict(_node(raw, "train"))
    device_keys = {field.name for field in fields(DeviceConfig)}
    device = from_options(DeviceConfig, {k: v for k, v in train.items() if k in device_keys and v is not None}, "train")
    recipe = {k: v for k, v in train.items() if k not in device_keys and v is not None}
    from_options(FitConfig, recipe, "train")
    finetune = dict(raw["compress"].get("finetune") or {})
    from_options(FitConfig, finetune, "compress.finetune")
    evaluate = from_options(EvaluateConfig, drop_unset(EvaluateConfig, _node(raw, "evaluate")), "evaluate")
    check_evaluation(evaluate)
    paths = raw["paths"]
    store = at_home(paths["store"])
    return Request(
        raw=raw,
        seed=raw["seed"],
        force=raw["force"],
        store=store,
        data_root=at_home(paths["data"]) if paths["data"] else None,
        cache=at_home(paths["cache"]) if paths["cache"] else store / ".data",
        data=_named(raw, "data"),
        model=_named(raw, "model"),
        loss=_named(raw, "loss") if raw["loss"] else None,
        sampler=_named(raw, "sampler") if raw["sampler"] else None,
        retriever=_named(raw, "retriever") if raw["retriever"] else None,
        train=recipe,
        device=device,
        evaluate=evaluate,
        order=list(raw["compress"]["order"]),
        stages=dict(raw["compress"]["stages"] or {}),
        finetune=finetune,
        control=bool(raw["compress"].get("control_run")),
        measure=_measure(raw),
        track={name: node for name, node in (raw["track"] or {}).items() if node},
        tags=raw["tags"],
        group=group,
        typed=frozenset(typed),
        recipe_folders=tuple(recipe_folders),
    )


def _plain(config: DictConfig) -> Node:
    try:
        plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        key = error.full_key or error.key
        line = str(error).splitlines()[0]
        raise ConfigError(f"{key} must be given" if "Missing mandatory" in line else f"{key}: {line}") from error
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def _check_root(raw: Node) -> None:
    """Hydra lets a key be added (+key=1) or deleted (~key); here every key means something."""
    known = [field.name for field in fields(Root)]
    for key in raw:
        if key not in known:
            raise ConfigError(f"{key}: there is no such key; {did_you_mean(key, known)}")
    for key in known:
        if key not in raw:
            raise ConfigError(f"{key}: the run needs this key; take ~{key} off the command line")
    for key, ways in {"on_error": ON_ERROR, "ensemble": ENSEMBLES}.items():
        if raw[key] not in ways:
            raise ConfigError(f"{key}={raw[key]}: there is no such way; {did_you_mean(raw[key], ways)}")
    from_options(Paths, _node(raw, "paths"), "paths")
    from_options(Compress, _node(raw, "compress"), "compress")


def _check_seeds(node: NodeView, prefix: str = "") -> None:
    """Every seed, of whatever part, is a number that both NumPy and torch take."""
    for key, value in node.items():
        if isinstance(value, Mapping):
            _check_seeds(value, f"{prefix}{key}.")
        elif key == "seed" and isinstance(value, int) and not 0 <= value < 2**63:
            raise ConfigError(f"{prefix}seed={value} must be a number from 0 to {2**63 - 1}")


def _check_teachers(raw: Node) -> None:
    """A teacher is a node of the group ``model``, or names a run."""
    for key, node in {
        "teacher": raw["teacher"],
        **{f"teachers.{key}": n for key, n in raw["teachers"].items()},
    }.items():
        if not node:
            continue
        if not isinstance(node, dict):
            raise ConfigError(
                f"{key}={node!r} is no model; choose one with {'+' if '.' in key else ''}model@{key}=NAME, or a stored "
                f"run with {key}.from=RUN"
            )
        if node.get("from") and node.get("scores"):
            raise ConfigError(f"{key}.from and {key}.scores name two teachers; leave one of them out")
        if not (isinstance(node.get("name"), str) or node.get("from") or node.get("scores")):
            raise ConfigError(
                f"{key} names no model; choose one with model@{key}=NAME, a run with {key}.from=RUN, or a file with "
                f"{key}.scores=FILE"
            )
        if (on_weak := node.get("on_weak", ON_WEAK[0])) not in ON_WEAK:
            raise ConfigError(f"{key}.on_weak={on_weak}: there is no such way; {did_you_mean(str(on_weak), ON_WEAK)}")


def _check_plugins(raw: Node) -> None:
    """Within the model, the teachers and the data, too, a plugin is a mapping with its name."""
    models = {
        "model": raw["model"],
        "teacher": raw["teacher"],
        **{f"teachers.{k}": n for k, n in raw["teachers"].items()},
    }
    fits = {f"{key}.fit": node.get("fit") for key, node in models.items() if isinstance(node, dict)}
    places = {"data.split": raw["data"].get("split") if isinstance(raw["data"], dict) else None}
    for key, fit in fits.items():
        if fit is not None and not isinstance(fit, dict):
            raise ConfigError(f"{key}={fit!r} is no recipe; it is a mapping with keys such as max_epochs")
        places |= {f"{key}.{kind}": (fit or {}).get(kind) for kind in FITTING}
    for key, node in places.items():
        if node is not None and not (isinstance(node, dict) and isinstance(node.get("name"), str)):
            # data.split is the group data/split; a recipe's loss and sampler are chosen at the root.
            way = "data/split=NAME" if key == "data.split" else f"{key.rpartition('.')[2]}=NAME"
            raise ConfigError(f"{key}={node!r} names no plugin; it is a mapping with the key 'name', or null ({way})")


def _lists(node: Node) -> Node:
    """The teacher whose scores a file holds, whatever model the recipe has for one."""
    kept = {key: value for key, value in node.items() if key in OF_TEACHER}
    return {"name": "lists", "scores": node["scores"], **kept}


def _without_check(node: Any) -> Any:
    """A teacher's node without what only says how it is checked."""
    return {key: value for key, value in node.items() if key != "on_weak"} if isinstance(node, dict) else node


def _measure(raw: Node) -> Measure:
    measure = from_options(Measure, _node(raw, "measure"), "measure")
    if measure.repeats < 1:
        raise ConfigError(f"measure.repeats={measure.repeats} must be 1 or more; measure.latency=false takes no time")
    if not measure.candidates or min(measure.candidates) < 1:
        raise ConfigError(f"measure.candidates={measure.candidates} must be numbers of 1 or more, such as [1,100]")
    return measure


def _node(raw: Node, key: str) -> Node:
    node = raw[key]
    if node is None:
        return {}
    if not isinstance(node, dict):
        raise ConfigError(f"{key}={node!r} is not a mapping; choose one with {key}=NAME")
    return node


def _named(raw: Node, key: str) -> Node:
    node = _node(raw, key)
    if not isinstance(node.get("name"), str):
        raise ConfigError(f"{key} names no plugin; choose one with {key}=NAME")
    return node
