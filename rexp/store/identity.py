"""A run's name: the hash of what it is."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rexp.io.json_types import Json, JsonView

STORE_SCHEMA = 1
"""Raised when stored results change their meaning; it is part of every run id, so older runs are made anew."""


def plain(value: Any, *, undefined_as_none: bool = False) -> Any:
    """The value in JSON's types: mappings with text keys, lists, text, numbers, booleans, None.

    Args:
        value: may hold dataclasses, enums, tuples, sets, paths and numpy scalars.
        undefined_as_none: a number that is not finite becomes None, as results have it where a metric is not defined.

    Raises:
        ValueError: a number that is not finite, for NaN equals nothing, not even itself.
        TypeError: a value with no plain form, two keys with one text.
    """
    again = partial(plain, undefined_as_none=undefined_as_none)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return again(value.value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            if undefined_as_none:
                return None
            raise ValueError(f"{value} cannot be part of an identity: it is not finite")
        return float(value)
    if isinstance(value, PurePath):
        return value.as_posix()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: again(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return _plain_mapping(value, again)
    if isinstance(value, AbstractSet):
        return sorted((again(member) for member in value), key=canonical_json)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [again(member) for member in value]
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:  # a numpy scalar
        return again(value.item())
    raise TypeError(f"{type(value).__name__} has no plain form: {value!r}")


def _plain_mapping(mapping: Mapping[Any, Any], again: Callable[[Any], Any]) -> Json:
    converted = {str(again(key)): again(member) for key, member in mapping.items()}
    if len(converted) != len(mapping):
        raise TypeError(f"two keys of a mapping have the same text: {sorted(map(str, mapping))}")
    return converted


def canonical_json(value: Any) -> str:
    """One text for one value: keys sorted, floats by ``repr``, no spaces; see :func:`plain` for what may stand in it.

    >>> canonical_json({"b": (1, 2.0), "a": None})
    '{"a":null,"b":[1,2.0]}'
    """
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def run_id(identity: JsonView) -> str:
    """The run's id: 12 hexadecimal digits that depend on all of ``identity`` and on the store's schema."""
    return _hash({"schema": STORE_SCHEMA, "identity": identity})[:12]


def alias_key(mapping: JsonView) -> str:
    """The key under which a finished run is found again by what was asked for; 32 hexadecimal digits."""
    return _hash({"schema": STORE_SCHEMA, "alias": mapping})[:32]


def _hash(value: Any) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
