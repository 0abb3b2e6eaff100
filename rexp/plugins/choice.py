"""A plugin that a configuration chose by name, with its options typed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from rexp.plugins import registry
from rexp.plugins.options import drop_unset, from_options

if TYPE_CHECKING:
    from rexp.plugins.options import Node, NodeView


@dataclass(frozen=True)
class Choice:
    """One plugin and how it is to be built.

    Args:
        kind, name: of the plugin.
        config: an instance of its ``Config``.
    """

    kind: str
    name: str
    config: Any

    @classmethod
    def of(cls, kind: str, node: NodeView, where: str, reserved: tuple[str, ...] = (), *, nulls: bool = True) -> Self:
        """Type the options of a node of the configuration.

        Args:
            kind: of the plugin.
            node: ``name``, the plugin's options, and keys that are not the plugin's.
            where: the key of the node, for messages.
            reserved: keys that are not the plugin's, beside ``name``.
            nulls: null is a value; else null leaves an option to its default unless its type has a null.

        Raises:
            ConfigError: see :func:`rexp.plugins.registry.load` and :func:`rexp.plugins.options.from_options`.
        """
        options = {key: value for key, value in node.items() if key != "name" and key not in reserved}
        return cls.typed(kind, node["name"], options, where, nulls=nulls)

    @classmethod
    def typed(cls, kind: str, name: str, options: NodeView, where: str, *, nulls: bool = True) -> Self:
        """Type options that stand apart from the plugin's name; see :meth:`of`."""
        plugin: Any = registry.load(kind, name)
        given = options if nulls else drop_unset(plugin.Config, options)
        return cls(kind, name, from_options(plugin.Config, given, where))

    @property
    def plugin(self) -> Any:
        """The plugin's class."""
        return registry.load(self.kind, self.name)

    def make(self, *arguments: Any) -> Any:
        """Build it: its ``Config`` comes first, then what the kind's contract names (a split, a context ...)."""
        return self.plugin(self.config, *arguments)

    def to_dict(self) -> Node:
        """Plain values, as the stored configuration has them."""
        return {"name": self.name, **asdict(self.config)}
