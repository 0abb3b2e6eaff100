"""Optional members: what the core asks a plugin for, and takes as given where the plugin says nothing."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class OptionalMember(Generic[T]):
    """An attribute or method that a plugin may have beside what its contract asks for.

    The core reads it through :meth:`of` alone, so that the list of these objects is the list of all such members.

    Args:
        name: of the member.
        default: what a plugin without it is taken to have.

    >>> class Sampler:
    ...     scope = "batch"
    >>> scope = OptionalMember("scope", "chunk")
    >>> scope.of(Sampler()), scope.of(object())
    ('batch', 'chunk')
    """

    def __init__(self, name: str, default: T) -> None:
        self.name, self.default = name, default

    def of(self, owner: object) -> T:
        """The member of a plugin's class or instance, or the default."""
        found: T = getattr(owner, self.name, self.default)
        return found

    def __repr__(self) -> str:
        return f"OptionalMember({self.name!r})"
