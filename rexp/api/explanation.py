"""Explainers: why an item is recommended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    from rexp.data.query import Query
    from rexp.data.split import Split


@dataclass(frozen=True)
class Reason:
    """An item of the history, or a field.

    Args:
        name: the item's own id, or the field's name.
        value: what it adds to the score; below 0 where it speaks against the item.
        text: the item's title, or what the data has in the field; "" where nothing is known.
    """

    name: str
    value: float
    text: str = ""

    @property
    def label(self) -> str:
        """Name and text, for a table."""
        return f"{self.name} ({self.text})" if self.text else self.name


@dataclass(frozen=True)
class Explanation:
    """Why a user gets an item.

    Args:
        user, item: their own ids.
        title: of the item, or "".
        score: of the item.
        by: what the reasons are.
        method: how the values were found.
        base: the score without any reason, where base and values add up to the score; None where they need not.
        reasons: the strongest first.

    >>> found = Explanation("u", "7", "Alien", 1.0, "history", "exact", 0.0, (Reason("3", 0.75), Reason("5", 0.25)))
    >>> found.gap
    0.0
    """

    user: str
    item: str
    title: str
    score: float
    by: Literal["history", "fields"]
    method: str
    base: float | None
    reasons: tuple[Reason, ...]

    @property
    def gap(self) -> float | None:
        """By how much the values fail to add up to the score; None where they need not."""
        if self.base is None:
            return None
        return abs(self.score - self.base - sum(reason.value for reason in self.reasons))


class Explainer(Protocol):
    """Says of a finished model why it gives an item its score (``rexp recommend --explain``).

    Example::

        class Cosine:
            Config = CosineConfig  # a dataclass without options

            def __init__(self, config): ...

            def explain(self, model, split, query, item):
                user, ids = int(query.users[0]), split.items_table()["item"]
                items = split.train.items[split.train.users == user]
                vectors = torch.nn.functional.normalize(model.item_embeddings())
                values = (vectors[items] @ vectors[item]).tolist()
                reasons = [Reason(str(ids[int(i)]), value) for i, value in zip(items, values)]
                reasons.sort(key=lambda reason: -reason.value)
                score = float(model.score(query, torch.tensor([item])))
                name = str(split.user_ids()[user])
                return Explanation(name, str(ids[item]), "", score, "history", "cosine", None, tuple(reasons))
    """

    Config: ClassVar[type]

    def __init__(self, config: Any) -> None: ...

    def explain(self, model: Any, split: Split, query: Query, item: int) -> Explanation:
        """Why a user gets an item; chance comes from nothing but an option.

        Args:
            model: in evaluation mode on the CPU, bound to the split where it needs that; as it was afterwards.
            split: the data it was trained on.
            query: of one user, with the history and the context that the model reads.
            item: dense id.

        Raises ``ConfigError`` where it has nothing to say of such a model or such a user.
        """
        ...
