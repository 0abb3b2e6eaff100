"""Product quantization."""

from __future__ import annotations

import faiss
import numpy as np
import pytest
import torch

from rexp.compress.quantize.pq import ProductQuantizedTable
from tests.compress.embed.helpers import apply, mf, split_of, table_of


@pytest.mark.parametrize(("bits", "parts", "dim"), [(4, 4, 16), (4, 3, 17), (8, 3, 17), (4, 5, 5)])
def test_a_row_is_joined_of_the_centres_that_its_codes_name(bits: int, parts: int, dim: int) -> None:
    torch.manual_seed(0)
    table = ProductQuantizedTable(50, dim, parts, bits)
    table.codes.random_()
    table.centres.normal_()
    widths = [len(part) for part in np.array_split(np.arange(dim), parts)]
    for idx in (0, 7, 49):
        number, expected, start = int.from_bytes(table.codes[idx].numpy().tobytes(), "little"), [], 0
        for part, width in enumerate(widths):
            code = number >> (bits * part) & (2**bits - 1)
            expected += table.centres[code, start : start + width].tolist()
            start += width
        assert table(torch.tensor(idx)).tolist() == expected


def test_its_error_is_that_of_faiss() -> None:
    random = np.random.default_rng(0)
    rows = random.standard_normal((600, 16)).astype(np.float32)
    model = mf(split_of(600, 43), factors=16)
    model.users.assign(torch.from_numpy(rows))
    apply("pq", model, split_of(600, 43), targets=("users",), bits=4, parts=4)
    theirs = faiss.ProductQuantizer(16, 4, 4)
    theirs.train(rows)
    decoded = theirs.decode(theirs.compute_codes(rows))
    ours = np.square(model.users.rows().numpy() - rows).mean()
    assert ours == pytest.approx(np.square(decoded - rows).mean(), rel=0.05)


def test_bytes() -> None:
    assert ProductQuantizedTable(1000, 32, 8, 8).nbytes() == 1000 * 8 + 256 * 32 * 4
    assert ProductQuantizedTable(1000, 32, 7, 4).nbytes() == 1000 * 4 + 16 * 32 * 4


def test_pieces_of_few_values_are_kept_and_zeros_stay() -> None:
    torch.manual_seed(0)
    rows = torch.randint(-1, 2, (60, 16)).float()
    rows[5] = 0
    table = table_of("pq", rows, bits=4, parts=8)  # 9 values a piece
    assert torch.equal(table.rows(), rows)
    rows = torch.randn(60, 16)
    rows[[5, 9]] = 0
    table = table_of("pq", rows, bits=4, parts=4)
    assert not table(torch.tensor([5, 9])).any()
    assert table(torch.tensor([6])).any()
