"""Checks of samplers of negatives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rexp.api.training import LOG_Q
from rexp.testing.check import Check, NotApplicable, Subject, require
from rexp.testing.process import no_global_chance

if TYPE_CHECKING:
    from rexp.api import Negatives

DRAWS = 4000


def drawn(subject: Subject, sampler: Any, rows: int | None = None, seed: int = 0) -> tuple[Tensor, Negatives]:
    """Users and their negatives, for the training part's interactions or some of them."""
    users = torch.from_numpy(subject.split.train.users).long()[:rows]
    positives = torch.from_numpy(subject.split.train.items).long()[:rows]
    generator = torch.Generator().manual_seed(subject.seed + seed)
    return users, sampler.sample(users.clone(), positives.clone(), generator)


def shape(subject: Subject) -> None:
    sampler = subject.make(subject.split)
    require(sampler.positives in ("interactions", "users"), f"positives={sampler.positives!r} is neither kind")
    require(sampler.scope in ("batch", "chunk"), f"scope={sampler.scope!r} is neither kind")
    users, negatives = drawn(subject, sampler)
    items = negatives.items
    require(items.dtype == torch.int64, f"negatives are {items.dtype}, not int64")
    fits = items.ndim == 2 and len(items) == len(users)
    require(fits, f"negatives of {len(users)} users have the shape {tuple(items.shape)}")
    require(sampler.scope == "batch" or items.shape[1] == sampler.n, f"{items.shape[1]} negatives, and n={sampler.n}")


def in_range(subject: Subject) -> None:
    _, negatives = drawn(subject, subject.make(subject.split))
    items = negatives.items
    inside = (items >= 0) & (items < subject.split.n_items)
    require(bool(inside.all()), f"negatives go from {int(items.min())} to {int(items.max())}, beyond the catalog")


def by_generator(subject: Subject) -> None:
    sampler = subject.make(subject.split)
    with no_global_chance("sample"):
        _, first = drawn(subject, sampler)
    _, second = drawn(subject, sampler)
    require(torch.equal(first.items, second.items), "the same generator gives other negatives in a second call")


def empty(subject: Subject) -> None:
    _, negatives = drawn(subject, subject.make(subject.split), rows=0)
    require(len(negatives.items) == 0, f"no users get {len(negatives.items)} rows of negatives")


def rejects(subject: Subject) -> None:
    if not getattr(subject.config, "reject", False):
        raise NotApplicable("there is no option reject, or it is off")
    users, negatives = drawn(subject, subject.make(subject.split))
    offsets, items = subject.split.user_items(["train"])
    known = torch.zeros(subject.split.n_users, subject.split.n_items, dtype=torch.bool)
    for user in range(subject.split.n_users):
        known[user, items[offsets[user] : offsets[user + 1]]] = True
    met = known[users.unsqueeze(1), negatives.items]
    if negatives.log_q is not None:
        met = met & ~negatives.log_q.isposinf()
    require(not met.any(), f"reject is on, and {int(met.sum())} negatives are known positives of their users")


def log_q(subject: Subject) -> None:
    sampler = subject.make(subject.split)
    _, negatives = drawn(subject, sampler)
    if negatives.log_q is not None:
        fits = negatives.log_q.shape == negatives.items.shape
        require(fits, f"log_q {tuple(negatives.log_q.shape)} of items {tuple(negatives.items.shape)}")
        require(not negatives.log_q.isnan().any(), "log_q of drawn negatives is NaN")
        require(not negatives.log_q.isneginf().any(), "log_q of a drawn negative is -inf: it cannot have been drawn")
        require(bool((negatives.log_q[~negatives.log_q.isposinf()] <= 1e-6).all()), "log_q is above 0")
    law = LOG_Q.of(sampler)
    if law is not None:
        everything = law(torch.arange(subject.split.n_items))
        total = float(everything.double().exp().sum())
        uncorrected = bool((everything == 0).all())
        require(uncorrected or abs(total - 1) < 1e-3, f"probabilities by log_q add up to {total:.4g}, not 1")


def frequencies(subject: Subject) -> None:
    sampler = subject.make(subject.split)
    law = LOG_Q.of(sampler)
    if law is None or sampler.scope == "batch" or getattr(subject.config, "reject", False):
        raise NotApplicable("draws are not independent ones by a law of its own")
    users = torch.zeros(DRAWS, dtype=torch.int64)
    items = sampler.sample(users, users.clone(), torch.Generator().manual_seed(subject.seed)).items
    expected = law(torch.arange(subject.split.n_items)).double().exp()
    if float(expected.sum()) > 1.01:
        raise NotApplicable("nothing is corrected")
    seen = torch.bincount(items.flatten(), minlength=subject.split.n_items).double() / items.numel()
    # Five standard deviations of a share.
    width = 5 * (expected * (1 - expected) / items.numel()).sqrt() + 1e-9
    off = ((seen - expected).abs() > width).nonzero().flatten().tolist()
    require(not off, f"items {off[:5]} are drawn more or less often than log_q says")


SHAPE = ("sampler.shape",)
CHECKS = (
    Check("sampler.shape", "Batches are put together from these shapes.", shape),
    Check("sampler.in-range", "An item beyond the catalog has no score.", in_range, SHAPE),
    Check("sampler.by-generator", "A resumed epoch draws what it would have drawn.", by_generator, SHAPE),
    Check("sampler.empty", "A rank of a distributed run may have no rows.", empty, SHAPE),
    Check("sampler.rejects", "A known positive as a negative teaches the opposite.", rejects, ("sampler.in-range",)),
    Check("sampler.log-q", "The correction is subtracted from every logit.", log_q, ("sampler.in-range",)),
    Check("sampler.frequencies", "A wrong correction is a bias that nobody sees.", frequencies, ("sampler.log-q",)),
)
