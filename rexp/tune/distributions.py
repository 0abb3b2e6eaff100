"""The values that a key may take: ``{choice: [...]}``, ``{int: [low, high]}`` or ``{float: [low, high]}``."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rexp.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from optuna.trial import Trial

KINDS = ("choice", "int", "float")
WORD = re.compile(r"[A-Za-z_][\w-]*")


@dataclass(frozen=True)
class Choice:
    """One of some values, which are held as the command line writes them (so a list or null is one too)."""

    key: str
    options: tuple[str, ...]

    @property
    def first(self) -> Any:
        return self.options[0]

    def suggest(self, trial: Trial) -> None:
        trial.suggest_categorical(self.key, self.options)

    def values(self) -> list[Any]:
        """All of them, for a grid."""
        return list(self.options)

    def text(self, value: Any) -> str:
        """A value as the command line writes it."""
        return str(value)

    def words(self) -> str:
        """Human-readable description of the search space."""
        return "one of " + ", ".join(self.options)


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, both among them; ``log`` proposes evenly on the logarithm."""

    key: str
    kind: Literal["int", "float"]
    low: float
    high: float
    step: float | None
    log: bool

    @property
    def first(self) -> Any:
        return self.low

    def suggest(self, trial: Trial) -> None:
        if self.kind == "int":
            trial.suggest_int(self.key, int(self.low), int(self.high), step=int(self.step or 1), log=self.log)
        else:
            trial.suggest_float(self.key, self.low, self.high, step=self.step, log=self.log)

    def values(self) -> list[Any]:
        """All of them, for a grid; a range without a step has no end of them."""
        if self.step is None:
            raise ConfigError(f"space.{self.key}: a grid needs a choice, or a step of the range")
        count = round((self.high - self.low) / self.step) + 1
        numbers = [self.low + place * self.step for place in range(count)]
        return [int(number) for number in numbers] if self.kind == "int" else numbers

    def text(self, value: Any) -> str:
        """A value as the command line writes it."""
        return str(int(value)) if self.kind == "int" else repr(float(value))

    def words(self) -> str:
        """Human-readable description of the search space."""
        step = f" in steps of {self.step:g}" if self.step else ""
        return f"{self.low:g} to {self.high:g}{step}{', logarithmic' if self.log else ''}"


Dimension = Choice | Range


def dimension(key: str, said: Any) -> Dimension:
    """The values of one key, from what the file says.

    Raises:
        ConfigError: no kind or two, an unknown word, bounds that do not go together.
    """
    where = f"space.{key}"
    if not isinstance(said, Mapping) or len(kinds := [kind for kind in KINDS if kind in said]) != 1:
        raise ConfigError(f"{where}: give one of {{choice: [...]}}, {{int: [low, high]}}, {{float: [low, high]}}")
    (kind,) = kinds
    allowed = {"choice": ("choice",), "int": ("int", "log", "step"), "float": ("float", "log", "step")}[kind]
    for word in said:
        if word not in allowed:
            raise ConfigError(f"{where}.{word} is not an option here; {did_you_mean(str(word), allowed)}")
    values = said[kind]
    if kind == "choice":
        return _choice(key, values, where)
    if not isinstance(values, Sequence) or isinstance(values, str) or len(values) != 2:
        raise ConfigError(f"{where}.{kind}={values!r}: two bounds are wanted, [low, high]")
    low, high = (_number(value, kind, f"{where}.{kind}") for value in values)
    step = None if said.get("step") is None else _number(said["step"], kind, f"{where}.step")
    log = said.get("log", False)
    if not isinstance(log, bool):
        raise ConfigError(f"{where}.log={log!r} must be true or false")
    if kind == "int" and not log:
        step = step or 1
    _check_bounds(low, high, step, log, where)
    return Range(key, "int" if kind == "int" else "float", low, high, step, log)


def _choice(key: str, values: Any, where: str) -> Choice:
    if not isinstance(values, list) or not values:
        raise ConfigError(f"{where}.choice={values!r}: a list of values is wanted")
    options = tuple(text(value) for value in values)
    if len(set(options)) < len(options):
        raise ConfigError(f"{where}.choice names a value twice: {', '.join(options)}")
    return Choice(key, options)


def _number(value: Any, kind: str, where: str) -> float:
    """YAML reads 1e-3, without a dot, as text; nobody means text by it."""
    try:
        number = float("nan" if isinstance(value, bool) else value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number) or (kind == "int" and not number.is_integer()):
        raise ConfigError(f"{where}: {value!r} is no {'whole ' if kind == 'int' else ''}number")
    return number


def _check_bounds(low: float, high: float, step: float | None, log: bool, where: str) -> None:
    if low > high:
        raise ConfigError(f"{where}: {low:g} is above {high:g}; give [low, high]")
    if log and low <= 0:
        raise ConfigError(f"{where}: a logarithmic range begins above 0, not at {low:g}")
    if log and step is not None:
        raise ConfigError(f"{where}: a logarithmic range has no step; leave one of them out")
    if step is not None and step <= 0:
        raise ConfigError(f"{where}.step={step:g} must be above 0")
    if step is not None and abs((high - low) / step - round((high - low) / step)) > 1e-9:
        raise ConfigError(f"{where}: steps of {step:g} from {low:g} do not meet {high:g}")


def text(value: Any) -> str:
    """A plain value as an override writes it.

    >>> text("bpr"), text("12e4"), text(None), text([64, 32]), text({"n": 4})
    ('bpr', "'12e4'", 'null', '[64,32]', '{n:4}')
    """
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(text, value)) + "]"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{text(inner)}" for key, inner in value.items()) + "}"
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    plain = WORD.fullmatch(str(value)) and str(value).lower() not in ("null", "true", "false", "nan", "inf")
    return str(value) if plain else "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"
