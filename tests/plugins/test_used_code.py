"""Which files rename a run: on a copy of the tree, never on the live one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

import rexp
from rexp.compress.distill import stored_teacher
from rexp.plugins.code_version import OWN
from rexp.plugins.import_closure import OUTSIDE, closure, file_of
from rexp.plugins.used_code import RUN, as_words, from_words, used_code
from rexp.prepare import prepare
from rexp.retrieve import index_store

PACKAGE = Path(rexp.__file__).parent
NCF = [("model", "ncf"), ("loss", "bce"), ("sampler", "uniform"), ("data", "csv"), ("metric", "ndcg")]
BD = [*NCF, ("stage", "bd")]
INDEX = [("retriever", "flat")]
ANSWER = """
import json, sys
from pathlib import Path
from rexp.plugins import code_version, import_closure, registry, used_code
for line in sys.stdin:
    import_closure._known.clear()  # as a process that begins
    for kept in (import_closure.file_of, used_code._own_hash, code_version.code_version, code_version.modules_named_by):
        kept.cache_clear()
    asked, engine, installed = json.loads(line)
    if installed:
        registry.forget()
    answers = [used_code.used_code(map(tuple, plugins), engine, Path("cache")) for plugins in asked]
    print(json.dumps(answers), flush=True)
"""


class Site:
    """A copy of rexp, installed as editable, which the next command would import."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ignored = shutil.ignore_patterns("__pycache__", "embedded", "conf")
        shutil.copytree(PACKAGE, folder / "rexp", ignore=ignored)
        self.install("rexp-recsys", distribution(OWN).read_text("entry_points.txt") or "")
        self._process = subprocess.Popen(
            [sys.executable, "-c", ANSWER],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *error: object) -> None:
        with self._process:  # its input ends, and so does it
            pass

    def install(self, name: str, points: str) -> None:
        """What pip leaves beside a package."""
        info = self.folder / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(points)
        self._installed = True

    def ask(self, *asked: list[tuple[str, str]], engine: str = RUN) -> list[dict[str, str]]:
        """``used_code`` of each list of plugins, as the next command would have it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{json.dumps([asked, engine, self._installed])}\n")
        self._installed = False
        self._process.stdin.flush()
        found: list[dict[str, str]] = json.loads(self._process.stdout.readline())
        return found

    def edit(self, file: str, line: str = "EDITED = 1") -> None:
        """Add a line of code."""
        with (self.folder / "rexp" / file).open("a") as edited:
            edited.write(f"{line}\n")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("site")) as copied:
        yield copied


@pytest.fixture
def changed(site: Site) -> Callable[..., list[bool]]:
    """Which of the answers differ after an edit."""

    def of(*edits: tuple[str, str], engine: str = RUN) -> list[bool]:
        before = site.ask(NCF, BD, engine=engine)
        for file, line in edits:
            site.edit(file, line)
        return [one != other for one, other in zip(before, site.ask(NCF, BD, engine=engine), strict=True)]

    return of


@pytest.mark.parametrize(
    ("file", "whose"),
    [
        ("compress/distill/bd.py", [False, True]),
        ("compress/distill/_base.py", [False, True]),
        ("models/ncf.py", [True, True]),
        ("models/lightgcn.py", [False, False]),
        ("models/pop.py", [False, False]),
        ("losses/bce.py", [True, True]),
        ("losses/bpr.py", [False, False]),
        ("metrics/ranking.py", [True, True]),
        ("metrics/pointwise.py", [False, False]),
        ("datasets/csv.py", [True, True]),
        ("datasets/gowalla.py", [False, False]),
        ("config/plan.py", [True, True]),
        ("config/labels.py", [True, True]),
        ("train/fit.py", [True, True]),
        ("evaluate/topk.py", [True, True]),
        ("nn/embedding.py", [True, True]),
        ("nn/sparse.py", [True, True]),  # which rexp.api imports when it is asked for a name
        ("api/module.py", [True, True]),
        ("prepare/build.py", [True, True]),
        ("experiment/steps.py", [True, True]),
        ("cli/run.py", [False, False]),
        ("report/console.py", [False, False]),
        ("report/teachers.py", [False, False]),
        ("track/trackers.py", [False, False]),
        ("hydra/error_messages.py", [False, False]),
        ("store/store.py", [False, False]),
        ("measure/costs.py", [False, False]),
        ("errors.py", [False, False]),
        ("__main__.py", [False, False]),
    ],
)
def test_a_file_renames_the_runs_that_it_takes_part_in(
    changed: Callable[..., list[bool]], file: str, whose: list[bool]
) -> None:
    assert changed((file, f"EDITED_{len(file)} = 1")) == whose


def test_neither_a_comment_nor_a_docstring_nor_a_blank_line_renames_anything(site: Site) -> None:
    before = site.ask(NCF, BD)
    file = site.folder / "rexp/models/ncf.py"
    file.write_text(file.read_text().replace('"""', '"""Other words. ', 1))
    site.edit("models/ncf.py", "\n# a comment, 'with' quotes\n\n")
    assert site.ask(NCF, BD) == before


def test_another_engine_is_made_of_other_files(changed: Callable[..., list[bool]]) -> None:
    split = prepare.__name__
    assert changed(("train/fit.py", "A = 1"), ("models/ncf.py", "A = 1"), engine=stored_teacher.__name__)[0]
    assert not changed(("train/fit.py", "B = 1"), engine=stored_teacher.__name__)[0]
    assert not changed(("evaluate/topk.py", "B = 1"), engine=split)[0]
    assert changed(("prepare/filters.py", "B = 1"), engine=split)[0]


@pytest.mark.parametrize(
    "imported",
    [
        "import rexp.compress.prune._new",
        "from rexp.compress.prune import _new",
        "from rexp.compress.prune._new import NEW",
        "from ..prune import _new",
        "def late() -> None:\n    from rexp.compress.prune._new import NEW",
        "try:\n    import fast_bd\nexcept ImportError:\n    from rexp.compress.prune import _new",
    ],
)
def test_a_new_import_adds_its_file(site: Site, changed: Callable[..., list[bool]], imported: str) -> None:
    new, importing = site.folder / "rexp/compress/prune/_new.py", site.folder / "rexp/compress/distill/bd.py"
    text = importing.read_text()
    try:
        new.write_text("NEW = 1\n")
        assert changed(("compress/prune/_new.py", "NEWER = 1")) == [False, False]
        site.edit("compress/distill/bd.py", imported)
        assert changed(("compress/prune/_new.py", "NEWEST = 1")) == [False, True]
    finally:
        importing.write_text(text)
        new.unlink()


def test_an_import_for_the_types_alone_adds_nothing(site: Site, changed: Callable[..., list[bool]]) -> None:
    assert changed(("losses/bpr.py", "SEEN = 1")) == [False, False]
    site.edit("models/ncf.py", "if TYPE_CHECKING:\n    from rexp.losses.bpr import BPR")
    assert changed(("losses/bpr.py", "SEEN_AGAIN = 1")) == [False, False]


def test_the_class_that_a_name_stands_for_counts(site: Site) -> None:
    points = (site.folder / "rexp_recsys-1.0.dist-info/entry_points.txt").read_text()
    before = site.ask(NCF, BD)
    site.install("rexp-recsys", points.replace("rexp.losses.bce:BinaryCrossEntropy", "rexp.losses.bce:Other"))
    assert all(one != other for one, other in zip(before, site.ask(NCF, BD), strict=True))


def test_what_a_third_party_imports_of_rexp_counts(site: Site) -> None:
    (site.folder / "their_model.py").write_text("from rexp.models.lightgcn import LightGCN\n")
    site.install("their-dist", "[rexp.models]\ntheirs = their_model:LightGCN\n")
    theirs = [("model", "theirs"), *NCF[1:]]
    (before,) = site.ask(theirs)
    assert before.keys() == {OWN, "their-dist"}
    site.edit("models/lightgcn.py", "THEIRS = 1")
    (edited,) = site.ask(theirs)
    assert edited[OWN] != before[OWN]
    assert edited["their-dist"] == before["their-dist"]
    (site.folder / "their_model.py").write_text("from rexp.models.lightgcn import LightGCN as LightGCN\n")
    (after,) = site.ask(theirs)
    assert after["their-dist"] != before["their-dist"]


def test_what_is_kept_of_files_gives_the_same_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rexp.plugins import import_closure

    def fresh(folder: Path | None) -> dict[str, Any]:
        monkeypatch.setattr(import_closure, "_known", {})
        return closure([RUN], folder)

    read = fresh(None)
    assert fresh(tmp_path) == read
    (kept,) = tmp_path.iterdir()
    monkeypatch.setattr(import_closure, "read_source", None)
    assert fresh(tmp_path) == read
    kept.write_text(kept.read_text().replace('"rexp.', '"Rexp.', 1))
    with pytest.raises(TypeError):  # a damaged file is not believed: everything is read again
        fresh(tmp_path)


def test_a_folder_that_cannot_be_written_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rexp.plugins import import_closure

    (tmp_path / "file").touch()
    monkeypatch.setattr(import_closure, "_known", {})
    assert RUN in closure([RUN], tmp_path / "file")


def test_what_is_left_out_and_what_calls_are_there() -> None:
    pyproject = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())
    contracts = pyproject["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    assert {name.strip() for layer in layers for name in layer.split("|")} >= OUTSIDE
    assert all(file_of(engine) for engine in (RUN, prepare.__name__, index_store.__name__, stored_teacher.__name__))
    reached = {module.split(".")[1] for module in closure([RUN]) if "." in module}
    assert not reached & OUTSIDE
    assert reached >= {"train", "evaluate", "prepare", "config", "experiment", "retrieve", "compress"}


def test_no_plugin_is_reached_by_the_engine_itself() -> None:
    from rexp.plugins import registry

    targets = {plugin.target.partition(":")[0] for plugin in registry.plugins() if plugin.distribution == OWN}
    assert not targets & closure([RUN]).keys()


def test_words_stand_for_plugins() -> None:
    assert sorted(from_words(as_words([*BD, *NCF]))) == sorted(BD)
    assert used_code(BD) == used_code(from_words(as_words(BD)))
    assert used_code(INDEX, index_store.__name__) != used_code([("retriever", "hnsw")], index_store.__name__)
