"""Centres of rows."""

from __future__ import annotations

import torch
from torch import Generator, Tensor


def clusters(rows: Tensor, n: int, generator: Generator) -> tuple[Tensor, Tensor]:
    """Find n centres by k-means (faiss). Rows of zeros have a centre of their own, and keep their value.

    Args:
        rows: (R, D) float32.
        n: centres.
        generator: the source of chance.

    Returns:
        centres (n, D), and the centre of each row (R,) int64. Up to n distinct rows are kept as they are.
    """
    import faiss

    centres = rows.new_zeros(n, rows.shape[1])
    if len(torch.unique(rows[: 2 * n], dim=0)) <= n:  # sorting all rows is worth it only then
        distinct, codes = torch.unique(rows, dim=0, return_inverse=True)
        if len(distinct) <= n:
            centres[: len(distinct)] = distinct
            return centres, codes
    zero = ~rows.any(1)
    first = int(zero.any())  # centre 0 stays zero
    codes = torch.zeros(len(rows), dtype=torch.int64)
    seed = int(torch.randint(2**31, (1,), generator=generator))
    if n > first:
        # It warns below 39 rows a centre; small tables have fewer.
        means = faiss.Kmeans(rows.shape[1], n - first, seed=seed, min_points_per_centroid=1)
        points = rows[~zero].contiguous().numpy()
        means.train(points)
        centres[first:] = torch.from_numpy(means.centroids)
        codes[~zero] = torch.from_numpy(means.index.search(points, 1)[1][:, 0]) + first
    return centres, codes
