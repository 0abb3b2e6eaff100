"""The file that says what is searched: keys, their values, the metric, the budget."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rexp.config.job import VOLATILE
from rexp.errors import ConfigError, did_you_mean
from rexp.io.yaml import read_yaml
from rexp.plugins.options import Node, from_options
from rexp.tune.distributions import Dimension, dimension

if TYPE_CHECKING:
    from rexp.io.json_types import Json, JsonView

KEY = re.compile(r"\+{0,2}[A-Za-z_][\w@/.-]*")
SAME_FOR_ALL = ("data", "evaluate", "experiment", "seed", *VOLATILE)
"""What trials must share, or their values could not be compared."""
WATCHED = ("validate_on", "select_on_test", "monitor")


@dataclass
class Sampler:
    """Optuna samplers.

    Args:
        name: tpe (Bergstra et al., NeurIPS 2011), random, or grid, which tries every combination in order.
        seed: of the proposals; the seed of the runs is ``seed``, as ever.
    """

    name: Literal["tpe", "random", "grid"] = "tpe"
    seed: int = 0


@dataclass
class Prune:
    """When a bad trial is given up: its best value so far is below the median of the others' at the same epoch.

    Args:
        after_trials: none before so many trials are complete.
        after_epochs: none in its first epochs.
    """

    after_trials: int = 5
    after_epochs: int = 5

    def __post_init__(self) -> None:
        if self.after_trials < 1 or self.after_epochs < 0:
            raise ValueError("after_trials must be at least 1, and after_epochs not negative")


@dataclass
class SpaceFile:
    """The file as it is written.

    Args:
        space: values by override key, see :mod:`rexp.tune.distributions`.
        overrides: what every trial sets (``model=mf``); those of the command line come after them.
        metric: what is maximized, or minimized where lower is better; by default what the fit monitors.
        trials, minutes: the budget, unless the command line gives one.
        sampler: who proposes.
        prune: when trials are given up; null never gives one up.
    """

    space: Node
    overrides: list[str] = field(default_factory=list)
    metric: str | None = None
    trials: int | None = None
    minutes: float | None = None
    sampler: Sampler = field(default_factory=Sampler)
    prune: Prune | None = field(default_factory=Prune)


@dataclass(frozen=True)
class Space:
    """A checked search space.

    Args:
        path: the file it was read from.
        file: the file's other words.
        dimensions: what is searched.
    """

    path: Path
    file: SpaceFile
    dimensions: tuple[Dimension, ...]

    @property
    def keys(self) -> list[str]:
        return [dimension.key for dimension in self.dimensions]

    def grid(self) -> list[Json]:
        """Every combination, the last key changing fastest.

        Raises:
            ConfigError: a key whose values cannot be counted.
        """
        values = [dimension.values() for dimension in self.dimensions]
        return [dict(zip(self.keys, combination, strict=True)) for combination in product(*values)]

    def first(self) -> Json:
        """The first value of every key."""
        return {dimension.key: dimension.first for dimension in self.dimensions}

    def overrides(self, parameters: JsonView) -> list[str]:
        """Parameters of a trial as words of the command line."""
        return [f"{dimension.key}={dimension.text(parameters[dimension.key])}" for dimension in self.dimensions]


def find(named: str, shipped: Path) -> Path:
    """The file of a space: a path, or the name of one that is shipped.

    Raises:
        ConfigError: there is none.
    """
    path = Path(named)
    if path.is_file():
        return path
    inside = shipped / f"{named}.yaml"
    if inside.is_file():
        return inside
    known = [file.stem for file in shipped.glob("*.yaml")]
    raise ConfigError(f"{named} is neither a file nor a shipped search space; {did_you_mean(named, known)}")


def read_space(path: Path) -> Space:
    """Read and check a space.

    Raises:
        ConfigError: in one line, with the file's name.
    """
    written = read_yaml(path)
    if not isinstance(written, dict):
        raise ConfigError(f"{path}: a search space is a mapping with the key 'space'")
    return make_space(path, {str(key): value for key, value in written.items()})


def make_space(path: Path, written: JsonView) -> Space:
    """Check a space.

    Args:
        path: where it is written.
        written: see :class:`SpaceFile`.

    Raises:
        ConfigError: in one line, beginning with ``path``.
    """
    try:
        return _checked(path, written)
    except ConfigError as error:
        raise ConfigError(f"{path}: {str(error).removeprefix('.')}") from error


def _checked(path: Path, written: JsonView) -> Space:
    file = from_options(SpaceFile, written, "")
    if not file.space:
        raise ConfigError("space is empty; give keys and values, such as train.lr: {float: [1e-4, 1e-1], log: true}")
    if file.sampler.seed < 0:
        raise ConfigError(f"sampler.seed={file.sampler.seed} must not be negative")
    for key in file.space:
        _check_key(key)
    space = Space(path, file, tuple(dimension(key, said) for key, said in file.space.items()))
    if file.sampler.name == "grid":
        space.grid()
    return space


def _check_key(key: str) -> None:
    if not KEY.fullmatch(key):
        raise ConfigError(f"space: '{key}' is no key of the configuration, such as model.factors or train.lr")
    first, _, rest = key.lstrip("+").partition(".")
    if first.partition("/")[0] in SAME_FOR_ALL:
        raise ConfigError(f"space: {key} must be the same for all trials, or their values could not be compared")
    if first.partition("@")[0] in ("teacher", "teachers") or "@teacher" in first:
        raise ConfigError(f"space: {key} is of a teacher, which is a run of its own; tune it by itself")
    if rest.rpartition(".")[2] in WATCHED and rest.removeprefix("fit.") in WATCHED:
        raise ConfigError(f"space: {key} is no matter of choice; every trial is judged on the validation part")
