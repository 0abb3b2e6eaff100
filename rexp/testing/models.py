"""Checks of models: what they state, and what they score."""

from __future__ import annotations

import torch

from rexp.api import Capability
from rexp.api.model import ITEM_EMBEDDINGS_OF
from rexp.testing.check import Check, Subject, require
from rexp.testing.made_model import close, needs, proper, query, ready, same, scored, some_items, whole_catalog

METHODS = {
    Capability.HAS_EMBEDDINGS: ("user_embeddings", "item_embeddings"),
    Capability.SCORES_ALL_ITEMS: ("score_all",),
    Capability.CLOSED_FORM: ("fit",),
    Capability.OWN_LOSS: ("training_loss",),
    Capability.REGULARIZED: ("penalty",),
    Capability.NEEDS_TRAIN_DATA: ("bind",),
    Capability.SCORES_SEQUENCES: ("score_sequence",),
}


def made(subject: Subject) -> None:
    ready(subject)


def capabilities(subject: Subject) -> None:
    model = ready(subject)
    stated = model.capabilities()
    require(isinstance(stated, frozenset), f"capabilities() gives a {type(stated).__name__}, not a frozenset")
    known = set(Capability)
    require(stated <= known, f"capabilities() states {sorted(map(str, stated - known))}, which rexp does not know")
    for capability in stated:
        missing = [name for name in METHODS.get(capability, ()) if not callable(getattr(model, name, None))]
        require(not missing, f"{capability.name} is stated, and there is no {', '.join(missing)}")
    if Capability.DOT_PRODUCT in stated:
        require(Capability.HAS_EMBEDDINGS in stated, "DOT_PRODUCT is stated without HAS_EMBEDDINGS")


def score_shape(subject: Subject) -> None:
    model, split = ready(subject), subject.split
    asked = query(model, split)
    with torch.no_grad():
        for items in (some_items(split, 0), some_items(split, 0, 1), some_items(split, 0)[:, 0]):
            scores = model.score(asked, items)
            require(scores.shape == items.shape, f"scores {tuple(scores.shape)} of items {tuple(items.shape)}")
            require(scores.is_floating_point(), f"scores are {scores.dtype}, not floating point")


def nothing_asked(subject: Subject) -> None:
    model, split = ready(subject), subject.split
    nobody = query(model, split, torch.arange(0))
    with torch.no_grad():
        for asked, items in (
            (query(model, split), some_items(split, 0, 0)),
            (nobody, some_items(split, 0)[:0]),
            (nobody, some_items(split, 0)[:0, 0]),
        ):
            shape = model.score(asked, items).shape
            require(shape == items.shape, f"scores {tuple(shape)} of items {tuple(items.shape)}")


def repeatable(subject: Subject) -> None:
    model = ready(subject)
    require(same(scored(model, subject.split), scored(model, subject.split)), "two calls of score differ")


def finite(subject: Subject) -> None:
    model = ready(subject)
    scores = scored(model, subject.split)
    bad = (~proper(model, scores)).nonzero()
    require(not len(bad), f"{len(bad)} scores are not finite, the first of user, item {bad[:1].tolist()}")


def one_by_one(subject: Subject) -> None:
    model, split = ready(subject), subject.split
    asked, matrix = query(model, split), scored(model, split)
    with torch.no_grad():
        columns = [model.score(asked, torch.full((split.n_users,), item)) for item in range(split.n_items)]
    require(close(torch.stack(columns, 1), matrix), "items (B,) are scored otherwise than the same ones (B, K)")


def batch_independent(subject: Subject) -> None:
    model, split = ready(subject), subject.split
    matrix = scored(model, split)
    order = torch.randperm(split.n_users, generator=torch.Generator().manual_seed(subject.seed))
    require(close(scored(model, split, order), matrix[order]), "users in another order are scored otherwise")
    for user in (0, 7, split.n_users - 1):
        alone = scored(model, split, torch.tensor([user]))
        require(close(alone, matrix[user : user + 1]), f"user {user} alone is scored otherwise than in a batch")
    twice = scored(model, split, torch.tensor([3, 3]))
    require(close(twice, matrix[[3, 3]]), "a user who is met twice is scored otherwise")


