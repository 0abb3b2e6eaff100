"""From raw frames to a split: filter, encode, divide, and keep only the ids that some part uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import polars as pl

from rexp.data.filters import FilterConfig, Step, apply_filters
from rexp.data.fingerprint import fingerprint
from rexp.data.split import PARTS, Array, Interactions, Part, Split
from rexp.data.vocabulary import build_vocabulary, encode
from rexp.errors import ConfigError, DataError

if TYPE_CHECKING:
    from rexp.api import Raw, Splitter


@dataclass(frozen=True)
class Prepared:
    """A split in memory with its tables: ``users`` and ``items`` have one row an id, in the order of the ids."""

    split: Split
    users: pl.DataFrame
    items: pl.DataFrame


def build_split(
    name: str, raw: Raw, splitter: Splitter, filters: FilterConfig, protocol: str | None = None
) -> Prepared:
    """Filter and divide what a data set's reader returned.

    Args:
        name: the data set's short name.
        raw: its frames.
        splitter: divides the interactions; one with ``uses_given_parts`` gets the given training part.
        filters: applied first.
        protocol: of evaluation; None takes "candidates" where the data has some, else "full".

    Raises:
        ConfigError: splitter and data do not fit each other.
        DataError: nothing is left, or nobody is tested.
    """
    report: dict[str, Any] = {"filters": [*raw.steps], "split": {}}
    if getattr(splitter, "uses_given_parts", False):
        frames = _filter_given(raw, filters, report["filters"])
    else:
        frames = {"all": apply_filters(_one_frame(raw), filters, report["filters"])}
        if raw.given:
            report["split"]["given_parts"] = "joined and divided anew"
        report["split"]["chronological"] = bool(getattr(splitter, "chronological", False))
    report["time"] = _kind_of_time(raw)
    if getattr(splitter, "needs_clock", False) and report["time"] != "clock":
        has = "only a rank in time inside each user" if report["time"] == "order" else "no times"
        raise ConfigError(
            f"data '{name}' has {has}, a cut or a window in time needs a clock; take data/split=leave_last or ratio"
        )

    user_ids = build_vocabulary([frame["user"] for frame in frames.values()])
    item_ids = build_vocabulary([frame["item"] for frame in frames.values()] + _candidate_items(raw))
    encoded = {part: _encode(frame, user_ids, item_ids) for part, frame in frames.items()}
    parts, left_out = _divide(encoded, splitter)
    candidates = _candidate_table(raw, user_ids, item_ids)
    parts, candidates, user_ids, item_ids = _drop_unused(parts, candidates, user_ids, item_ids)
    report["split"] |= _count(parts, left_out, len(user_ids))
    _check(name, parts)

    users = _table("user", user_ids, raw.users)
    items = _table("item", item_ids, raw.items)
    split = Split(
        name,
        parts["train"],
        parts["valid"],
        parts["test"],
        n_users=len(users),
        n_items=len(items),
        fingerprint="",
        protocol=protocol or ("full" if candidates is None else "candidates"),
        candidates=candidates,
        report=report,
    )
    return Prepared(replace(split, fingerprint=fingerprint(split, users, items)), users, items)


def _filter_given(raw: Raw, filters: FilterConfig, steps: list[Step]) -> dict[str, pl.DataFrame]:
    """The given parts, each filtered by itself; a k-core would need them all and change what the publisher tests."""
    if "train" not in raw.given or "test" not in raw.given:
        raise ConfigError("the data has no parts of its own; take data/split=leave_last, ratio or time_cut")
    if filters.user_core > 1 or filters.item_core > 1:
        raise ConfigError("data.filter.user_core and item_core do not go with given parts; set both to 0")
    frames: dict[str, pl.DataFrame] = {}
    for part in (part for part in PARTS if part in raw.given):
        taken: list[Step] = []
        frames[part] = apply_filters(raw.given[part], filters, taken)
        steps.extend({**step, "step": f"{part}: {step['step']}"} for step in taken)
    return frames


def _one_frame(raw: Raw) -> pl.DataFrame:
    """All interactions; given parts are joined in their order, with the columns that all of them have."""
    if raw.interactions is not None:
        return raw.interactions
    frames = [raw.given[part] for part in PARTS if part in raw.given]
    shared = [column for column in frames[0].columns if all(column in frame.columns for frame in frames)]
    return pl.concat([frame.select(shared) for frame in frames], how="vertical_relaxed")


def _kind_of_time(raw: Raw) -> str | None:
    """What times mean: "clock"; "order" where every user's are 1 .. n, which says nothing between users; None: none."""
    frames = [*raw.given.values()] if raw.interactions is None else [raw.interactions]
    timed = [frame.select("user", pl.col("time").cast(pl.Float64)) for frame in frames if "time" in frame.columns]
    if not timed:
        return None
    ranges = pl.concat(timed).group_by("user").agg(low=pl.col("time").min(), high=pl.col("time").max(), rows=pl.len())
    counted = (ranges["low"] <= 1) & (ranges["high"] - ranges["low"] + 1 == ranges["rows"])
    return "order" if counted.all() else "clock"


