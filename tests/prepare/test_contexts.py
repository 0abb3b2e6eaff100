"""Contexts and weights of rows: through filters and splits to arrays by row, fitted on the training part alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from rexp.api import FeatureSpec
from rexp.data.types import PARTS
from rexp.errors import ConfigError, DataError
from rexp.prepare.prepare import load_split

if TYPE_CHECKING:
    from rexp.data.interactions import Interactions
    from rexp.data.split import Split

WORDS = ("dawn", "noon", "rain")
DAY = 86_400


def word(user: int, item: int) -> str:
    return WORDS[(user + 2 * item) % 3]


def rows(n_users: int = 6, n_items: int = 8) -> list[tuple[str, str, int, int, str, str, float]]:
    """Rows of which context, number and weight follow from user and item, not in the order of users."""
    found = [
        (
            f"u{user}",
            f"i{item}",
            1 - (user + item) % 2,
            DAY * item + 3600 * user,
            word(user, item),
            f"{user}{item}.5",
            user + 1,
        )
        for item in range(n_items)
        for user in range(n_users)
    ]
    return found[::-1]


def write(path: Path, table: list[Any], columns: str = "user,item,rating,time,sky,number,weight") -> Path:
    path.write_text("\n".join([columns, *(",".join(map(str, row)) for row in table)]) + "\n")
    return path


def load(path: Path, tmp_path: Path, **node: Any) -> Split:
    return load_split({"name": "csv", "path": str(path), **node}, None, tmp_path / "cache")


def pairs(split: Split, part: Interactions) -> list[tuple[int, int]]:
    """The numbers in the data's own ids."""
    users, items = split.user_ids(), split.items_table()["item"]
    return [
        (int(users[u][1:]), int(items[i][1:])) for u, i in zip(part.users.tolist(), part.items.tolist(), strict=True)
    ]


@pytest.mark.parametrize(
    "options",
    [
        {"split": {"name": "leave_last", "valid": 1}},
        {"split": {"name": "ratio", "train": 0.5, "valid": 0.2, "test": 0.3}},
        {"split": {"name": "time_cut", "valid": 0.2}},
    ],
)
def test_every_row_keeps_its_context_and_weight(tmp_path: Path, options: dict[str, Any]) -> None:
    path = write(tmp_path / "mine.csv", rows())
    node = {
        "context": ["sky", "number"],
        "weight": "weight",
        "features": {"context.number": {"kind": "number", "normalize": "none"}},
    }
    split = load(path, tmp_path, **node, **options, filter={"where": ["item <> 'i3'"], "user_core": 2})
    assert split.spec.features["context.sky"] == FeatureSpec("context", "category", 4)
    assert split.spec.features["context.number"].kind == "number"
    seen = 0
    for name in PARTS:
        part = split.part(name)
        seen += len(part)
        found = pairs(split, part)
        assert part.context["context.sky"].tolist() == [1 + sorted(WORDS).index(word(*pair)) for pair in found]
        assert part.context["context.number"].tolist() == [float(f"{user}{item}.5") for user, item in found]
        assert part.weights is not None
        assert part.weights.tolist() == [user + 1 for user, _ in found]
    assert seen == 42
    again = load(path, tmp_path, **node, **options, filter={"where": ["item <> 'i3'"], "user_core": 2})
    assert again.fingerprint == split.fingerprint
    assert again.contexts == split.contexts


def test_of_repeated_rows_the_kept_one_has_its_own_context(tmp_path: Path) -> None:
    table = [*rows(), ("u0", "i0", 1, 10**7, "snow", "1.5", 9.0)]
    path = write(tmp_path / "mine.csv", table)
    kept = {
        choice: load(path, tmp_path, context=["sky"], filter={"duplicates": choice})
        for choice in ("first", "last", "keep")
    }
    of_pair = {}
    for choice, split in kept.items():
        found = [
            part.context["context.sky"][place]
            for part in map(split.part, PARTS)
            for place, pair in enumerate(pairs(split, part))
            if pair == (0, 0)
        ]
        of_pair[choice] = found
    assert [len(found) for found in of_pair.values()] == [1, 1, 2]
    # "snow" is the last row of u0, so it is tested, and training has never met it.
    assert of_pair["first"] == [1 + sorted(WORDS).index(word(0, 0))]
    assert of_pair["last"] == [0]


def test_nothing_of_validation_and_test_moves_a_vocabulary_or_a_scale(tmp_path: Path) -> None:
    """Other values in the held-out rows leave the training part and the specs bit by bit as they are."""
    made = {}
    for name, late in {"one": ("dawn", "3.5"), "other": ("hail", "1e6")}.items():
        table = [(*row[:4], *(late if row[1] in ("i6", "i7") else row[4:6]), row[6]) for row in rows()]
        path = write(tmp_path / f"{name}.csv", table)
        features = {"context.number": {"kind": "number"}}
        made[name] = load(
            path, tmp_path, context=["sky", "number"], features=features, split={"name": "leave_last", "valid": 1}
        )
    one, other = made.values()
    assert one.contexts == other.contexts
    for name in one.contexts:
        assert np.array_equal(one.train.context[name], other.train.context[name])
    assert set(other.test.context["context.sky"].tolist()) == {0}
    assert one.train.context["context.number"].mean() == pytest.approx(0, abs=1e-6)
    assert one.train.context["context.number"].std() == pytest.approx(1)
    assert one.fingerprint != other.fingerprint


