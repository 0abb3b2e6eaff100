"""From a plain mapping to a plugin's typed ``Config``: unknown keys and wrong types are one clear line."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin

from rexp.errors import ConfigError, did_you_mean

T = TypeVar("T")
Node = dict[str, Any]
"""A node of the configuration as plain values."""
NodeView = Mapping[str, Any]
"""One that is only read."""
LARGEST, LARGEST_SEED = 2**48, 2**63 - 1
"""Of whole numbers: products of two of them still say how much memory they would take; NumPy and torch count so far."""

WORDS = {
    int: "a whole number",
    float: "a number",
    str: "text",
    bool: "true or false",
    Path: "a path",
    list: "a list",
    tuple: "a list",
    type(None): "null",
}


def from_options(config_class: type[T], options: NodeView, where: str) -> T:
    """An instance of a dataclass from plain options.

    Args:
        config_class: the dataclass; its annotations are enforced, its defaults fill what is absent.
        options: plain values, as they come out of a YAML file.
        where: the key under which the options stand, for the message (``model``, ``loss`` ...).

    Raises:
        ConfigError: an unknown key (with the nearest one), a missing one, or a value of the wrong type.
    """
    if not isinstance(options, Mapping):
        raise _wrong(options, config_class, where)
    hints = typing.get_type_hints(config_class)
    fields = {field.name: field for field in dataclasses.fields(config_class) if field.init}  # type: ignore[arg-type]
    for key in options:
        if key not in fields:
            raise ConfigError(f"{where}.{key} is not an option here; {did_you_mean(str(key), fields)}")
    for name, field in fields.items():
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if required and name not in options:
            raise ConfigError(f"{where}.{name} must be given ({describe_type(hints[name])})")
    values = {key: _convert(value, hints[key], f"{where}.{key}") for key, value in options.items()}
    try:
        return config_class(**values)
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from error


def drop_unset(config_class: type, options: NodeView) -> Node:
    """Options without nulls that stand for the default."""
    hints = typing.get_type_hints(config_class)
    return {key: value for key, value in options.items() if value is not None or _nullable(hints.get(key))}


def _nullable(hint: Any) -> bool:
    return hint in (Any, None) or type(None) in get_args(hint)


def _convert(value: Any, hint: Any, where: str) -> Any:
    """The value in the annotated type; only what loses nothing is converted (1 -> 1.0, "mean" -> an Enum)."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        check_finite(value, where)
        return value
    if origin in (Union, types.UnionType):
        return _convert_union(value, hint, where)
    if origin is typing.Literal:
        if value in arguments and type(value) in {type(a) for a in arguments}:
            return value
        raise ConfigError(f"{where}={value!r} is not allowed; {did_you_mean(str(value), map(str, arguments))}")
    if origin in (list, tuple) or hint in (list, tuple):
        return _convert_sequence(value, hint, where)
    if origin in (dict, Mapping) or hint is dict or (isinstance(origin, type) and issubclass(origin, Mapping)):
        if not isinstance(value, Mapping):
            raise _wrong(value, hint, where)
        inner_hint = arguments[1] if len(arguments) == 2 else Any
        return {str(k): _convert(v, inner_hint, f"{where}.{k}") for k, v in value.items()}
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, Mapping):
            raise _wrong(value, hint, where)
        return from_options(hint, value, where)
    if isinstance(hint, type) and issubclass(hint, Enum):
        try:
            return hint(value)
        except ValueError:
            raise ConfigError(
                f"{where}={value!r} is not allowed; {did_you_mean(str(value), (str(m.value) for m in hint))}"
            ) from None
    return _convert_scalar(value, hint, where)


def check_finite(value: Any, where: str) -> None:
    """Whatever else is allowed, nothing is equal to NaN, and no run can be known by it."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{where}={value} is no finite number; give one")
    for key, member in value.items() if isinstance(value, Mapping) else ():
        check_finite(member, f"{where}.{key}")
    for place, member in enumerate(value) if isinstance(value, list | tuple) else ():
        check_finite(member, f"{where}[{place}]")


def _convert_sequence(value: Any, hint: Any, where: str) -> list[Any] | tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise _wrong(value, hint, where)
    inner = list(get_args(hint))
    if list in (hint, get_origin(hint)) or not inner or Ellipsis in inner:
        converted = [_convert(v, inner[0] if inner else Any, f"{where}[{i}]") for i, v in enumerate(value)]
        return converted if list in (hint, get_origin(hint)) else tuple(converted)
    if len(value) != len(inner):
        raise ConfigError(f"{where}={value!r} has the wrong length: {len(inner)} values are wanted, not {len(value)}")
    return tuple(_convert(v, h, f"{where}[{i}]") for i, (v, h) in enumerate(zip(value, inner, strict=True)))


def _convert_union(value: Any, hint: Any, where: str) -> Any:
    arguments = get_args(hint)
    if value is None and type(None) in arguments:
        return None
    errors = []
    for argument in arguments:
        if argument is type(None):
            continue
        try:
            return _convert(value, argument, where)
        except ConfigError as error:
            errors.append(error)
    # With one alternative beside None its own message says more than "wrong type".
    raise errors[0] if len(errors) == 1 else _wrong(value, hint, where)


def _convert_scalar(value: Any, hint: Any, where: str) -> Any:
    if hint is float and isinstance(value, int | float | str) and not isinstance(value, bool):
        # YAML 1.1 reads 1e-3 (without a dot) as text; nobody means text by it.
        try:
            number = float(value)
        except ValueError:
            raise _wrong(value, hint, where) from None
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise ConfigError(f"{where}={value} is no finite number; give one")
        return number
    if hint is int and isinstance(value, int) and abs(value) > (LARGEST_SEED if where.endswith("seed") else LARGEST):
        raise ConfigError(f"{where}={value} is beyond {LARGEST:,}, more than there can be of anything")
    if hint is Path and isinstance(value, str):
        return Path(value)
    if isinstance(hint, type) and isinstance(value, hint) and (hint is bool or not isinstance(value, bool)):
        return value
    raise _wrong(value, hint, where)


def _wrong(value: Any, hint: Any, where: str) -> ConfigError:
    wanted, given = describe_type(hint), describe_type(type(value))
    return ConfigError(f"{where}={value!r} has the wrong type: {wanted} is wanted, not {given}")


def describe_type(hint: Any) -> str:
    """A type as a user would call it."""
    origin, arguments = get_origin(hint), [a for a in get_args(hint) if a is not Ellipsis]
    if origin in (Union, types.UnionType):
        return " or ".join(describe_type(argument) for argument in arguments)
    if origin is typing.Literal:
        return "one of " + ", ".join(map(str, arguments))
    if origin in (list, tuple) and arguments:
        return "a list of " + ", ".join(describe_type(argument) for argument in arguments)
    if dataclasses.is_dataclass(hint) or dict in (hint, origin) or Mapping in (hint, origin):
        return "a mapping"
    return WORDS.get(hint) or str(getattr(hint, "__name__", hint))


def require(condition: bool, text: str) -> None:
    """Refuse an option.

    Raises:
        ValueError: with this text, unless the condition holds.
    """
    if not condition:
        raise ValueError(text)
