"""Retrievers: indexes of item vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from rexp.api.optional import OptionalMember

if TYPE_CHECKING:
    import numpy as np


class Retriever(Protocol):
    """An index of item vectors that finds candidates by their inner product with a query.

    An index is kept in a file of the store and known by the vectors, by the options and by the code of the plugin's
    distribution: what :meth:`build` makes must follow from these, so chance comes from an option (a seed). A run of the
    same vectors calls :meth:`load` instead of :meth:`build`.

    It may also have ``searched_with``, ``notes`` and ``nbytes`` (:data:`SEARCHED_WITH`, :data:`NOTES`, :data:`NBYTES`);
    and its ``Config`` an option ``metric`` (:data:`METRIC`).

    Example::

        class Exact:
            Config = ExactConfig  # a dataclass without options

            def __init__(self, config): ...

            def build(self, vectors):
                self.vectors = vectors

            def search(self, queries, n):
                scores = queries @ self.vectors.T
                items = np.argsort(-scores, axis=1, kind="stable")[:, :n]
                return np.take_along_axis(scores, items, 1), items

            def save(self, path):
                with path.open("wb") as file:
                    np.save(file, self.vectors)

            def load(self, path):
                self.vectors = np.load(path, allow_pickle=False)
    """

    Config: ClassVar[type]

    def __init__(self, config: Any) -> None: ...

    def build(self, vectors: np.ndarray[Any, Any]) -> None:
        """Index (I, D) float32 item vectors, in C order; item i is row i.

        Raises ``ConfigError`` where the options do not go with so many vectors of this size.
        """
        ...

    def search(self, queries: np.ndarray[Any, Any], n: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Scores and items of (B, D) float32 queries.

        Args:
            queries: users' vectors.
            n: at least 1, at most the number of items.

        Returns:
            scores (B, n) floating, best first, and items (B, n) of a whole type, distinct within a row; -1 behind the
            last item where fewer are found, whatever the score there.
        """
        ...

    def save(self, path: Path) -> None:
        """Write the index to the file of exactly this name (``numpy.save`` adds an ending to a name, and none to an
        open file); the name's ending says nothing of the content."""
        ...

    def load(self, path: Path) -> None:
        """Take the index from a file that :meth:`save` wrote, memory-mapped where the index allows it.

        Raises ``StoreError`` where it cannot be read, and the index is built again.
        """
        ...


SEARCHED_WITH: OptionalMember[frozenset[str]] = OptionalMember("searched_with", frozenset())
"""Of a retriever's class: options that :meth:`~Retriever.search` alone reads; changing them builds nothing anew."""
NOTES: OptionalMember[Sequence[str]] = OptionalMember("notes", ())
"""Of a retriever, after :meth:`~Retriever.build`: one line for each thing that was chosen otherwise than asked for."""
NBYTES: OptionalMember[int | None] = OptionalMember("nbytes", None)
"""Of a retriever, after :meth:`~Retriever.build`: bytes of the index, as it is written. None takes those of the
vectors; it is asked only where the index is not written."""
METRIC = OptionalMember("metric", "ip")
"""Of a retriever's ``Config``: "ip" compares inner products, "cosine" directions. Recall of the index is measured
against exact search by the same."""
