"""Weights of attention, beside those that the definition gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from planted import in_memory, model_of
from rexp_explain import explain_model
from torch.nn import functional as F  # noqa: N812

from rexp.api import Capability, ConfigError, Query, RecommenderModule

HISTORY = (5, 2, 5, 8)


def test_weights_of_one_block_are_the_softmax_of_its_products() -> None:
    split = in_memory(np.array([[0, item] for item in HISTORY]), 1, 10)
    torch.manual_seed(0)
    model = model_of("sasrec", split.spec, factors=8, heads=2, blocks=1, history_length=6)
    found = explain_model(model, split, 0, 3, by="attention")
    states = model.items(torch.tensor([HISTORY])) * 8**0.5 + model.positions(torch.arange(2, 6))
    block = model.blocks[0]
    query = block.query(block.attention_norm(states))[0, -1].view(2, 4)
    keys = block.key(states)[0].view(len(HISTORY), 2, 4)
    weights = (torch.einsum("hd,lhd->hl", query, keys) / 2).softmax(-1).mean(0).tolist()
    wanted = {"5": weights[0] + weights[2], "2": weights[1], "8": weights[3]}
    assert {reason.name: reason.value for reason in found.reasons} == pytest.approx(wanted, abs=1e-6)
    assert sum(reason.value for reason in found.reasons) == pytest.approx(1, abs=1e-6)
    assert (found.by, found.base) == ("history", None)
    assert found.reasons[0].name == max(wanted, key=wanted.__getitem__)


class Masked(RecommenderModule):
    """Attends to all that a mask allows."""

    def __init__(self, mask: torch.Tensor) -> None:
        super().__init__()
        self.mask = mask

    def capabilities(self) -> frozenset[Capability]:
        return frozenset({Capability.SEQUENTIAL})

    def score(self, query: Query, items: torch.Tensor) -> torch.Tensor:
        assert query.history is not None
        states = torch.zeros(1, 1, query.history.shape[1], 2)
        return F.scaled_dot_product_attention(states, states, states, self.mask).sum().expand(len(items))


@pytest.mark.parametrize("mask", [torch.tensor([True, True, False, True]), torch.tensor([0.0, 0.0, -torch.inf, 0.0])])
def test_a_mask_takes_places_out(mask: torch.Tensor) -> None:
    split = in_memory(np.array([[0, item] for item in range(4)]), 1, 6)
    found = explain_model(Masked(mask.expand(4, 4)), split, 0, 5, by="attention")
    values = {reason.name: reason.value for reason in found.reasons}
    assert values == pytest.approx({"0": 1 / 3, "1": 1 / 3, "2": 0, "3": 1 / 3})


@pytest.mark.parametrize("name", ["mf", "gru4rec"])
def test_a_model_without_attention_is_refused(name: str) -> None:
    split = in_memory(np.array([[0, item] for item in HISTORY]), 1, 10)
    with pytest.raises(ConfigError, match="no attention over the history"):
        explain_model(model_of(name, split.spec), split, 0, 1, by="attention")
