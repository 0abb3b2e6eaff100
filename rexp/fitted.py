"""The step ``fit``: the model as its recipe leaves it, trained now or taken from a run that trained it the same way.

What a fit depends on is less than what a run is: another cut, metric or retriever measures the same model, so that a
sweep over them trains once.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from rexp.store.identity import alias_key

if TYPE_CHECKING:
    from torch import nn

    from rexp.config.plan import Plan
    from rexp.data.split import Part
    from rexp.store.store import Store
    from rexp.train.fit import FitReport

Report = dict[str, Any]
Log = Callable[[Mapping[str, float], int], None]


def fitted(plan: Plan, store: Store, run: str, log: Log) -> Report:
    """Bring the plan's model to the end of its fit, in place.

    Args:
        plan: the job.
        store: where a run with the same fit may lie, and where this one writes its epochs.
        run: this run's id.
        log: is told the values of every epoch, and its number.

    Returns:
        What the result says of it: epochs, selection, seconds; ``taken_from`` names the run that was reused.
    """
    known = _known(plan, store)
    if known is None:
        return _train(plan, store, run, log)
    from rexp.store.artifact import load_state

    load_state(plan.model, store.directory(known))
    print(f"trained already: the weights of run {known}, whose fit is the same", file=sys.stderr)
    report: Report = {**store.result(known)["fit"]}
    return report | {"taken_from": report.get("taken_from", known)}


@contextmanager
def alone(plan: Plan, store: Store) -> Iterator[None]:
    """Of several runs with one fit, let one at a time pass until one has done it, so that the others can take it."""
    if _known(plan, store):
        yield
        return
    with store.lock(f"fit-{_key(plan)[:12]}"):
        yield


def remember(plan: Plan, store: Store, run: str) -> None:
    """Let later runs with the same fit find this one, once it is committed."""
    store.set_alias(_key(plan), run)


def _key(plan: Plan) -> str:
    return alias_key({"fit": plan.fit_identity()})


def _known(plan: Plan, store: Store) -> str | None:
    return None if plan.request.force else store.alias(_key(plan))


def _train(plan: Plan, store: Store, run: str, log: Log) -> Report:
    """Fit in place; what the report says of epochs and selection goes into the result."""
    import torch

    from rexp import registry

    request, split, model = plan.request, plan.split, plan.model
    started = time.perf_counter()
    if plan.fit is None:
        model.fit(split, torch.Generator().manual_seed(request.seed))  # type: ignore[operator]
        return {"selected": "closed form", "seconds": time.perf_counter() - started}
    from rexp.config.watched import between_epochs
    from rexp.evaluate.evaluator import Evaluator, device_of
    from rexp.train.fit import fit

    recipe = plan.fit.recipe
    loss = sampler = None
    if plan.fit.loss:
        name, config = plan.fit.loss
        loss = registry.load("loss", name)(config)
    if plan.fit.sampler:
        name, config = plan.fit.sampler
        sampler = registry.load("sampler", name)(config, split)

    part: Part = "valid" if recipe.watch == "valid" else "test"
    evaluator = cache(partial(Evaluator, split, between_epochs(request.evaluate), part))  # one a device

    def validate(candidate: nn.Module) -> Mapping[str, float]:
        return evaluator(device_of(candidate))(candidate).metrics

    def on_epoch(epoch: int, values: Mapping[str, float]) -> None:
        store.append_metrics(run, {"epoch": epoch, **values})
        log(values, epoch)

    report: FitReport = fit(
        model,
        split,
        recipe,
        request.device,
        loss=loss,
        sampler=sampler,
        seed=request.seed,
        directory=store.directory(run),
        validate=None if recipe.watch == "none" else validate,
        on_epoch=[on_epoch],
    )
    summary: Report = report.summary()
    return summary
