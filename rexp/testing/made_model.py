"""Models built on the small data, as a run builds them, and what they are asked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rexp.api import Capability, ConfigError, Query, Split, adopt_embeddings
from rexp.api.model import HISTORY_LENGTH, TAKE_PARTS
from rexp.plugins import registry
from rexp.testing.check import NotApplicable, Subject
from rexp.train.rng import seed_everything

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rexp.data.types import Part

K = 5
"""Items of each user in a question."""


def built(subject: Subject, seed: int = 0, split: Split | None = None) -> Any:
    """The model with its initial weights, which has seen what it reads of the training part."""
    split = split or subject.split
    seed_everything(subject.seed + seed)
    model = subject.make(split.spec)
    if take := TAKE_PARTS.of(model):
        _take(take, split)
    adopt_embeddings(model)
    if Capability.NEEDS_TRAIN_DATA in model.capabilities():
        model.bind(split)
    return model


def _take(take: Callable[[Sequence[Any]], None], split: Split) -> None:
    """Give a model what it is made of, in the place of stored runs: EASE and PureSVD, or EASE where it takes one."""
    parts = [registry.load("model", name) for name in ("ease", "puresvd")]
    made = [part(part.Config(**options), split.spec) for part, options in zip(parts, ({}, {"factors": 4}), strict=True)]
    for part in made:
        part.fit(split, torch.Generator().manual_seed(0))
        part.eval()
    try:
        take(made)
    except ConfigError:
        take(made[:1])


@torch.no_grad()
def ready(subject: Subject, seed: int = 0, split: Split | None = None) -> Any:
    """The model in evaluation mode: fitted where it has a closed form, else with all parameters drawn anew, so that no
    bias is 0 and no two scores are alike."""
    model = built(subject, seed, split)
    generator = torch.Generator().manual_seed(subject.seed + seed)
    if Capability.CLOSED_FORM in model.capabilities():
        model.fit(split or subject.split, generator)
    for parameter in model.parameters():
        parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
    return model.eval()


def query(model: Any, split: Split, users: Tensor | None = None) -> Query:
    """Users, all of them where none are named, with their history, and in their latest context, where the model reads
    these."""
    users = torch.arange(split.n_users) if users is None else users
    parts: list[Part] = ["train"] if Capability.SEQUENTIAL in model.capabilities() else []
    asked = split.query(users, parts, HISTORY_LENGTH.of(model))
    if Capability.READS_CONTEXT not in model.capabilities():
        return asked
    latest = split.train.latest_context(split.n_users)
    return replace(asked, features={name: torch.from_numpy(values)[users] for name, values in latest.items()})


def some_items(split: Split, seed: int, k: int = K) -> Tensor:
    """(U, K) items for all users."""
    return torch.randint(split.n_items, (split.n_users, k), generator=torch.Generator().manual_seed(seed))


def whole_catalog(split: Split, n_users: int) -> Tensor:
    """(B, I) all items, for each user."""
    return torch.arange(split.n_items).repeat(n_users, 1)


@torch.no_grad()
def scored(model: Any, split: Split, users: Tensor | None = None) -> Tensor:
    """(B, I) scores of the whole catalog."""
    asked = query(model, split, users)
    scores: Tensor = model.score(asked, whole_catalog(split, len(asked.users)))
    return scores


def needs(model: Any, *capabilities: Capability) -> None:
    """Leave the check out for a model that does not state them."""
    for capability in capabilities:
        if capability not in model.capabilities():
            raise NotApplicable(f"the model does not state {capability.name}")


def proper(model: Any, scores: Tensor) -> Tensor:
    """Which scores are finite; -inf is as good where a model recommends the items of its lists alone."""
    finite = scores.isfinite()
    return finite | scores.isneginf() if Capability.LISTS_ONLY in model.capabilities() else finite


def close(first: Tensor, second: Tensor) -> bool:
    """Alike but for rounding, with NaN and infinities in the same places."""
    return first.shape == second.shape and bool(
        torch.isclose(first.float(), second.float(), rtol=1e-3, atol=1e-4, equal_nan=True).all()
    )


def same(first: Tensor, second: Tensor) -> bool:
    """Bitwise alike, NaN too."""
    return first.shape == second.shape and torch.equal(first.nan_to_num(1e30), second.nan_to_num(1e30))
