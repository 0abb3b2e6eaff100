"""Files of vectors, put in the order of the dense ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from rexp.datasets.columns import usual_column
from rexp.datasets.normalize import normal_ids, place_of
from rexp.datasets.tables import read_headed
from rexp.datasets.text import read_lines
from rexp.errors import DataError, did_you_mean
from rexp.prepare.features.vectors import as_vectors, check_finite

if TYPE_CHECKING:
    from rexp.api import VectorSource
    from rexp.data.types import Array, Side


@dataclass(frozen=True)
class Vectors:
    """Vectors by dense id.

    Args:
        values: (n, D) float16 or float32; zeros where there is none.
        present: (n,) bool: where there is one.
    """

    values: Array
    present: Array


def read_vectors(name: str, source: VectorSource, listed: pl.Series, ids: pl.Series) -> Vectors:
    """The vectors of a file.

    Args:
        name: of the feature: ``item.image``.
        source: the file, and whose its rows are.
        listed: whose they are where it does not say: every id that the data names, in ascending order.
        ids: the data's own ids by dense id.

    Raises:
        DataError: the file cannot be read, has another number of rows than there are ids, an id twice, no id of the
            data, or a number that is not finite.
    """
    side = name.partition(".")[0]
    if source.path.suffix == ".parquet":
        matrix, own, present = _parquet(name, side, source)
    else:
        matrix, own = _matrix(source), listed if source.ids is None else _ids(side, source)
        present = np.ones(len(matrix), bool)
    if len(matrix) != len(own):
        whose = f"{side}s in the data, in ascending order" if source.ids is None else "ids"
        hint = "; name the ids of its rows" if source.ids is None else ""
        raise DataError(f"{source.path} has {len(matrix):,} rows, and there are {len(own):,} {whose}{hint}")
    if own.n_unique() < len(own):
        twice = own.filter(own.is_duplicated())[0]
        raise DataError(f"{source.path} has the {side} {twice} twice; keep one row of it")
    places = pl.DataFrame({"id": own.cast(ids.dtype, strict=False)}).with_row_index("row").drop_nulls()
    found = pl.DataFrame({"id": ids}).join(places, on="id", how="left", maintain_order="left")["row"]
    known = found.is_not_null().to_numpy()
    if not known.any():
        first = ", ".join(str(id) for id in own.head(3))
        raise DataError(f"{source.path} has none of the data's {side}s: its ids are {first} ..., theirs {ids[0]} ...")
    rows = found.fill_null(0).to_numpy()
    present = known & present[rows]
    values = matrix[rows]
    values[~present] = 0
    check_finite(values, lambda row: f"{source.path}: the {side} {ids[row]}")
    return Vectors(values, present)


def _ids(side: str, source: VectorSource) -> pl.Series:
    if isinstance(source.ids, str | Path):
        return normal_ids(read_lines(Path(source.ids)).alias(side), place_of(str(source.ids), None))
    return normal_ids(pl.Series(side, list(source.ids or ())), place_of(f"ids of {source.path}", None))


def _matrix(source: VectorSource) -> Array:
    """(rows, D) float16 or float32."""
    path = source.path
    readers: dict[str, Callable[[VectorSource], Array]] = {
        ".npy": lambda _: np.load(path, mmap_mode="r", allow_pickle=False),
        ".npz": _npz,
        ".safetensors": _safetensors,
    }
    if path.suffix not in readers:
        raise DataError(f"{path} is none of .npy, .npz, .safetensors and .parquet, from which vectors are read")
    try:
        matrix = readers[path.suffix](source)
    except DataError:
        raise
    except Exception as error:  # of three libraries, each with its own kinds
        raise DataError(f"{path} cannot be read as vectors: {str(error).splitlines()[0]}") from error
    if matrix.ndim != 2 or not matrix.shape[1] or matrix.dtype.kind not in "fiu":
        raise DataError(f"{path} holds {matrix.dtype} of the shape {matrix.shape}; (rows, D) numbers are wanted")
    return matrix if matrix.dtype in (np.float16, np.float32) else matrix.astype(np.float32)


def _npz(source: VectorSource) -> Array:
    with np.load(source.path, allow_pickle=False) as arrays:
        read: Array = arrays[_one(source, list(arrays.files))]
        return read


def _safetensors(source: VectorSource) -> Array:
    from safetensors import safe_open

    with safe_open(str(source.path), "pt") as file:  # numpy has no bfloat16
        tensor = file.get_tensor(_one(source, list(file.keys())))
        read: Array = (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()
        return read


def _one(source: VectorSource, names: list[str]) -> str:
    """The array that is meant.

    Raises:
        DataError: there is no such array, or several where none is named.
    """
    if source.key is None and len(names) == 1:
        return names[0]
    if source.key is None:
        raise DataError(f"{source.path} holds {', '.join(names)}; name one as key")
    if source.key not in names:
        raise DataError(f"{source.path} has no '{source.key}'; {did_you_mean(source.key, names)}")
    return source.key


def _parquet(name: str, side: str, source: VectorSource) -> tuple[Array, pl.Series, Array]:
    frame, origin = read_headed(source.path)
    own = usual_column(frame.columns, "user" if side == "user" else "item", source.path)
    if own is None:
        raise DataError(f"{source.path} has no column that is plainly the {side}; call one '{side}'")
    lists = [column.name for column in frame if isinstance(column.dtype, pl.List | pl.Array)]
    values, present = as_vectors(f"{name} in {source.path}", frame[_one(source, lists)])
    return values, normal_ids(frame[own].alias(side), place_of("", origin)), present


def read_all(
    sources: Mapping[str, VectorSource], listed: Callable[[Side], pl.Series], ids: Mapping[Side, pl.Series]
) -> dict[str, Vectors]:
    """The vectors of every source by name; ``listed`` and ``ids`` of a side as :func:`read_vectors` has them.

    Raises:
        DataError: see :func:`read_vectors`; or a name that is of neither users nor items.
    """
    read = {}
    for name, source in sources.items():
        if not name.startswith(("user.", "item.")):
            raise DataError(f"the vectors '{name}' are of neither users nor items; they are called item.NAME")
        side: Side = "user" if name.startswith("user.") else "item"
        read[name] = read_vectors(name, source, listed(side), ids[side])
    return read
