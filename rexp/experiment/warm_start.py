"""Warm start: threads and device, initial weights and embeddings from other runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from rexp.api.model import INIT_FROM_MODELS
from rexp.config.recipe import TrainingStep
from rexp.config.retriever import TEACHER
from rexp.errors import ConfigError
from rexp.evaluate.embeddings import check_embeds
from rexp.evaluate.item_features import item_features
from rexp.experiment.restore import load_model
from rexp.plugins.process_state import flushes_denormals
from rexp.retrieve.retrieval import Retrieval
from rexp.store.weights import load_state
from rexp.train.devices import device_of_run

if TYPE_CHECKING:
    from rexp.config.plan import Plan
    from rexp.store.store import Store


@contextmanager
def torch_settings(threads: int) -> Iterator[None]:
    """Context with the run's thread count and denormal mode; restored afterwards.

    Numbers too small for full precision are 0: Adam's momentum of a row that has no gradient falls to them within a
    thousand steps and stays there, and a processor takes many times as long for each of them.

    Args:
        threads: one is often faster than two for small models, and steadier on a busy machine.
    """
    known, flushed = torch.get_num_threads(), flushes_denormals()
    torch.set_flush_denormal(True)  # before torch's other threads begin, which take the setting over
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(known)
        torch.set_flush_denormal(flushed)


def warm_start(plan: Plan, store: Store) -> None:
    """Take the weights that ``model.init_from`` names: one run's as they are, or several runs' by role.

    A mapping (``model.init_from: {gmf: RUN, mlp: RUN}``) goes to the model's ``init_from_models``, which fuses them.
    """
    if plan.source is None:
        return

    if isinstance(plan.source, str):
        run = store.result(store.resolve(plan.source)).run_id
        load_state(plan.model, store.directory(run))
        return
    fuse = INIT_FROM_MODELS.of(plan.model)
    if fuse is None:
        raise ConfigError(
            f"model={plan.request.model['name']} cannot start from several runs; give model.init_from one run id"
        )
    fuse({role: load_model(store, run, plan.split, f"model.init_from.{role}") for role, run in plan.source.items()})


def evaluation_device(plan: Plan) -> torch.device:
    """Where a run's model is evaluated: on the device that trained it last.

    What was fitted in closed form, or stored otherwise after its training, stays on the CPU, as candidates of two
    stages do: not all of it can be read elsewhere. So does what several processes trained: they were forked, and the
    next ones cannot be where this one has begun to use a GPU.
    """
    device = plan.request.device
    trained_last = plan.fit is not None and isinstance(plan.recipe.steps[-1], TrainingStep)
    if trained_last and plan.retrieving is None and device.devices == 1:
        return device_of_run(device)
    return torch.device("cpu")


def retrieval(plan: Plan, store: Store) -> Retrieval | None:
    """The first of two stages, with the stored models it names."""
    wanted = plan.retrieving
    if wanted is None:
        return None

    vectors_from = features = ranker = None
    if wanted.source is None:
        check_embeds(plan.model)  # now, and not after it was trained
    elif wanted.source == "item_features":
        features = item_features(plan.split, plan.request.evaluate.item_features or "genres").numpy()
    else:
        vectors_from = load_model(store, wanted.source, plan.split, "retriever.from")
    if wanted.ranker not in (None, TEACHER):  # the teacher may still have to be trained, when options are checked
        ranker = load_model(store, wanted.ranker, plan.split, "retriever.ranker")
    folder = store.root / ".indexes"
    choice, n = wanted.choice, wanted.n_candidates
    return Retrieval(choice.name, choice.config, n, vectors_from, features, folder, ranker)
