"""What distillation adds to an epoch: whole epochs of a student, plain and distilled in turn."""

from __future__ import annotations

import itertools
import statistics
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING, Any

import torch

from _bench.clock import now
from _bench.ours import plugin
from rexp.api import StageContext
from rexp.compress.distill.stored_teacher import StoredTeacher
from rexp.plugins import registry
from rexp.train.config import DeviceConfig, FitConfig
from rexp.train.fit import fit
from rexp.train.job import FitJob
from rexp.train.stage_hooks import Attachments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rexp.api import TeacherView
    from rexp.data.split import Split

EPOCHS = 3
"""Of a fit; the first is the warm-up, in which Lightning starts."""
SCORES = ("kd", "hard_labels", "rd", "cd", "rrd", "irrrd", "dcd", "unkd")
VECTORS = ("fitnet", "ftd", "htd", "de")
BATCH = 2048
MOST_OF_EASE = 10_000
"""Items up to which EASE teaches: it takes 12 bytes for every pair of them."""


@dataclass(frozen=True)
class Student:
    """A model as it is distilled, and how it is trained.

    Args:
        name: in the table.
        model, options: the plugin and its options.
        loss, sampler: plugins and their options.
        vectors: its vectors can be compared with a teacher's.
    """

    name: str
    model: str
    options: Mapping[str, Any]
    loss: tuple[str, Mapping[str, Any]]
    sampler: tuple[str, Mapping[str, Any]]
    vectors: bool


STUDENTS = (
    Student("mf-64", "mf", {"factors": 64}, ("bpr", {}), ("uniform", {"n": 1}), True),
    Student("ncf-8", "ncf", {"factors": 8}, ("bce", {}), ("uniform", {"n": 4}), False),
)


def factors(split: Split, rounds: int, methods: tuple[str, ...] | None = None) -> None:
    """Print a Markdown table: of each student, teacher and method the seconds of an epoch, and how many plain ones."""
    print(
        f"\ndistilled epochs, {split.name}, {len(split.train):,} interactions, batch {BATCH}, median of {rounds} fits\n"
    )
    print("| student | teacher | method | plain, s | distilled, s | factor | attached in, s |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for student in STUDENTS:
        scoring = ["ease"] if split.n_items <= MOST_OF_EASE else []
        taught = [(name, SCORES) for name in [*scoring, "lightgcn"]]
        if student.vectors:
            taught.append(("mf", VECTORS))
        for teacher_name, kinds in taught:
            chosen = [kind for kind in kinds if methods is None or kind in methods]
            if not chosen:
                continue
            with TemporaryDirectory() as folder:
                teacher = _teacher(teacher_name, split, Path(folder))
                for method in chosen:
                    plain, distilled, attach = _compare(student, split, method, teacher, rounds)
                    _row(student.name, teacher_name, method, plain, distilled, f"{attach:.2f}")
        if student.vectors and (methods is None or "bd" in methods):
            _bidirectional(student, split, rounds)


def _compare(
    student: Student, split: Split, method: str, teacher: TeacherView, rounds: int
) -> tuple[float, float, float]:
    """Median seconds of a plain and of a distilled epoch, and seconds to attach the stage."""
    plain, distilled, attaching = [], [], []
    for _ in range(rounds):
        plain += _epochs(student, split)[0]
        seconds, attached = _epochs(student, split, method, teacher=teacher)
        distilled += seconds
        attaching.append(attached)
    return statistics.median(plain), statistics.median(distilled), statistics.median(attaching)


def _bidirectional(student: Student, split: Split, rounds: int) -> None:
    """Both models learn: the factor is over the epochs of both, each alone."""
    small, large = Student(**{**vars(student), "options": {"factors": 8}}), student
    alone, together = [], []
    for _ in range(rounds):
        pairs = zip(_epochs(small, split)[0], _epochs(large, split)[0], strict=True)
        alone += [sum(pair) for pair in pairs]
        together += _epochs(small, split, "bd", online=plugin("model", large.model, split.spec, **large.options))[0]
    plain, both = statistics.median(alone), statistics.median(together)
    _row("mf-8", "mf-64", "bd", plain, both, "-")


def _row(student: str, teacher: str, method: str, plain: float, distilled: float, attach: str) -> None:
    factor = distilled / plain
    print(f"| {student} | {teacher} | {method} | {plain:.3f} | {distilled:.3f} | {factor:.2f} | {attach} |", flush=True)


def _epochs(
    student: Student, split: Split, method: str | None = None, *, teacher: TeacherView | None = None, online: Any = None
) -> tuple[list[float], float]:
    """Seconds of each epoch but the first, and of attaching the stage."""
    torch.manual_seed(0)
    model = plugin("model", student.model, split.spec, **student.options)
    loss = plugin("loss", student.loss[0], **student.loss[1])
    sampler = plugin("sampler", student.sampler[0], split, **student.sampler[1])
    recipe = FitConfig(max_epochs=EPOCHS, batch_size=BATCH, select_epoch="last", validate_on="none")
    before = now()
    attachments = Attachments([], [], 0)
    if method:
        generator = torch.Generator().manual_seed(0)
        stage: Any = registry.load("stage", method)
        context = StageContext(split, generator, teacher, EPOCHS, online=online)
        attachments = Attachments([stage(stage.Config()).attach(model, context)], [generator], 0)
    attached = now() - before
    times: list[float] = []
    with TemporaryDirectory() as directory:
        fit(FitJob(
            model, split, recipe, DeviceConfig(progress="none"), loss=loss, sampler=sampler, seed=0,
            directory=Path(directory), validate=None, on_epoch=[lambda *_: times.append(now())],
            attachments=attachments,
        ))  # fmt: skip
    return [after - before for before, after in itertools.pairwise(times)], attached


def _teacher(name: str, split: Split, folder: Path) -> StoredTeacher:
    """A teacher whose answers cost what a good one's cost: how well it was fitted takes no time."""
    torch.manual_seed(1)
    model = plugin("model", name, split.spec, **({"factors": 200} if name == "mf" else {}))
    if name != "mf":
        model.bind(split)
    if name == "ease":
        model.fit(split, torch.Generator().manual_seed(0))
    return StoredTeacher(model, split, folder)


def splits(root: Path | None) -> list[Split]:
    """Shipped data, and CiteULike-t where it is at hand."""
    from rexp.prepare.prepare import load_split

    kept = {"duplicates": "first", "min_rating": None, "drop_ratings": (), "user_core": 0, "item_core": 0}
    cut = {"name": "time_cut", "by": "quantile", "valid": 0.1, "test": 0.1, "cold_users": "drop"}
    cache = Path(gettempdir()) / "rexp-bench"
    found = [load_split({"name": "online-retail", "strict": False, "filter": kept, "split": cut}, root, cache)]
    if root and (root / "citeulike-t").exists():
        kept = {"duplicates": "keep", "min_rating": None, "drop_ratings": (), "user_core": 0, "item_core": 0}
        given = {"name": "given", "valid": 0, "order": "last", "seed": 0}
        node = {"name": "citeulike-t", "variant": "loo-td", "strict": False, "filter": kept, "split": given}
        found.append(load_split(node, root, cache))
    return found
