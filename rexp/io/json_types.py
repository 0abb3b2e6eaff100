"""Types of JSON objects whose keys are not known beforehand; what has known keys is a record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]
JsonView = Mapping[str, Any]
"""One that is only read."""
