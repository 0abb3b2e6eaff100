"""From raw frames to a split: filter, encode, divide, and keep only the ids that some part uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

import numpy as np
import polars as pl

from rexp.api.dataset import CHRONOLOGICAL, NEEDS_CLOCK, USES_GIVEN_PARTS
from rexp.data.interactions import Interactions
from rexp.data.split import Split
from rexp.data.types import PARTS, Array, Part
from rexp.datasets.normalize import ROLES
from rexp.datasets.times import as_ticks
from rexp.errors import ConfigError, DataError
from rexp.prepare.candidates import candidate_pairs, candidate_table, target_candidates
from rexp.prepare.contexts import SideColumns, named_columns, side_columns
from rexp.prepare.family import FoldedSplitter, family
from rexp.prepare.features.sides import fit_sides
from rexp.prepare.filters import apply_filters, core_step, k_core, record
from rexp.prepare.fingerprint import fingerprint
from rexp.prepare.row_filters import choose_rows
from rexp.prepare.vocabulary import number_ids, settle

if TYPE_CHECKING:
    from rexp.api import RawData, Splitter
    from rexp.data.types import Feature
    from rexp.datasets.steps import Step
    from rexp.io.json_types import Json
    from rexp.prepare.features.policy import ColumnPolicy
    from rexp.prepare.filter_config import FilterConfig
    from rexp.prepare.vocabulary import Side

ROW = "row"
"""Column of the rows' places in the file, which filters leave out of order."""


@dataclass(frozen=True)
class Prepared:
    """A split in memory with its tables: ``users`` and ``items`` have one row an id, in the order of the ids, and so
    have their ``features``."""

    split: Split
    users: pl.DataFrame
    items: pl.DataFrame
    features: Mapping[str, Feature]


def build_split(
    name: str,
    raw: RawData,
    splitter: Splitter,
    filters: FilterConfig,
    protocol: str | None = None,
    policies: Mapping[str, ColumnPolicy] = MappingProxyType({}),
    *,
    labeled: bool = False,
    folded: FoldedSplitter | None = None,
) -> Prepared:
    """Filter and divide what a data set's reader returned.

    Args:
        name: the data set's short name.
        raw: its frames.
        splitter: divides the interactions; one with ``uses_given_parts`` gets the given training part.
        filters: applied first.
        protocol: of evaluation; None takes "pointwise" for labeled rows, "candidates" where the data has some, else
            "full".
        policies: of feature columns, by name.
        labeled: ratings are labels of 1 and 0, or -1.
        folded: the splitter's name and options, where it divides into folds.

    Raises:
        ConfigError: splitter and data do not fit each other, or a policy and its column.
        DataError: nothing is left, or nobody is tested; or vectors that cannot be read.
    """
    rows = choose_rows(raw, filters)
    report: Json = {"read": rows.read, "filters": [*raw.steps, *rows.steps], "split": {}}
    in_ticks, ticks = as_ticks(rows.frames)
    read, known = number_ids(in_ticks)
    kept = (*ROLES, *named_columns(raw, read))
    if USES_GIVEN_PARTS.of(splitter):
        frames = _filter_given(read, kept, filters, report["filters"], known)
    else:
        whole = {"all": _one_frame(read, kept).with_row_index(ROW)}
        read, in_ticks = {}, {}  # ten million rows are held once, not at every stage
        frames = {"all": apply_filters(whole.pop("all"), filters, report["filters"], known)}
        if raw.given:
            report["split"]["given_parts"] = "joined and divided anew"
        report["split"]["chronological"] = CHRONOLOGICAL.of(splitter)
    report["time"] = rows.time
    if NEEDS_CLOCK.of(splitter) and rows.time != "clock":
        has = "only a rank in time inside each user" if rows.time == "order" else "no times"
        raise ConfigError(
            f"data '{name}' has {has}, a cut or a window in time needs a clock; take data/split=leave_last or ratio"
        )

    pairs = None
    if raw.candidates is not None:
        pairs, joined = candidate_pairs(raw.candidates)
        apart = "target" in raw.candidates.columns
        report["candidates"] = {"lists": len(raw.candidates)} | ({"apart": joined} if apart else {"joined": joined})
    user_ids, users_of = settle(frames, "user", known["user"])
    item_ids, items_of = settle(frames, "item", known["item"], [] if pairs is None else [pairs["item"]])
    beside = side_columns(raw, frames)
    encoded = {part: _encode(part, frame, users_of, items_of, ticks, beside) for part, frame in frames.items()}
    known_of = (beside.frame, raw.users, raw.items)
    of_folds = family(folded, encoded, (user_ids, item_ids), known_of) if folded else ""
    frames = {}
    parts, left_out = _divide(encoded, splitter)
    encoded = {}
    candidates = None if pairs is None else candidate_table(pairs, user_ids, item_ids)
    parts, candidates, user_ids, item_ids = _drop_unused(parts, candidates, user_ids, item_ids)
    report["split"] |= _count(parts, left_out, len(user_ids))
    _check(name, parts)
    parts, contexts, of_contexts = beside.encode(parts, policies, clock=rows.time == "clock")
    labeled = labeled and _has_negatives(name, parts)

    sides = fit_sides(
        raw,
        rows.frames,
        {"user": user_ids, "item": item_ids},
        {"user": parts["train"].users, "item": parts["train"].items},
        policies,
    )
    users, items, fitted = sides.users, sides.items, sides.fitted
    report["columns"] = [column.as_dict() for column in (*fitted.columns, *of_contexts)]
    split = Split(
        name,
        parts["train"],
        parts["valid"],
        parts["test"],
        n_users=len(users),
        n_items=len(items),
        fingerprint="",
        protocol=protocol or ("pointwise" if labeled else "full" if candidates is None else "candidates"),
        candidates=candidates,
        report=report,
        feature_specs={name: feature.spec for name, feature in fitted.features.items()} | contexts,
        text_columns=fitted.texts,
        labeled=labeled,
        family=of_folds,
        target_candidates=target_candidates(raw.candidates, user_ids, item_ids),
    )
    vectors = {name: fitted.features[name].values for name in raw.vectors if name in fitted.features}
    identified = replace(split, fingerprint=fingerprint(split, users, items, vectors, policies))
    return Prepared(identified, users, items, fitted.features)