def score_all(subject: Subject) -> None:
    model, split = ready(subject), subject.split
    needs(model, Capability.SCORES_ALL_ITEMS)
    with torch.no_grad():
        everything = model.score_all(query(model, split))
    shape = (split.n_users, split.n_items)
    require(everything.shape == shape, f"score_all gives {tuple(everything.shape)}, not {shape}")
    require(close(everything, scored(model, split)), "score_all and score differ")


def embeddings(subject: Subject) -> None:
    model, split = ready(subject), subject.split
    needs(model, Capability.HAS_EMBEDDINGS)
    with torch.no_grad():
        users, items = model.user_embeddings(query(model, split)), model.item_embeddings()
    fits = users.shape[1:] == items.shape[1:] or Capability.DOT_PRODUCT not in model.capabilities()
    sizes = users.ndim == items.ndim == 2 and (len(users), len(items)) == (split.n_users, split.n_items)
    require(fits and sizes, f"vectors of users {tuple(users.shape)}, of items {tuple(items.shape)}")
    if of := ITEM_EMBEDDINGS_OF.of(model):
        few = torch.arange(split.n_items).flip(0)[:3]
        with torch.no_grad():
            require(close(of(few), items[few]), "item_embeddings_of gives other vectors than item_embeddings")


def dot_product(subject: Subject) -> None:
    model, split = ready(subject), subject.split
    needs(model, Capability.DOT_PRODUCT)
    with torch.no_grad():
        products = model.user_embeddings(query(model, split)) @ model.item_embeddings().T
    require(close(products, scored(model, split)), "score is not the dot product of the vectors")


def inputs_kept(subject: Subject) -> None:
    model, split = ready(subject), subject.split
    asked, items = query(model, split), whole_catalog(split, split.n_users)
    users, history = asked.users.clone(), asked.history
    before = None if history is None else history.clone()
    with torch.no_grad():
        model.score(asked, items)
        if Capability.SCORES_ALL_ITEMS in model.capabilities():
            model.score_all(asked)
    kept = torch.equal(users, asked.users) and torch.equal(items, whole_catalog(split, split.n_users))
    require(kept, "scoring writes into the users or items it is asked for")
    unchanged = history is None or before is None or torch.equal(before, history)
    require(unchanged, "scoring writes into the history")


MADE, SHAPE, KEPT, AGAIN = "model.made", "model.score-shape", "model.inputs-kept", "model.repeatable"
CHECKS = (
    Check(MADE, "A model that cannot be built and fitted on small data cannot be run.", made),
    Check("model.capabilities", "What is stated is called, without a second look.", capabilities, (MADE,)),
    Check(SHAPE, "Scores in another shape broadcast to what nobody meant.", score_shape, (MADE,)),
    Check("model.nothing-asked", "The last batch, or a filtered list, may be empty.", nothing_asked, (SHAPE,)),
    Check(
        "model.finite",
        "A score that is not finite ranks nothing, for cold users and items too.",
        finite,
        (SHAPE, "model.empty-history"),
    ),
    Check(KEPT, "Whoever asks uses the same tensors again.", inputs_kept, (SHAPE,)),
    Check(AGAIN, "A model in evaluation mode that draws is measured otherwise each time.", repeatable, (KEPT,)),
    Check("model.one-by-one", "An item's score must not depend on how it is asked for.", one_by_one, (AGAIN,)),
    Check(
        "model.batch-independent",
        "A user's scores must not depend on who else is asked.",
        batch_independent,
        (AGAIN, "model.padding", "model.empty-history"),
    ),
    Check("model.score-all", "A ranking of all items and one of candidates would differ.", score_all, (AGAIN,)),
    Check("model.embeddings", "Stages and indexes take one vector a user and an item.", embeddings, (AGAIN,)),
    Check(
        "model.dot-product",
        "An index of the vectors finds other items than the model.",
        dot_product,
        ("model.embeddings",),
    ),
)
