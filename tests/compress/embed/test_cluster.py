"""Centres of rows."""

from __future__ import annotations

import pytest
import torch

from rexp.compress.embed._kmeans import clusters
from rexp.compress.embed.cluster import ClusteredTable

from .helpers import table_of


def chance() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def planted(noise: float = 0.01) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    groups = torch.arange(60) % 5
    return 10 * torch.eye(5, 8)[groups] + noise * torch.randn(60, 8), groups


def test_planted_groups_are_found() -> None:
    rows, groups = planted()
    centres, codes = clusters(rows, 5, chance())
    for group in range(5):
        assert len(codes[groups == group].unique()) == 1
        own = codes[groups == group][0]
        torch.testing.assert_close(centres[own], rows[groups == group].mean(0), rtol=1e-4, atol=1e-4)


def test_every_row_has_its_nearest_centre() -> None:
    torch.manual_seed(0)
    rows = torch.randn(200, 4)
    centres, codes = clusters(rows, 17, chance())
    distances = torch.cdist(rows, centres)
    torch.testing.assert_close(distances.gather(1, codes[:, None])[:, 0], distances.min(1).values)


def test_rows_of_zeros_stay_so() -> None:
    rows, _ = planted()
    rows[[3, 40]] = 0
    centres, codes = clusters(rows, 4, chance())
    assert codes[3] == codes[40] == 0
    assert not centres[0].any()
    assert (codes != 0).sum() == 58
    table = table_of("cluster", rows, clusters=4)
    assert not table(torch.tensor([3, 40])).any()
    assert table(torch.tensor([4])).any()


def test_few_distinct_rows_are_kept_as_they_are() -> None:
    rows = torch.randn(6, 3)[torch.arange(60) % 6]
    for n in (6, 9):
        centres, codes = clusters(rows, n, chance())
        assert centres.shape == (n, 3)
        assert torch.equal(centres[codes], rows)


def test_one_centre_is_the_mean() -> None:
    rows, _ = planted()
    centres, codes = clusters(rows, 1, chance())
    torch.testing.assert_close(centres[0], rows.mean(0))
    assert not codes.any()


@pytest.mark.parametrize(("n", "dtype"), [(256, torch.uint8), (257, torch.int16), (40_000, torch.int32)])
def test_codes_are_as_small_as_can_be(n: int, dtype: torch.dtype) -> None:
    assert ClusteredTable(50_000, 1, n).codes.dtype == dtype