def test_given_parts_share_one_vocabulary(tmp_path: Path) -> None:
    parts = {"train": "dawn", "valid": "noon", "test": "dawn"}
    files = {
        part: str(write(tmp_path / f"{part}.csv", [(*row[:4], sky, *row[5:]) for row in rows()[at::3]]))
        for at, (part, sky) in enumerate(parts.items())
    }
    node = {"name": "csv", **files, "split": {"name": "given"}, "context": ["sky"]}
    split = load_split(node, None, tmp_path / "cache")
    assert [set(split.part(part).context["context.sky"].tolist()) for part in PARTS] == [{1}, {0}, {1}]


def test_parts_of_a_time_are_contexts(tmp_path: Path) -> None:
    table = [
        (f"u{user}", f"i{item}", f"2024-03-{item + 1:02d} {8 + user}:30:00") for user in range(3) for item in range(5)
    ]
    path = write(tmp_path / "mine.csv", table, "user,item,time")
    features = {"context.hour": {"from": "time", "part": "hour"}, "context.day": {"from": "time", "part": "weekday"}}
    split = load(path, tmp_path, features=features)
    assert split.contexts["context.hour"] == FeatureSpec("context", "category", 4)
    assert split.train.context["context.hour"].tolist() == [1 + user for user, _ in pairs(split, split.train)]
    # The 1st of March 2024 was a Friday, and everybody's 5th item, of a Tuesday, is the one that is tested.
    assert split.test.context["context.day"].tolist() == [0, 0, 0]
    ordered = write(
        tmp_path / "order.csv", [(*row[:2], place % 5 + 1) for place, row in enumerate(table)], "user,item,time"
    )
    with pytest.raises(ConfigError, match=r"context\.hour\.from=time: the data has no times of a clock"):
        load(ordered, tmp_path, features={"context.hour": features["context.hour"]})


def test_data_without_contexts_is_what_it_was(tmp_path: Path) -> None:
    """Columns that nobody names are no contexts, and have no part in the fingerprint."""
    path = write(tmp_path / "mine.csv", rows())
    few = write(tmp_path / "few.csv", [row[:4] for row in rows()], "user,item,rating,time")
    split = load(path, tmp_path)
    assert split.fingerprint == load(few, tmp_path).fingerprint
    assert not split.contexts
    assert not split.labeled
    assert split.train.context == {}
    assert split.train.weights is None


def test_labels_are_checked_and_positives_alone_are_no_labels(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.csv", rows())
    labeled = load(path, tmp_path, labeled=True)
    assert (labeled.labeled, labeled.protocol) == (True, "pointwise")
    positives = load(path, tmp_path, labeled=True, filter={"min_rating": 1})
    assert (positives.labeled, positives.protocol) == (False, "full")
    rated = write(tmp_path / "rated.csv", [(*row[:2], 1 + row[2] * 4, *row[3:]) for row in rows()])
    with pytest.raises(DataError, match=r"said to be labeled with 1 and 0 .* has ratings up to 5"):
        load(rated, tmp_path, labeled=True)


@pytest.mark.parametrize(
    ("node", "error", "text"),
    [
        ({"context": ["skye"]}, ConfigError, "no column 'skye'; did you mean 'sky'"),
        ({"context": ["time"]}, ConfigError, "'time' is read as the time"),
        ({"features": {"context.sky": {"fill": "mode"}}}, ConfigError, r"no context 'context\.sky'"),
        ({"context": ["free"]}, DataError, r"context\.free is no feature: free text"),
        ({"weight": "sky"}, DataError, "the weight 'sky' has 'dawn', and 48 such rows"),
    ],
)
def test_what_cannot_be_a_context_is_said(tmp_path: Path, node: dict[str, Any], error: type, text: str) -> None:
    table = pl.DataFrame(rows(), ["user", "item", "rating", "time", "sky", "number", "weight"], orient="row")
    path = tmp_path / "mine.csv"
    table.with_columns(free=pl.concat_str("user", "item")).write_csv(path)
    with pytest.raises(error, match=text):
        load(path, tmp_path, **node)


def test_propensities_go_with_their_rows(tmp_path: Path) -> None:
    table = [(f"u{user}", f"i{item}", 1, item, (user + 1) / 10) for user in range(4) for item in range(5)]
    path = write(tmp_path / "mine.csv", table, "user,item,rating,time,p")
    split = load(path, tmp_path, propensity="p")
    assert load(path, tmp_path).train.propensities is None
    for name in PARTS:
        part = split.part(name)
        assert part.propensities is not None
        expected = [(user + 1) / 10 for user, _ in pairs(split, part)]
        assert part.propensities.tolist() == pytest.approx(expected, abs=1e-6)
    assert load(path, tmp_path).fingerprint != split.fingerprint
    path = write(tmp_path / "mine.csv", [*table, ("u0", "i9", 1, 9, 0.0)], "user,item,rating,time,p")
    with pytest.raises(DataError, match=r"the propensity 'p' has '0\.0', and 1 such rows"):
        load(path, tmp_path, propensity="p")
