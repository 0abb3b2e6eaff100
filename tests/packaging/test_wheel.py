"""rexp as it is published: a wheel, made from the source distribution, installed and run away from the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from omegaconf import OmegaConf

from rexp.store.store import Store
from tests.doc_commands import commands, small

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


def python(*arguments: str | Path, cwd: Path, path: Path | None = None) -> str:
    environment = {**os.environ, "PYTHONPATH": str(path or "")}
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=cwd, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source distribution, and the wheel that is made from it."""
    folder = tmp_path_factory.mktemp("dist")
    python("-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def site(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the wheel is installed."""
    site = tmp_path_factory.mktemp("site")
    [wheel] = built.glob("*.whl")
    pip = ["-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--no-deps", "--no-index"]
    python(*pip, "--target", site, wheel, cwd=site)
    return site


def test_the_wheel_holds_the_package_its_configurations_and_its_data_and_nothing_else(built: Path) -> None:
    [wheel] = built.glob("rexp_recsys-*-py3-none-any.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"rexp", "hydra_plugins"}
    page = {f"rexp/report/page/{file.name}" for file in (ROOT / "rexp" / "report" / "page").iterdir()}
    assert page <= set(names)
    assert len(page) > 3
    tracked = {path.relative_to(ROOT / "conf").as_posix() for path in (ROOT / "conf").rglob("*.yaml")}
    assert {name.removeprefix("rexp/conf/") for name in names if name.startswith("rexp/conf/")} == tracked
    assert "rexp/py.typed" in names
    embedded = [name for name in names if name.startswith("rexp/datasets/embedded/")]
    assert any(name.endswith("LICENSE") for name in embedded)
    assert any(name.endswith("LICENSE") for name in names if ".dist-info/" in name)
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_the_source_distribution_can_be_built_from_again(built: Path) -> None:
    [source] = built.glob("rexp_recsys-*.tar.gz")
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"conf/config.yaml", "rexp/__main__.py", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"} <= names
    assert not [name for name in names if name.startswith(("tests/", ".venv", "runs/", "plugins/"))]


def test_both_pass_the_checks_that_come_before_an_upload(built: Path) -> None:
    python("-m", "twine", "check", "--strict", *built.iterdir(), cwd=built)
    script = Path(sys.executable).with_name("check-wheel-contents")
    subprocess.run([script, *built.glob("*.whl")], cwd=ROOT, check=True)


@pytest.mark.skipif(not Path(sys.prefix).samefile(ROOT / ".venv"), reason="scripts run in .venv")
def test_the_bill_of_materials_has_what_a_run_needs_and_no_tool(tmp_path: Path) -> None:
    subprocess.run([ROOT / "scripts" / "sbom", tmp_path / "rexp.cdx.json"], check=True, timeout=300)
    bom = json.loads((tmp_path / "rexp.cdx.json").read_text())
    names = {component["name"].lower() for component in bom["components"]}
    assert {"torch", "hydra-core", "omegaconf", "numpy", "antlr4-python3-runtime"} <= names
    assert not names & {"pytest", "ruff", "sphinx", "optuna", "onnx"}
    assert {entry["ref"] for entry in bom["dependencies"]} > {component["bom-ref"] for component in bom["components"]}


def test_its_metadata_declare_the_command_the_version_and_every_entry_point(site: Path) -> None:
    [info] = site.glob("rexp_recsys-*.dist-info")
    written = (info / "entry_points.txt").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for group, points in project["entry-points"].items():
        assert f"[{group}]" in written
        for name, target in points.items():
            assert f"{name} = {target}" in written
    assert "rexp = rexp.__main__:main" in written
    version = python("-c", "import rexp; print(rexp.__version__)", cwd=site, path=site).strip()
    assert f"\nVersion: {version}\n" in (info / "METADATA").read_text()


def test_it_runs_from_the_wheel_and_finds_its_configurations_there(
    site: Path, tmp_path: Path, command: Callable[..., Any]
) -> None:
    # The checkout's editable install stays behind: the folder on the path comes first.
    where = python("-c", "import rexp; print(rexp.__file__)", cwd=tmp_path, path=site).strip()
    assert Path(where) == site / "rexp" / "__init__.py"
    done = command("model=ncf", "model.factors=4", "--cfg", "job", on_path=[site], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert OmegaConf.create(done.stdout).model.factors == 4
    shown = command("--info", "searchpath", on_path=[site], cwd=tmp_path).stdout
    assert str(site / "rexp" / "conf") in shown
    assert str(ROOT) not in shown.replace(sys.prefix, "")


def test_every_plugin_of_the_wheel_loads(site: Path, tmp_path: Path, command: Callable[..., Any]) -> None:
    done = command("plugins", "--check", "--json", on_path=[site], cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["faults"] == []


def test_a_run_from_the_wheel_finds_the_embedded_data(site: Path, tmp_path: Path, command: Callable[..., Any]) -> None:
    done = command("model=pop", "references=[]", "track=none", "measure.latency=false", on_path=[site], cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    [result] = (tmp_path / "runs").glob("*/result.json")
    assert json.loads(result.read_text())["labels"]["model"] == "pop"


@pytest.fixture(scope="module")
def environment(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, which sees the packages of this one and no checkout."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    [packages] = folder.glob("lib/python*/site-packages")
    # Paths in a .pth file are not searched for further ones: the editable install of the checkout stays out.
    (packages / "others.pth").write_text("".join(f"{path}\n" for path in sys.path if path.endswith("site-packages")))
    pip = ["-m", "pip", "--python", folder / "bin" / "python", "--quiet", "install", "--no-deps", "--no-index"]
    python(*pip, *built.glob("*.whl"), cwd=folder)
    return folder / "bin" / "rexp"


def test_the_quick_start_works_from_the_wheel_alone(environment: Path, tmp_path: Path) -> None:
    def rexp(*words: str) -> str:
        kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "REXP_DATA")}
        done = subprocess.run([environment, *words], cwd=tmp_path, env=kept, capture_output=True, text=True)
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout

    page = [command for command in commands() if command.page == "docs/quickstart.md" and not command.not_run]
    assert len(page) > 6
    for command in page:
        if not command.verb:
            rexp(*small(command))
    [run] = {brief.run_id for brief in Store(tmp_path / "runs").briefs() if brief.labels["model"] == "mf"}
    for command in page:
        if command.verb:
            rexp(*(run if word == "RUN" else word for word in command.words))
    assert "mf" in rexp("report", "--markdown")
    own = [row for row in json.loads(rexp("plugins", "--json"))["plugins"] if row["distribution"] == "rexp-recsys"]
    assert len(own) > 100


def test_the_editable_install_finds_the_configurations_of_the_checkout(command: Callable[..., Any]) -> None:
    assert not (ROOT / "rexp" / "conf").exists()  # a copy there would go stale
    shown = command("--info", "searchpath")
    assert shown.returncode == 0
    assert str(ROOT / "conf") in shown.stdout