def _encode(frame: pl.DataFrame, user_ids: pl.Series, item_ids: pl.Series) -> Interactions:
    """Dense ids, sorted by user, then time, then the order of the file."""
    users = encode(frame["user"], user_ids)
    times = frame["time"].to_numpy() if "time" in frame.columns else None
    # Both sorts are stable.
    order = np.argsort(users, kind="stable") if times is None else np.lexsort((times, users))
    ratings = frame["rating"].to_numpy().astype(np.float32)[order] if "rating" in frame.columns else None
    whole = None if times is None else np.floor(times[order]).astype(np.int64)
    return Interactions(users[order], encode(frame["item"], item_ids)[order], ratings, whole)


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


def _candidate_items(raw: Raw) -> list[pl.Series]:
    return [] if raw.candidates is None else [raw.candidates["items"].explode().drop_nulls()]


def _candidate_table(raw: Raw, user_ids: pl.Series, item_ids: pl.Series) -> Array | None:
    """(n_users, C) int32 padded with -1."""
    if raw.candidates is None:
        return None
    known = raw.candidates.with_columns(pl.col("user").cast(user_ids.dtype, strict=False))
    known = known.filter(pl.col("user").is_in(user_ids.implode()))
    users = encode(known["user"], user_ids)
    lengths = known["items"].list.len().to_numpy().astype(np.int64)
    flat = encode(known["items"].explode().drop_nulls(), item_ids)
    column = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    table = np.full((len(user_ids), int(lengths.max(initial=0))), -1, np.int32)
    table[np.repeat(users, lengths), column] = flat
    return table


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


def _count(parts: Mapping[Part, Interactions], left_out: int, n_users: int) -> dict[str, Any]:
    counts: dict[str, Any] = {f"{part}_rows": len(rows) for part, rows in parts.items()}
    counts |= {f"{part}_users": int(np.count_nonzero(np.bincount(rows.users))) for part, rows in parts.items()}
    return {**counts, "users": n_users, "rows_left_out": left_out}


def _check(name: str, parts: Mapping[Part, Interactions]) -> None:
    for part, why in {"test": "nobody can be tested", "train": "nothing can be learned"}.items():
        if not len(parts[cast("Part", part)]):
            raise DataError(
                f"the split of '{name}' has no {part} interaction, so {why}; change data.split (a user needs more "
                "interactions than are held out) or relax data.filter"
            )


def _table(role: str, ids: pl.Series, described: pl.DataFrame | None) -> pl.DataFrame:
    """One row an id, with what the data says of it."""
    frame = pl.DataFrame({role: ids})
    if described is None:
        return frame
    described = described.with_columns(pl.col(role).cast(ids.dtype)).unique(role, keep="first")
    return frame.join(described, on=role, how="left", maintain_order="left")
