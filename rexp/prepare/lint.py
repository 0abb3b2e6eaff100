"""Checks of a split before anything is trained on it: what would make its numbers mean less than they seem to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from rexp.data.interactions import context_groups, sorted_distinct

if TYPE_CHECKING:
    from rexp.data.interactions import Interactions
    from rexp.data.split import Split
    from rexp.data.types import Array
    from rexp.io.json_types import Json


@dataclass(frozen=True)
class Finding:
    """One fact about a split: its name, how often it holds, and one line of text."""

    name: str
    count: int
    text: str

    def as_dict(self) -> Json:
        return asdict(self)


def lint(split: Split) -> list[Finding]:
    """Findings about the split, in a fixed order; names:

    ``time-leak``, ``user-time-leak``, ``tied-last``, ``file-order``, ``duplicate-rows``, ``cold-test-users``,
    ``cold-test-items``, ``target-among-negatives``, ``train-test-overlap``, ``labels-ranked``, ``unread-columns``,
    ``given-parts-joined``, ``source-differs``.
    """
    checks = (_time, _ties, _order_of_file, _duplicates, _cold, _negatives, _overlap, _labels, _unread, _preparation)
    return [finding for check in checks for finding in check(split)]


def findings(split: Split) -> Sequence[Finding]:
    """The findings that preparation stored with the split; they are looked for now where there are none."""
    stored = split.report.get("findings")
    return lint(split) if stored is None else [Finding(**finding) for finding in stored]


def _time(split: Split) -> Iterator[Finding]:
    train, test = split.train.times, split.test.times
    if train is None or test is None or not len(test):
        return
    if split.report.get("time", "clock") == "clock":
        later = int((train > test.min()).sum())
        if later:
            past_half = (train > np.median(test)).mean()
            yield Finding(
                "time-leak",
                later,
                f"{later} training interactions ({later / len(train):.1%}) are later than the earliest test one, "
                f"{past_half:.1%} later than half of them: the future of other users is trained on "
                "(data/split=time_cut has no such leak)",
            )
    last = max(train.max(initial=test.max()), test.max())
    first_test = np.full(split.n_users, last, test.dtype)
    np.minimum.at(first_test, split.test.users, test)
    own = int((train > first_test[split.train.users]).sum())
    if own:
        yield Finding("user-time-leak", own, f"{own} training interactions are later than a test one of the same user")


def _ties(split: Split) -> Iterator[Finding]:
    """Users of whom the order of the file, not time, says what is held out."""
    if not split.report.get("split", {}).get("chronological"):
        return
    tied = _tied_users(split, split.train, split.valid) | _tied_users(split, split.train, split.test)
    tied |= _tied_users(split, split.valid, split.test)
    count, tested = int(tied.sum()), int(np.count_nonzero(np.bincount(split.test.users)))
    if count:
        yield Finding(
            "tied-last",
            count,
            f"{count} users ({tested} are tested) have interactions of one time in two parts: the order of the file "
            "says which are the last (data/split=leave_last_basket keeps them together)",
        )


def _tied_users(split: Split, earlier: Interactions, later: Interactions) -> Array:
    """(n_users,) bool: the user's last row in one part has the time of the first one in the other."""
    tied = np.zeros(split.n_users, bool)
    if earlier.times is None or later.times is None:
        return tied
    last, first = (np.zeros(split.n_users, times.dtype) for times in (earlier.times, later.times))
    # Rows are in the order of time: of repeated users the last assignment counts.
    last[earlier.users], first[later.users[::-1]] = earlier.times, later.times[::-1]
    in_both = np.zeros((2, split.n_users), bool)
    in_both[0, earlier.users], in_both[1, later.users] = True, True
    tied[in_both.all(axis=0) & (last == first)] = True
    return tied


def _order_of_file(split: Split) -> Iterator[Finding]:
    if split.train.times is None and split.report.get("split", {}).get("chronological"):
        yield Finding(
            "file-order",
            len(split.test),
            f"the data has no times: the {len(split.test)} test interactions are the last in the file's order, "
            "which may be sorted by item (data.split.order=random draws them)",
        )


def _duplicates(split: Split) -> Iterator[Finding]:
    parts = (split.train, split.valid, split.test)
    repeated = sum(len(part) - _distinct(part, split.n_items) for part in parts)
    if repeated:
        in_context = ", in the same context," if split.contexts else ""
        # A label of another row is no repetition that could be dropped.
        advice = "" if split.labeled else " (data.filter.duplicates=first drops them)"
        yield Finding(
            "duplicate-rows", repeated, f"{repeated} rows repeat a user and item{in_context} of their part{advice}"
        )


