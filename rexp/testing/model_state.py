"""Checks of a model's state: what is stored, what is chance, and what belongs to the process."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from rexp.api import Capability
from rexp.testing.check import Check, Subject, require
from rexp.testing.made_model import built, close, proper, query, ready, same, scored, some_items
from rexp.testing.process import no_global_chance, settings_kept
from rexp.testing.tiny_split import bare


def seeded(subject: Subject) -> None:
    first, second = (built(subject).state_dict() for _ in range(2))
    differ = [name for name, tensor in first.items() if not same(tensor, second[name])]
    require(not differ, f"initial weights do not follow from torch's seed: {', '.join(differ)}")


def fit_repeatable(subject: Subject) -> None:
    first, second = ready(subject), ready(subject)
    if Capability.CLOSED_FORM in first.capabilities():
        second.fit(subject.split, torch.Generator().manual_seed(subject.seed))
    pairs = zip(first.state_dict().items(), second.state_dict().values(), strict=True)
    differ = [name for (name, tensor), other in pairs if not same(tensor, other)]
    require(not differ, f"a second fit with the same generator gives other {', '.join(differ)}")


def fit_by_generator(subject: Subject) -> None:
    model = built(subject)
    if Capability.CLOSED_FORM not in model.capabilities():
        return
    with no_global_chance("fit"):
        model.fit(subject.split, torch.Generator().manual_seed(subject.seed))


def no_chance(subject: Subject) -> None:
    model = ready(subject)
    with no_global_chance("scoring in evaluation mode"):
        scored(model, subject.split)


def saved(subject: Subject) -> None:
    model, other = ready(subject), built(subject, seed=1)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    other.load_state_dict(state)
    require(
        same(scored(other.eval(), subject.split), scored(model, subject.split)),
        "the stored parameters and buffers, put into a new instance, give other scores",
    )


def state_kept(subject: Subject) -> None:
    model = ready(subject)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    scored(model, subject.split)
    changed = [name for name, tensor in model.state_dict().items() if not same(tensor, before[name])]
    require(not changed, f"scoring changes {', '.join(changed)}")


def modes(subject: Subject) -> None:
    model, split = ready(subject), subject.split
    before = scored(model, split)
    model.train()
    model.eval()
    require(close(scored(model, split), before), "train() and eval() again, without a step, change the scores")


def gradient_modes(subject: Subject) -> None:
    model, split = ready(subject), subject.split
    asked, items = query(model, split), some_items(split, 0)
    with torch.inference_mode():
        inferred = model.score(asked, items).clone()
    with torch.no_grad():
        plain = model.score(asked, items)
    graded = model.score(asked, items)
    require(close(inferred, plain), "scores in torch.inference_mode are others than in torch.no_grad")
    require(close(graded.detach(), plain), "scores with gradients are others than in torch.no_grad")
    if graded.requires_grad:
        model.train()
        model.score(asked, items).sum().backward()


def changes_noticed(subject: Subject) -> None:
    model, split = ready(subject), subject.split
    scored(model, split)
    for change in (_in_place, _by_data):
        with torch.no_grad():
            change(model)
        fresh = deepcopy(model).train().eval()
        fresh.load_state_dict(model.state_dict())
        word = "in place" if change is _in_place else "by .data"
        require(
            close(scored(model.eval(), split), scored(fresh, split)),
            f"weights are changed {word}, and the scores are those of before: something kept is stale",
        )


def _in_place(model: Any) -> None:
    for parameter in model.parameters():
        parameter.mul_(0.5)


def _by_data(model: Any) -> None:
    for parameter in model.parameters():
        parameter.data = parameter.data * 3


def copied(subject: Subject) -> None:
    model, split = ready(subject), subject.split
    before = scored(model, split)
    other = deepcopy(model)
    require(close(scored(other, split), before), "a deep copy gives other scores")
    with torch.no_grad():
        for tensor in other.state_dict().values():
            tensor.zero_()
    require(close(scored(model.eval(), split), before), "changing a deep copy changes the model")


def registered(subject: Subject) -> None:
    model = ready(subject)
    loose = [
        f"{path}.{name}".lstrip(".")
        for path, module in model.named_modules()
        for name, value in vars(module).items()
        if isinstance(value, Tensor)
    ]
    require(not loose, f"{', '.join(loose)} is a tensor beside parameters and buffers, which .to(device) leaves behind")


def autocast(subject: Subject) -> None:
    model, split = ready(subject), subject.split
    asked, items = query(model, split), some_items(split, 0)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        scores = model.score(asked, items)
    require(bool(proper(model, scores).all()), "scores in bfloat16 autocast are not finite")


def globals_kept(subject: Subject) -> None:
    with settings_kept("building, fitting or scoring"):
        scored(ready(subject), subject.split)


def bare_data(subject: Subject) -> None:
    split = bare(subject.split)
    model = ready(subject, split=split)
    scores = scored(model, split)
    require(
        bool(proper(model, scores).all()), "data without features, ratings and times give scores that are not finite"
    )


MADE, AGAIN = ("model.made",), ("model.repeatable",)
CHECKS = (
    Check("model.seeded", "A run is known by its seed.", seeded, MADE),
    Check(
        "model.fit-repeatable",
        "A run that is done again must give the same numbers.",
        fit_repeatable,
        ("model.fit-by-generator",),
    ),
    Check(
        "model.fit-by-generator",
        "Draws from a global generator change with whatever ran before.",
        fit_by_generator,
        MADE,
    ),
    Check("model.no-chance", "A measurement must not change what is drawn after it.", no_chance, AGAIN),
    Check("model.saved", "What is not stored is lost when the run is read back.", saved, AGAIN),
    Check("model.state-kept", "A measurement must not change the model.", state_kept, AGAIN),
    Check("model.modes", "Between two epochs the model is measured and trained on.", modes, AGAIN),
    Check("model.gradient-modes", "Stages ask with gradients, measurements without.", gradient_modes, AGAIN),
    Check(
        "model.changes-noticed",
        "A stage changes weights, and what it left must be measured.",
        changes_noticed,
        ("model.saved",),
    ),
    Check("model.copied", "A model that teaches itself is a deep copy.", copied, AGAIN),
    Check("model.registered", "A run on another device moves parameters and buffers alone.", registered, MADE),
    Check("model.autocast", "train.precision=bf16-mixed scores in autocast.", autocast, ("model.finite",)),
    Check("model.globals-kept", "The next job of a sweep runs in the same process.", globals_kept, MADE),
    Check(
        "model.bare-data",
        "Data without features, ratings and times work, or are refused in a line.",
        bare_data,
        ("model.finite",),
    ),
)