def _filter_given(
    read: Mapping[str, pl.DataFrame],
    kept: Sequence[str],
    filters: FilterConfig,
    steps: list[Step],
    known: Mapping[Side, pl.Series],
) -> dict[str, pl.DataFrame]:
    """The given parts, each filtered by itself; cores are those of the training part."""
    if "train" not in read or "test" not in read:
        raise ConfigError("the data has no parts of its own; take data/split=leave_last, ratio or time_cut")
    alone = replace(filters, user_core=0, item_core=0)
    frames: dict[str, pl.DataFrame] = {}
    for part in (part for part in PARTS if part in read):
        taken: list[Step] = []
        frames[part] = apply_filters(_select(read[part], kept), alone, taken, known)
        steps.extend({**step, "step": f"{part}: {step['step']}"} for step in taken)
    return _core_of_train(frames, filters, steps) if filters.cores else frames


def _core_of_train(
    frames: Mapping[str, pl.DataFrame], filters: FilterConfig, steps: list[Step]
) -> dict[str, pl.DataFrame]:
    """Users and items that keep enough training rows; whom the core drops is not tested either."""
    train = k_core(frames["train"], filters.user_core, filters.item_core)
    left = dict(frames) | {"train": train}
    for role, least in (("user", filters.user_core), ("item", filters.item_core)):
        if least > 1:
            core = train.select(role).unique()
            left = {part: frame.join(core, on=role, how="semi", maintain_order="left") for part, frame in left.items()}
    for part, frame in left.items():
        record(frames[part], frame, f"{part}: {core_step(filters)}", steps, "user_core")
    return left


def _select(frame: pl.DataFrame, kept: Sequence[str]) -> pl.DataFrame:
    return frame.select(column for column in kept if column in frame.columns)


def _one_frame(read: Mapping[str, pl.DataFrame], kept: Sequence[str]) -> pl.DataFrame:
    """All interactions; given parts are joined in their order, with the columns that all of them have."""
    if "interactions" in read:
        return _select(read["interactions"], kept)
    frames = [_select(read[part], kept) for part in PARTS if part in read]
    shared = [column for column in frames[0].columns if all(column in frame.columns for frame in frames)]
    for column in (column for column in shared if column not in ("rating", "time")):
        if len({frame[column].dtype for frame in frames}) > 1:
            frames = [frame.with_columns(pl.col(column).cast(pl.String)) for frame in frames]
    return pl.concat([frame.select(shared) for frame in frames])


def _encode(
    part: str, frame: pl.DataFrame, users_of: Array, items_of: Array, ticks: int, beside: SideColumns
) -> Interactions:
    """Dense ids, sorted by user, then time, then the order of the file.

    Args:
        part: whose rows these are.
        frame: the rows, with numbers for ids.
        users_of, items_of: the dense id of each number.
        ticks: of times.
        beside: columns beside the roles.
    """
    users = users_of[frame["user"].to_numpy()]
    times = frame["time"].to_numpy() if "time" in frame.columns else None
    # Both sorts are stable; filters leave rows in the order of time.
    order = _by_number(users) if times is None or _ascending(times) else np.lexsort((times, users))
    ratings = frame["rating"].to_numpy().astype(np.float32)[order] if "rating" in frame.columns else None
    times = None if times is None else times[order]
    rows = frame[ROW].to_numpy().astype(np.int64)[order] if ROW in frame.columns else None
    items = items_of[frame["item"].to_numpy()[order]]
    return Interactions(users[order], items, ratings, times, ticks, rows, beside.places(part, order))


