"""Names of columns with their side, ``user.age`` or ``item.image``, as a configuration writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rexp.errors import ConfigError

if TYPE_CHECKING:
    from rexp.plugins.options import NodeView


def by_column(node: NodeView, where: str, sides: Sequence[str]) -> dict[str, Any]:
    """What a configuration says of each column, by the column's whole name.

    A YAML file writes ``{user.age: ...}``; the command line's ``data.features.user.age=...`` is ``{user: {age: ...}}``.

    Args:
        node: either form, or both.
        where: its key, for messages.
        sides: ``user``, ``item`` ...

    Raises:
        ConfigError: a name without a side, or of none of these.
    """
    found: dict[str, Any] = {}
    for key, value in node.items() if isinstance(node, Mapping) else ():
        side, dot, column = str(key).partition(".")
        if side not in sides or (not dot and not isinstance(value, Mapping)):
            raise ConfigError(f"{where}.{key}: a column is written SIDE.NAME, and SIDE is one of {', '.join(sides)}")
        found |= {str(key): value} if column else {f"{side}.{name}": said for name, said in value.items()}
    if not isinstance(node, Mapping):
        raise ConfigError(f"{where}={node!r} has the wrong type: a mapping by column is wanted")
    return found
