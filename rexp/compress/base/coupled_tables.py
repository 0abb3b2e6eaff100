"""Tables made narrower together with all that reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from rexp.api.model import COUPLED_PARAMETERS
from rexp.compress.base.narrow import table_of
from rexp.errors import ConfigError, RunError
from rexp.nn.coupling import DotCoupling, LinearCoupling, Range, Reader
from rexp.nn.surgery import replace_module, tables

if TYPE_CHECKING:
    from rexp.nn.embedding import EmbeddingTable

Tables = Mapping[str, "EmbeddingTable"]


def read_together(model: nn.Module, targets: Sequence[str], ignore: Sequence[str]) -> tuple[list[Reader], Tables]:
    """The readers all of whose tables are dense and chosen, and these tables by path.

    Args:
        model: has ``coupled_parameters``.
        targets, ignore: patterns of the tables' paths.

    Raises:
        ConfigError: the patterns leave nothing that is read in a known way.
        RunError: a table holds NaN or infinite values.
    """
    dense = tables(model, targets, ignore)
    readers = COUPLED_PARAMETERS.of(model)()
    found = [reader for reader in readers if all(path in dense for path in _paths(reader))]
    if not found:
        wanted = ", ".join(sorted({path for reader in readers for path in _paths(reader)}))
        raise ConfigError(
            f"{type(model).__name__} reads {wanted} together; chosen and dense are {', '.join(dense)}: change targets "
            "and ignore, or put what makes tables narrower before what made them smaller"
        )
    read = {path: dense[path] for path in dict.fromkeys(path for one in found for path, _ in reads_of(one, dense))}
    for path, table in read.items():
        if not table.weight.isfinite().all():
            raise RunError(f"the table {path} holds values that are not finite; train with a lower learning rate")
    return found, read


def narrow_tables(
    model: nn.Module, readers: Sequence[Reader], dense: Tables, how: Callable[[Reader], tuple[Tensor, ...]]
) -> None:
    """Swap the tables in place.

    Args:
        model: holds them.
        readers, dense: from :func:`read_together`.
        how: makes a reader read fewer columns, and gives them for each of its tables in turn, each (n_rows, k).
    """
    narrow: dict[str, dict[Range, Tensor]] = {path: {} for path in dense}
    for reader in readers:
        for (path, columns), rows in zip(reads_of(reader, dense), how(reader), strict=True):
            narrow[path][columns] = rows
    for path, table in dense.items():
        replace_module(model, path, table_of(replaced(table.weight, narrow[path])))
    model.train(model.training)  # what was made of the tables before is forgotten


def reads_of(reader: Reader, dense: Tables) -> Iterator[tuple[str, Range]]:
    """Tables and columns of a reader."""
    for path in _paths(reader):
        whole = (0, dense[path].weight.shape[1])
        yield path, reader.columns if isinstance(reader, DotCoupling | LinearCoupling) else whole


def columns_of(reader: Reader, dense: Tables) -> list[Tensor]:
    """The columns of each coupled table that a reader uses, (n_rows, D)."""
    return [dense[path].weight[:, slice(*columns)] for path, columns in reads_of(reader, dense)]


def replaced(rows: Tensor, narrow: Mapping[Range, Tensor]) -> Tensor:
    """The rows with other columns in the place of some; those that nobody reads together with others stay."""
    parts, done = [], 0
    for (start, stop), columns in sorted(narrow.items(), key=lambda piece: piece[0]):
        parts += [rows[:, done:start], columns]
        done = stop
    return torch.cat([*parts, rows[:, done:]], 1)


def _paths(reader: Reader) -> tuple[str, ...]:
    return (reader.table,) if isinstance(reader, LinearCoupling) else (reader.users, reader.items)
