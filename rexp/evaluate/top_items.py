"""The best items of every user: exact, in blocks of users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from rexp.evaluate.evaluator import device_of
from rexp.evaluate.protocols.candidate_sources import FullCatalog
from rexp.evaluate.scoring import Scorer
from rexp.evaluate.topk import NEVER, stable_topk
from rexp.evaluate.user_items import UserItems

if TYPE_CHECKING:
    from rexp.data.split import Split
    from rexp.data.types import Catalogue, Part

BLOCK_BYTES = 64 * 2**20


def top_items(
    model: Any,
    split: Split,
    users: Tensor,
    k: int,
    mask: Sequence[Part],
    block_bytes: int = BLOCK_BYTES,
    shown: Sequence[Part] | None = None,
    catalogue: Catalogue = "train",
) -> tuple[Tensor, Tensor]:
    """The k best items of each user, from the whole catalogue.

    Equal scores are ordered by item id, the lower first, as in the evaluation.

    Args:
        model: in evaluation mode, on any device.
        split: the data it was trained on.
        users: (U,) int64 dense ids.
        k: length of the lists, 1 or more.
        mask: parts whose items are not recommended to their user.
        block_bytes: bound on the scores held at once.
        shown: parts that a model of sequences reads; None is those of the mask.
        catalogue: items with a training interaction ("train"), of the vocabulary ("all"), or without one ("cold").

    Returns:
        items (U, k) int64, best first, -1 where the catalogue is exhausted; their scores (U, k), -inf there.

    Raises:
        RunError: the model gives NaN.
    """
    device = device_of(model)
    outside = torch.from_numpy(np.flatnonzero(~split.in_catalogue(catalogue))).to(device)
    source = FullCatalog(UserItems(split, mask, device), outside, block_bytes)
    scorer = Scorer(model, split, mask if shown is None else shown, device, block_bytes)
    order = torch.arange(split.n_items - 1, -1, -1, device=device).unsqueeze(0)
    items, values = [], []
    with torch.no_grad():
        for block in torch.split(users.to(device), source.block):
            scores, _ = source.scores(scorer, block)
            columns, _ = stable_topk(scores, k, order)
            items.append(columns.cpu())
            values.append(scores.gather(1, columns.clamp(min=0)).masked_fill(columns < 0, NEVER).cpu())
    return torch.cat(items), torch.cat(values)
