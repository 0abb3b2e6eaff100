"""Checks of compression stages, each on a small model that has what the stage needs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from rexp.api import ReplacementModule, Requirement, RexpError, StageContext, StageHook, replace_module
from rexp.compress.distill.stored_teacher import StoredTeacher
from rexp.compress.student import Student
from rexp.compress.surgery import Parts, describe_replacements
from rexp.evaluate.config import EvaluateConfig
from rexp.evaluate.evaluator import Evaluator
from rexp.plugins.choice import Choice
from rexp.testing.check import Breach, Check, NotApplicable, Subject, require
from rexp.testing.made_model import built, ready, same, scored
from rexp.train.config import DeviceConfig, FitConfig
from rexp.train.fit import fit
from rexp.train.job import FitJob
from rexp.train.rng import seed_everything
from rexp.train.stage_hooks import Attachments, check_hook

if TYPE_CHECKING:
    from rexp.plugins.options import NodeView

R = Requirement
ANY = {R.TEACHER, R.ONLINE, R.INITIAL, R.VALIDATION}
HOSTS: tuple[tuple[str, NodeView, set[Requirement]], ...] = (
    ("mf", {"factors": 16}, {R.TABLES, R.VECTORS, R.READERS, R.DOT}),
    ("two_tower", {"share_items": False}, {R.TABLES, R.VECTORS, R.LINEAR, R.HIDDEN, R.FEATURES}),
    ("ncf", {"factors": 4}, {R.TABLES, R.READERS, R.LINEAR, R.HIDDEN}),
)
"""Models, and what stages find in them."""
LEFTOVERS = ("mask", "_orig", "observer", "expert", "teacher", "attach", "parametrizations")
RECIPE = FitConfig(max_epochs=2, batch_size=32, lr=0.01, select_epoch="last")
DEVICE = DeviceConfig(accelerator="cpu", progress="none")


@dataclass(frozen=True)
class Done:
    """A model with a stage behind it."""

    subject: Subject
    model: Any
    parts: Parts
    host: Subject


def _host(subject: Subject) -> Subject:
    needs = set(subject.make().needs) - ANY
    for name, options, has in HOSTS:
        if needs <= has:
            choice = Choice.typed("model", name, options, "model")
            return Subject("model", name, choice.plugin, choice.config, subject.split, subject.folder, subject.seed)
    raise NotApplicable(f"no model here has {', '.join(sorted(needs))}")


def context_of(subject: Subject, model: Any, place: str) -> StageContext:
    """All that a run would give the stage."""
    split, needs = subject.split, subject.make().needs
    mf = Choice.typed("model", "mf", {"factors": 24}, "model")
    other = Subject("model", "mf", mf.plugin, mf.config, split, subject.folder, subject.seed + 1)
    seed_everything(subject.seed)
    evaluator = Evaluator(split, EvaluateConfig(), "valid")
    return StageContext(
        split,
        torch.Generator().manual_seed(subject.seed),
        teacher=StoredTeacher(ready(other), split, subject.folder / place) if R.TEACHER in needs else None,
        max_epochs=RECIPE.max_epochs,
        initial={name: tensor.clone() for name, tensor in model.state_dict().items()} if R.INITIAL in needs else None,
        online=built(other) if R.ONLINE in needs else None,
        validate=(lambda: evaluator(model).metrics["ndcg@10"]) if R.VALIDATION in needs else None,
        student=Student(model, split),
    )


def _job(subject: Subject, model: Any, place: str, hooks: Attachments) -> FitJob:
    loss = Choice.typed("loss", "bce", {"layout": "listwise"}, "loss").make()
    sampler = Choice.typed("sampler", "uniform", {}, "sampler").make(subject.split)
    folder = subject.folder / place
    return FitJob(model, subject.split, RECIPE, DEVICE, loss, sampler, subject.seed, folder, attachments=hooks)


def attached(subject: Subject, model: Any, place: str) -> StageHook:
    """The hook of a stage that acts inside a fit."""
    seed_everything(subject.seed)
    hook: StageHook = subject.make().attach(model, context_of(subject, model, place))
    return hook


def done(subject: Subject, place: str = "one") -> Done:
    """The stage, done: put into a model, or carried through a fit of two epochs."""
    host = _host(subject)
    model = built(host) if subject.plugin.phase != "post" else ready(host)
    if subject.plugin.phase == "train":
        hook: Any = attached(subject, model, place)
        chance = torch.Generator().manual_seed(subject.seed)
        fit(_job(subject, model, place, Attachments([hook], [chance], subject.seed)))
    else:
        stage, context = subject.make(), context_of(subject, model, place)
        seed_everything(subject.seed)
        stage.apply(model, context)
    return Done(subject, model.eval(), describe_replacements(model, {subject.name: subject.plugin}), host)


def stated(subject: Subject) -> None:
    plugin, stage = subject.plugin, subject.make()
    require(plugin.phase in ("build", "train", "post"), f"phase={plugin.phase!r} is none of build, train, post")
    method = "attach" if plugin.phase == "train" else "apply"
    require(callable(getattr(plugin, method, None)), f"a stage of the phase {plugin.phase} has a method {method}")
    unknown = set(stage.needs) - set(Requirement)
    require(not unknown, f"needs has {unknown}, which rexp does not know")
    require(isinstance(plugin.trainable_after, bool), "trainable_after is neither True nor False")
    for name, cls in plugin.modules.items():
        describes = issubclass(cls, nn.Module) and isinstance(getattr(cls, "describe", None), type(stated))
        require(describes, f"the module {name} has no describe(), so that it cannot be made again")


def works(subject: Subject) -> None:
    after = done(subject)
    scores = scored(after.model, subject.split)
    wanted = (subject.split.n_users, subject.split.n_items)
    require(scores.shape == wanted, f"the model gives scores {tuple(scores.shape)} after the stage, not {wanted}")
    require(bool(scores.isfinite().all()), "the model gives scores that are not finite after the stage")


def repeatable(subject: Subject) -> None:
    first, second = done(subject).model.state_dict(), done(subject, "two").model.state_dict()
    require(list(first) == list(second), "the stage done again leaves other tensors")
    differ = [name for name, tensor in first.items() if not same(tensor.float(), second[name].float())]
    require(not differ, f"the stage done again by the same seed leaves other {', '.join(differ)}")


def restored(subject: Subject) -> None:
    after = done(subject)
    fresh = built(after.host, seed=3)
    for path, part in json.loads(json.dumps(after.parts)).items():
        if "same" in part:
            replace_module(fresh, path, fresh.get_submodule(part["same"]))
        else:
            replace_module(fresh, path, subject.plugin.modules[part["module"]](**part["options"]))
    state = {name: tensor.clone() for name, tensor in after.model.state_dict().items()}
    shapes = {name: tensor.shape for name, tensor in fresh.state_dict().items()}
    wrong = sorted(
        name for name in state.keys() | shapes.keys() if name not in state or shapes.get(name) != state[name].shape
    )
    require(not wrong, f"modules made again by describe() do not take {', '.join(wrong)} of the stored weights")
    fresh.load_state_dict(state)
    same_scores = same(scored(fresh.eval(), subject.split), scored(after.model, subject.split))
    require(same_scores, "the model made again from describe() and its stored weights gives other scores")


def materialized(subject: Subject) -> None:
    model = done(subject).model
    names = [name for name in model.state_dict() if any(word in name.lower() for word in LEFTOVERS)]
    require(not names, f"{', '.join(names)} is left in the weights, and only a fit needs it")
    hooked = [
        path or "the model" for path, part in model.named_modules() if part._forward_hooks or part._forward_pre_hooks
    ]
    require(not hooked, f"{', '.join(hooked)} still has hooks of the stage")


def replacements(subject: Subject) -> None:
    model = done(subject).model
    for path, part in model.named_modules():
        if type(part) not in subject.plugin.modules.values():
            continue
        require(isinstance(part, ReplacementModule), f"{path} has no describe()")
        if not hasattr(part, "rows"):
            continue
        rows = part.rows()
        with torch.no_grad():
            require(torch.equal(part(torch.arange(len(rows))), rows), f"{path}: forward(ids) is not rows()[ids]")
            shape = part(torch.zeros(2, 3, dtype=torch.int64)).shape
        require(shape == (2, 3, rows.shape[1]), f"{path}: ids (2, 3) give {tuple(shape)}")
        held = sum(tensor.numel() * tensor.element_size() for tensor in part.state_dict().values())
        require(part.nbytes() == held, f"{path}: nbytes() is {part.nbytes()}, and its tensors hold {held} bytes")


def hook(subject: Subject) -> None:
    if subject.plugin.phase != "train":
        raise NotApplicable("the stage acts in no fit")
    model = built(_host(subject))
    found = attached(subject, model, "one")
    try:
        check_hook(found, model, "the stage")
    except RexpError as error:
        raise Breach(str(error)) from error


def trainable_after(subject: Subject) -> None:
    after = done(subject)
    if not subject.plugin.trainable_after or not any(p.requires_grad for p in after.model.parameters()):
        raise NotApplicable("no fit follows")
    fit(_job(subject, after.model.train(), "after", Attachments([], [], 0)))


STATED, HOOK, WORKS = "stage.stated", "stage.hook", "stage.works"
CHECKS = (
    Check(STATED, "A recipe is checked by what is stated, before anything runs.", stated),
    Check(HOOK, "A hook that holds the model trains its weights twice.", hook, (STATED,)),
    Check(WORKS, "The model that is left is measured like any other.", works, (HOOK,)),
    Check("stage.repeatable", "A run that is done again must give the same numbers.", repeatable, (WORKS,)),
    Check("stage.materialized", "What only a fit needs is not part of the model's size.", materialized, (WORKS,)),
    Check(
        "stage.replacements",
        "Later stages and measurements read them as the modules they stand for.",
        replacements,
        (WORKS,),
    ),
    Check("stage.restored", "A stored model comes back without running the stage.", restored, ("stage.replacements",)),
    Check("stage.trainable-after", "A fine-tune follows where the stage says that one may.", trainable_after, (WORKS,)),
)
