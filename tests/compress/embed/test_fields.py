"""Tables of fields: named by their fields, and as wide as their rows are few."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rexp.api import DataSpec, FeatureSpec, StageContext, find_modules, select_modules
from rexp.compress.embed.lowrank import LowRank, LowRankConfig, LowRankTable
from rexp.errors import ConfigError
from rexp.models.fm import FM, FMConfig
from rexp.nn.embedding import EmbeddingTable

from .helpers import SPLIT

FEATURES = {
    "user.age": FeatureSpec("user", "category", 50),
    "item.genres": FeatureSpec("item", "set", 12),
    "context.hour": FeatureSpec("context", "category", 4),
}


def model() -> FM:
    torch.manual_seed(0)
    return FM(FMConfig(factors=8), DataSpec(1000, 200, 5000, FEATURES))


def narrowed(**options: Any) -> dict[str, int]:
    """The columns of each table of vectors after the stage, by path."""
    narrow = model()
    stage = LowRank(LowRankConfig(ignore=("weights.*",), **options))
    stage.apply(narrow, StageContext(SPLIT, torch.Generator().manual_seed(0)))
    tables = {path: part for path, part in narrow.named_modules() if isinstance(part, LowRankTable | EmbeddingTable)}
    return {
        path.removeprefix("fields."): table.options["rank"] if isinstance(table, LowRankTable) else 8
        for path, table in tables.items()
        if path.startswith("fields.") and not path.endswith(".factor")
    }


def test_tables_go_by_the_names_of_their_fields() -> None:
    found = find_modules(model(), EmbeddingTable, ["context.hour", "item.*"], ["weights.*"])
    assert list(found) == ["fields.context_tables.0", "fields.item_features.features.0.table"]
    assert [len(table.rows()) for table in found.values()] == [4, 12]
    assert list(find_modules(model(), EmbeddingTable, ["user"])) == ["fields.users", "weights.users"]
    assert len(find_modules(model(), EmbeddingTable, ignore=["user", "item"])) == 2 * 3
    with pytest.raises(ConfigError, match=r"fields\.context_tables\.0 \(context\.hour\)"):
        select_modules(model(), EmbeddingTable, ["context.day"], [])


# Of 1000 users, 200 items, 50 ages, 12 genres and 4 hours: rank (1000 / rows)^alpha. A table stays with 8 columns or
# more, and where two narrow matrices would be no smaller.
@pytest.mark.parametrize(
    ("options", "ranks"),
    [
        ({"rank": 1, "alpha": 0.5}, (1, 4, 8, 2, 8)),
        ({"rank": 2, "alpha": 0.0}, (2, 2, 2, 2, 2)),
        ({"rank": 2, "alpha": 0.5, "targets": ("user", "item")}, (2, 8, 8, 4, 8)),
        # Floats of users, ages, hours, items and genres: 1008 + 232 + 32 + 416 + 96 = 1784 of 10,128 at rank 1,
        # 2016 + 400 + 32 + 832 + 96 = 3376 at rank 2.
        ({"budget": 3, "alpha": 0.5}, (2, 8, 8, 4, 8)),
        ({"budget": 3.01, "alpha": 0.5}, (1, 4, 8, 2, 8)),
        ({"budget": 4 * 3376, "unit": "bytes", "alpha": 0.5}, (2, 8, 8, 4, 8)),
        ({"budget": 4 * 3376 - 1, "unit": "bytes", "alpha": 0.5}, (1, 4, 8, 2, 8)),
    ],
)
def test_fields_with_more_rows_have_fewer_columns(options: dict[str, Any], ranks: tuple[int, ...]) -> None:
    paths = ("users", "user_features.features.0.table", "context_tables.0", "items", "item_features.features.0.table")
    assert narrowed(**options) == dict(zip(paths, ranks, strict=True))


def test_a_budget_that_no_width_meets_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"leaves 6752 bytes, and at alpha=0.5 .* 7136 at least"):
        narrowed(budget=6, alpha=0.5)


def test_alpha_sizes_tables_together() -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        LowRankConfig(alpha=-1.0)
    with pytest.raises(ValueError, match="alpha all of them together"):
        LowRankConfig(alpha=0.3, unit="ppd", budget=100)
