"""Losses that compare how a teacher and a student arrange the same entities."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

AT_ONCE = 256
"""Entities up to which all their pairs take less time than those within groups, group by group."""


def full_topology(student: Tensor, teacher: Tensor, weights: Tensor | None = None) -> Tensor:
    """Full topology distillation: the squared differences of all cosines (Kang et al., KDD 2021).

    ``|TT' - SS'|^2 = |S'S|^2 - 2 |T'S|^2 + |T'T|^2`` (Frobenius norms) of rows of length 1, so that no matrix of all
    pairs is made.

    Args:
        student: (A, d_s) vectors.
        teacher: (A, d_t) vectors of the same entities, without a gradient.
        weights: (A,) of the entities; a pair counts the product of its own; None counts every pair once.
    """
    ours, theirs = F.normalize(student), F.normalize(teacher)
    if weights is not None:
        roots = weights.sqrt().unsqueeze(1)
        ours, theirs = ours * roots, theirs * roots
    return (ours.T @ ours).square().sum() - 2 * (theirs.T @ ours).square().sum() + (theirs.T @ theirs).square().sum()


def within_groups(student: Tensor, teacher: Tensor, groups: Tensor) -> Tensor:
    """The squared differences of the cosines of all ordered pairs within a group that the teacher finds alike.

    Args:
        student: (A, d_s) vectors.
        teacher: (A, d_t) vectors of the same entities, without a gradient.
        groups: (A,) int64.

    Returns:
        the sum over pairs of one group whose cosine is above 0 for the teacher (the authors' code leaves out others).
    """
    ours, theirs = F.normalize(student), F.normalize(teacher)
    if len(groups) <= AT_ONCE:
        return _alike(ours, theirs, groups.unsqueeze(1) == groups)
    order = groups.argsort(stable=True)
    counts = torch.bincount(groups)
    members = counts[counts > 0].tolist()
    parts = zip(torch.split(ours[order], members), torch.split(theirs[order], members), strict=True)
    return torch.stack([_alike(*part) for part in parts]).sum()


def _alike(ours: Tensor, theirs: Tensor, counted: Tensor | None = None) -> Tensor:
    """Squared differences of the cosines of pairs that the teacher finds alike, of those ``counted`` (A, A)."""
    wanted = theirs @ theirs.T
    alike = wanted > 0 if counted is None else counted & (wanted > 0)
    return ((wanted - ours @ ours.T) * alike).square().sum()


def prototypes(vectors: Tensor, groups: Tensor) -> Tensor:
    """(G, d): the mean of the vectors (A, d) of every group that has one, without a gradient."""
    distinct, places = torch.unique(groups, return_inverse=True)
    rows = vectors.detach()
    sums = rows.new_zeros(len(distinct), rows.shape[1]).index_add_(0, places, rows)
    return sums / torch.bincount(places).unsqueeze(1)


def between_groups(student: Tensor, teacher: Tensor, groups: Tensor, *, entities: bool = True) -> Tensor:
    """The squared differences of the cosines of prototypes (Kang et al., KDD 2021).

    Args:
        student: (A, d_s) vectors.
        teacher: (A, d_t) vectors of the same entities, without a gradient.
        groups: (A,) int64.
        entities: of every prototype with every entity ("second" in the authors' code), or with every prototype
            ("first"), of which the student's have no gradient.
    """
    ours, theirs = F.normalize(prototypes(student, groups)), F.normalize(prototypes(teacher, groups))
    our_others, their_others = (F.normalize(student), F.normalize(teacher)) if entities else (ours, theirs)
    return (theirs @ their_others.T - ours @ our_others.T).square().sum()
