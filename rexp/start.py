"""Where a run's model starts: threads, and weights taken from other runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rexp.errors import ConfigError

if TYPE_CHECKING:
    from torch import nn

    from rexp.config.plan import Plan
    from rexp.store.store import Store


def set_threads(threads: int) -> None:
    """Threads of torch's kernels; one is often faster than two for small models, and steadier on a busy machine."""
    import torch

    torch.set_num_threads(threads)


def initialise(plan: Plan, store: Store) -> None:
    """Take the weights that ``model.from`` names: one run's as they are, or several runs' by role.

    A mapping (``model.from: {gmf: RUN, mlp: RUN}``) goes to the model's ``initialise_from``, which fuses them.
    """
    if plan.source is None:
        return
    from rexp.store.artifact import load_state

    if isinstance(plan.source, str):
        load_state(plan.model, store.directory(store.resolve(plan.source)))
        return
    fuse = getattr(plan.model, "initialise_from", None)
    if fuse is None:
        raise ConfigError(
            f"model={plan.request.model['name']} cannot start from several runs; give model.from one run id"
        )
    fuse({role: _stored_model(run, plan, store) for role, run in plan.source.items()})


def _stored_model(run: str, plan: Plan, store: Store) -> nn.Module:
    """A finished run's model, rebuilt from its typed configuration and its weights."""
    from rexp import registry
    from rexp.api import Capability
    from rexp.config.typed import build
    from rexp.store.artifact import load_state

    run = store.resolve(run)
    result: Mapping[str, object] = store.result(run)
    node = dict(result["config"]["model"])  # type: ignore[index]
    if result["data"]["fingerprint"] != plan.split.fingerprint:  # type: ignore[index]
        raise ConfigError(f"model.from names run {run}, which was trained on other data; its ids mean other items")
    model_class = registry.load("model", node.pop("name"))
    model: nn.Module = model_class(build(model_class.Config, node, "model.from"), plan.split.spec)  # type: ignore[attr-defined]
    if Capability.READS_TRAIN in model.capabilities():  # type: ignore[operator]
        model.observe(plan.split)  # type: ignore[operator]
    load_state(model, store.directory(run))
    return model
