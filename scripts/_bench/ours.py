"""rexp's side: the real ``fit``, Lightning and all."""

from __future__ import annotations

import itertools
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import torch

from _bench.clock import now
from rexp.plugins import registry
from rexp.train.config import DeviceConfig, FitConfig
from rexp.train.fit import fit
from rexp.train.job import FitJob

if TYPE_CHECKING:
    from rexp.data.split import Split

UNVALIDATED: Any = {"select_epoch": "last", "validate_on": "none"}


def plugin(kind: str, name: str, *arguments: Any, **options: Any) -> Any:
    """A plugin with these options."""
    part = registry.load(kind, name)
    return part(part.Config(**options), *arguments)


def epochs(split: Split, batch_size: int, dropout: float, count: int, *, layout: str = "pointwise") -> list[float]:
    """Seconds of each of ``count`` whole epochs of NeuMF-8, checkpoints included.

    ``listwise`` keeps a positive with its negatives; its batches have as many samples as those of ``pointwise``.
    """
    torch.manual_seed(0)
    model = plugin("model", "ncf", split.spec, variant="neumf", factors=8, dropout=dropout)
    loss = plugin("loss", "bce", layout=layout)
    sampler = plugin("sampler", "uniform", split, n=4)
    size = batch_size if layout == "pointwise" else round(batch_size / 5)
    return whole_epochs(split, model, loss, sampler, FitConfig(max_epochs=count, batch_size=size, **UNVALIDATED))


def whole_epochs(
    split: Split, model: Any, loss: Any, sampler: Any, recipe: FitConfig, accelerator: Any = "auto"
) -> list[float]:
    """Seconds of each epoch of a fit, checkpoints included; the first epoch's begin before Lightning starts."""
    device, times = DeviceConfig(progress="none", accelerator=accelerator), [now()]
    with TemporaryDirectory() as directory:
        fit(FitJob(
            model, split, recipe, device, loss=loss, sampler=sampler, seed=0,
            directory=Path(directory), validate=None, on_epoch=[lambda *_: times.append(now())],
        ))  # fmt: skip
    return [after - before for before, after in itertools.pairwise(times)]
