"""``result.json`` with the hash of its own content, so that damage is noticed wherever it is read.

This shows damage, not malice: whoever can write the file can renew the hash.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from rexp.store.identity import plain

if TYPE_CHECKING:
    from rexp.io.json_types import Json, JsonView

HASH = "content_sha256"
MANIFEST = "manifest"
"""Size and sha256 of ``manifest.json``, which in turn has those of every other file."""
NEEDED = ("config", "data", "metrics")
"""What a finished result without a hash, of earlier code, must have to be one."""


class DamagedError(Exception):
    """A result is not as it was written; says why."""


def as_text(value: JsonView) -> str:
    """A mapping as the store writes it; numbers that are not finite become null."""
    return json.dumps(plain(value, undefined_as_none=True), indent=2, allow_nan=False) + "\n"


def sealed(result: JsonView) -> str:
    """The text of a finished result, with the hash of its content."""
    content = {key: value for key, value in json.loads(as_text(result)).items() if key != HASH}
    return as_text({**content, HASH: content_hash(content)})


def content_hash(content: JsonView) -> str:
    """sha256 of plain values, whatever the order of their keys; the hash itself is left out."""
    kept = {key: value for key, value in content.items() if key != HASH}
    return hashlib.sha256(json.dumps(kept, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def is_sealed(result: JsonView) -> bool:
    """Whether it was written with a hash; earlier code wrote none."""
    return HASH in result or MANIFEST in result


def parse(raw: bytes, run: str, *, trusted: bool = False) -> Json:
    """The mapping in a ``result.json``.

    Args:
        raw: the file.
        run: whose result it must be.
        trusted: these very bytes were checked before.

    Raises:
        DamagedError: it cannot be read, is of another run, or does not fit its hash.
    """
    try:
        result = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise DamagedError(str(error)) from error
    if not isinstance(result, dict) or result.get("run_id") != run:
        raise DamagedError(f"it is not the result of run {run}")
    if trusted:
        return result
    if is_sealed(result):
        if content_hash(result) != result.get(HASH):
            raise DamagedError("it does not fit the hash of its content")
    elif result.get("status") == "done":
        for key in NEEDED:
            if not isinstance(result.get(key), dict):
                raise DamagedError(f"it has no {key}")
    return result