def _cold(split: Split) -> Iterator[Finding]:
    users = _missing(split.test.users, split.train.users, split.n_users)
    if len(users):
        yield Finding("cold-test-users", len(users), f"{len(users)} test users have no training interaction")
    items = _missing(split.test.items, split.train.items, split.n_items)
    if len(items):
        rows = int(np.isin(split.test.items, items).sum())
        yield Finding(
            "cold-test-items",
            len(items),
            f"{len(items)} test items have no training interaction; {rows} of {len(split.test)} test rows ask for them",
        )


def _negatives(split: Split) -> Iterator[Finding]:
    if split.candidates is None:
        return
    lists = split.target_candidates
    given = split.candidates[split.test.users] if lists is None else lists.of(split.test.users, split.test.items)
    among = (given == split.test.items[:, None]).any(axis=1)
    users, tested = len(np.unique(split.test.users[among])), len(np.unique(split.test.users))
    if users:
        yield Finding(
            "target-among-negatives",
            users,
            f"{users} of {tested} test users have a test item among their given negatives",
        )


def _overlap(split: Split) -> Iterator[Finding]:
    train, test = (pl.Series(_keys(part, split.n_items)) for part in (split.train, split.test))
    shared = train.filter(train.is_in(test.implode())).n_unique()
    if shared:
        yield Finding("train-test-overlap", shared, f"{shared} pairs of user and item are in train and in test")


def _labels(split: Split) -> Iterator[Finding]:
    """Ratings that are labels, such as 0 and 1, of which a ranking takes every row for a positive."""
    rated = [part.ratings for part in (split.train, split.valid, split.test) if part.ratings is not None]
    ratings = np.concatenate(rated) if rated else np.empty(0, np.float32)
    if split.protocol == "pointwise" or not np.isin(ratings, (-1, 0, 1)).all():
        return
    negative = int((ratings <= 0).sum())
    if negative:
        names = {read["columns"].get("rating") for read in split.report.get("read", {}).values()} - {None, ""}
        column = f"column '{min(names)}'" if names else "ratings"
        tested = 0 if split.test.ratings is None else int((split.test.ratings <= 0).sum())
        yield Finding(
            "labels-ranked",
            negative,
            f"the {column} has labels, and a ranking takes all rows for positives: {negative} of "
            f"{len(ratings)} have a label of 0 or less, {tested} of them in the test part "
            "(data.filter.min_rating=1 leaves them out, evaluate=pointwise reads them as labels)",
        )


def _unread(split: Split) -> Iterator[Finding]:
    """Columns of the user's file that nobody reads, where a rating or a time may be among them."""
    own = [read for read in split.report.get("read", {}).values() if read["columns"]]
    absent = [role for role in ("rating", "time") if any(role not in read["columns"] for read in own)]
    unread = sorted({column for read in own for column in read["unread"]})
    if absent and unread:
        keys = " and ".join(f"data.columns.{role}" for role in absent)
        yield Finding(
            "unread-columns",
            len(unread),
            f"the data has no {' and no '.join(absent)}, and nobody reads the columns {', '.join(unread)}: {keys} may "
            "name one, '' says that there is none",
        )


def _preparation(split: Split) -> Iterator[Finding]:
    if "given_parts" in split.report.get("split", {}):
        yield Finding(
            "given-parts-joined",
            len(split.test),
            "the publisher's own parts were joined and divided anew (data/split=given keeps them)",
        )
    differing = [name for name, state in split.report.get("sources", {}).items() if state == "differs"]
    if differing:
        yield Finding(
            "source-differs", len(differing), f"not the published content (sha256 differs): {', '.join(differing)}"
        )


def _missing(wanted: Array, present: Array, size: int) -> Array:
    """The distinct ids that are wanted and not present."""
    absent = np.zeros(size, bool)
    absent[wanted] = True
    absent[present] = False
    return np.flatnonzero(absent)


def _distinct(part: Interactions, n_items: int) -> int:
    """Distinct users and items, and contexts, of a part."""
    keys = _keys(part, n_items)
    return len(sorted_distinct(context_groups(keys, part.context) if part.context else keys))


def _keys(part: Interactions, n_items: int) -> Array:
    return part.users.astype(np.int64) * n_items + part.items