def _ascending(values: Array) -> bool:
    return bool((values[1:] >= values[:-1]).all())


def _by_number(numbers: Array) -> Array:
    """The stable order of whole numbers from 0: a sort of pairs of number and place, in a third of argsort's time."""
    bits = len(numbers).bit_length()
    return np.sort((numbers.astype(np.int64) << bits) | np.arange(len(numbers))) & ((1 << bits) - 1)


def _divide(encoded: Mapping[str, Interactions], splitter: Splitter) -> tuple[dict[Part, Interactions], int]:
    """The three parts, and how many rows are in none."""
    whole = encoded.get("all", encoded.get("train"))
    assert whole is not None
    chosen = splitter.split(whole)
    rows = {part: _row_numbers(getattr(chosen, part)) for part in PARTS}
    taken = np.concatenate(list(rows.values()))
    if np.bincount(taken, minlength=1).max() > 1:
        raise DataError(f"the splitter {type(splitter).__name__} put a row into two parts; this is a fault in it")
    parts = {part: whole.take(rows[part]) for part in PARTS}
    held_out: tuple[Part, ...] = ("valid", "test")
    for part in held_out:
        if part not in encoded:
            continue
        if len(parts[part]):
            raise ConfigError(f"the data has its own {part} part; set data.split.{part}=0")
        parts[part] = encoded[part]
    return parts, len(whole) - len(taken)


def _row_numbers(rows: Array) -> Array:
    return np.flatnonzero(rows) if rows.dtype == bool else np.sort(rows)


def _drop_unused(
    parts: dict[Part, Interactions], candidates: Array | None, user_ids: pl.Series, item_ids: pl.Series
) -> tuple[dict[Part, Interactions], Array | None, pl.Series, pl.Series]:
    """Take ids that no part (and no candidate) uses out of the vocabularies: a cut may drop whole users."""
    users, new_users = _used([part.users for part in parts.values()], len(user_ids))
    items, new_items = _used(
        [part.items for part in parts.values()] + ([] if candidates is None else [candidates[users]]), len(item_ids)
    )
    parts = {
        name: replace(part, users=new_users[part.users], items=new_items[part.items]) for name, part in parts.items()
    }
    candidates = None if candidates is None else new_items[candidates[users]]
    return parts, candidates, user_ids.gather(users), item_ids.gather(items)


def _used(arrays: list[Array], size: int) -> tuple[Array, Array]:
    """The codes in use, and the new code of each old one; -1 stays -1, as the last entry says."""
    seen = np.zeros(size + 1, bool)
    for array in arrays:
        seen[array] = True
    seen[-1] = False
    new = np.where(seen, np.cumsum(seen) - 1, -1).astype(np.int32)
    return np.flatnonzero(seen), new


def _count(parts: Mapping[Part, Interactions], left_out: int, n_users: int) -> dict[str, int]:
    counts = {f"{part}_rows": len(rows) for part, rows in parts.items()}
    counts |= {f"{part}_users": int(np.count_nonzero(np.bincount(rows.users))) for part, rows in parts.items()}
    return {**counts, "users": n_users, "rows_left_out": left_out}


def _check(name: str, parts: Mapping[Part, Interactions]) -> None:
    for part, why in {"test": "nobody can be tested", "train": "nothing can be learned"}.items():
        if not len(parts[cast("Part", part)]):
            raise DataError(
                f"the split of '{name}' has no {part} interaction, so {why}; change data.split (a user needs more "
                "interactions than are held out) or relax data.filter"
            )


def _has_negatives(name: str, parts: Mapping[Part, Interactions]) -> bool:
    """Whether labeled rows have a negative among them; a filter may have left the positives alone.

    Raises:
        DataError: ratings that are no labels.
    """
    for part, rows in parts.items():
        if rows.ratings is None or not np.isin(rows.ratings, (-1, 0, 1)).all():
            found = "no ratings" if rows.ratings is None else f"ratings up to {rows.ratings.max():g}"
            raise DataError(f"the rows of '{name}' are said to be labeled with 1 and 0 (or -1), but {part} has {found}")
    return any(rows.ratings is not None and bool((rows.ratings <= 0).any()) for rows in parts.values())
