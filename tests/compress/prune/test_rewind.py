"""Initial weights under the mask of trained ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from rexp.api import StageContext
from rexp.compress.prune._masks import topk_masks
from rexp.compress.prune.magnitude import Magnitude, MagnitudeConfig
from rexp.compress.prune.rewind import Rewind, RewindConfig
from rexp.compress.prune.rotate import Rotate, RotateConfig
from rexp.compress.prune.structured import Structured, StructuredConfig
from rexp.errors import ConfigError
from rexp.store.store import Store
from tests import warm
from tests.compress.embed.helpers import SPLIT, mf, ncf


def test_the_largest_trained_weights_have_their_initial_values() -> None:
    model = mf(item_bias=False)
    initial = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape))
    trained = [model.users.weight.detach().clone(), model.items.weight.detach().clone()]
    context = replace(StageContext(SPLIT, torch.Generator()), initial=initial)
    Rewind(RewindConfig(sparsity=0.6)).apply(model, context)
    for table, name, mask in zip(
        (model.users, model.items), ("users", "items"), topk_masks(trained, 0.6, "global", 1), strict=True
    ):
        assert torch.equal(table.weight, initial[f"{name}.weight"] * mask)


def test_what_began_at_zero_and_stays_is_trained_again() -> None:
    model = mf(item_bias=True)  # its biases, the last column of the items, begin at 0
    initial = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with torch.no_grad():
        model.items.weight[:20, -1] = 5.0
    context = StageContext(SPLIT, torch.Generator(), initial=initial)
    Rewind(RewindConfig(sparsity=0.5)).apply(model, context)
    torch.testing.assert_close(model.items.weight[:, -1], torch.zeros(SPLIT.n_items), rtol=0, atol=1e-12)
    holding = Magnitude(MagnitudeConfig(sparsity=None)).attach(model, context)
    holding.on_epoch(1)
    with torch.no_grad():
        model.items.weight += 1
    holding.after_step()
    assert model.items.weight[:20, -1].all()
    assert not model.items.weight[20:, -1].any()


@pytest.mark.parametrize(("make", "stage"), [
    (mf, Rotate(RotateConfig())), (ncf, Structured(StructuredConfig())),
])  # fmt: skip
def test_what_a_stage_made_anew_has_no_initial_weights(make: Any, stage: Any) -> None:
    model = make()
    context = StageContext(SPLIT, torch.Generator(), initial=dict(model.state_dict()))
    stage.apply(model, context)
    with pytest.raises(ConfigError, match="put rewind before the stage that made it anew") as refused:
        Rewind(RewindConfig()).apply(model, context)
    assert "\n" not in str(refused.value)


@pytest.mark.slow
def test_a_ticket_from_the_command_line(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rows = [f"u{user},{item},{when}" for user in range(40) for when, item in enumerate(random.permutation(30)[:9])]
    (tmp_path / "mine.csv").write_text("\n".join(["user,item,time", *rows]) + "\n")
    command = ["data=csv", "data.path=mine.csv", "model=mf", "model.factors=8",
               "compress=ticket", "train.max_epochs=3", "compress.finetune.max_epochs=2", "track=none", "references=[]",
               "measure.latency=false", "model.item_bias=false",
               "+compress.finetune.select_epoch=last", "+compress.finetune.patience=0"]  # fmt: skip
    done = warm.rexp(*command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (result,) = Store(tmp_path / "runs").runs()
    run = tmp_path / "runs" / result.run_id
    rewound, trained = (load_file(run / f"step-{step}.safetensors")["users.weight"] for step in (2, 3))
    assert torch.equal(rewound == 0, trained == 0)
    assert not torch.equal(rewound, trained)
    # The values are those that the run began with: its first fit has the seed's.
    torch.manual_seed(0)
    assert len(rewound[rewound != 0].unique()) > 10
    assert rewound.abs().max() < 6 * 0.1
