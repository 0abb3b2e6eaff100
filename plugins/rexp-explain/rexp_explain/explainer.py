"""The plugin: what ``rexp recommend --explain`` asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from rexp_explain.explain import By, explain_query

if TYPE_CHECKING:
    from rexp.api import Explanation, Query, Split


@dataclass(frozen=True)
class FieldsAndHistoryConfig:
    """Options of :class:`FieldsAndHistory`.

    Args:
        by: ``history``, ``fields`` or ``attention``; ``auto`` takes fields where the model reads features, else the
            history.
    """

    by: By = "auto"


class FieldsAndHistory:
    """Fields by integrated gradients or SHAP values, the history's items by exact parts or by leaving each out."""

    Config: ClassVar[type] = FieldsAndHistoryConfig
    rexp_api: ClassVar[tuple[int, int]] = (2, 1)

    def __init__(self, config: FieldsAndHistoryConfig) -> None:
        self.config = config

    def explain(self, model: Any, split: Split, query: Query, item: int) -> Explanation:
        """See :func:`rexp_explain.explain_model`."""
        return explain_query(model, split, query, item, by=self.config.by)
