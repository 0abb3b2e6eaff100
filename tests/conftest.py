"""What tests of several folders share: rexp as a user starts it, in a child process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from omegaconf import DictConfig

from rexp.io.messages import messages_shown
from tests import warm

Command = Callable[..., warm.Done]
NOTHING: Mapping[str, str] = {}
# How long an example takes says more of the machine than of the code.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first, so that at the end no process waits long for the other's last file."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def messages() -> Iterator[None]:
    """Messages on standard error, as the command line has them."""
    with messages_shown():
        yield


@pytest.fixture(scope="session")
def command(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Run ``python -m rexp ARGUMENTS`` and return its output and exit code.

    Keyword arguments: ``on_path``, folders that are put first on the path; ``cwd``, an empty folder where none is
    given; ``env``, more environment variables.
    """
    empty = tmp_path_factory.mktemp("cwd")

    def run(
        *arguments: str, on_path: Sequence[Path] = (), cwd: Path = empty, env: dict[str, str] | None = None
    ) -> warm.Done:
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("HYDRA", "COMP_"))}
        environment |= {"PYTHONPATH": os.pathsep.join(map(str, on_path)), "OMP_NUM_THREADS": "1", **(env or {})}
        return warm.rexp(*arguments, cwd=cwd, env=environment)

    return run


@pytest.fixture(scope="session")
def student_store(tmp_path_factory: pytest.TempPathFactory, command: Command) -> Path:
    """A store with a small student of matrix factorization and its teacher, both measured; the log lies beside it."""
    folder = tmp_path_factory.mktemp("student")
    rows = [f"{user},{(7 * user + 3 * place) % 50},{place}" for user in range(40) for place in range(9)]
    (folder / "mine.csv").write_text("\n".join(["user,item,time", *rows]) + "\n")
    done = command(
        *("data=csv", f"data.path={folder / 'mine.csv'}", "track=none", "references=[]", "train.progress=none"),
        *("model=mf", "model.factors=4", "compress=kd", "model@teacher=mf", "teacher.factors=8"),
        *("train.max_epochs=2", "train.batch_size=64", "measure.repeats=3", "measure.candidates=[1,100]"),
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    (folder / "log").write_text(done.stderr)
    return folder / "runs"


@pytest.fixture
def composed() -> Iterator[Callable[..., DictConfig]]:
    """The composed configuration of some overrides, in this process: what ``python -m rexp ARGUMENTS`` would run."""
    from hydra import compose, initialize_config_dir
    from hydra.core.config_store import ConfigStore
    from hydra.core.global_hydra import GlobalHydra

    from rexp.config.schema import Root
    from rexp.hydra.config_sources import install
    from rexp.plugins.conf_dirs import conf_dir

    install()
    ConfigStore.instance().store("rexp_schema", node=Root)
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        yield lambda *overrides: compose("config", overrides=list(overrides))
    GlobalHydra.instance().clear()


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty users of two tastes over thirty items."""
    random = np.random.default_rng(0)
    rows = ["user,item,time"]
    for user in range(40):
        rows += [f"u{user},{item},{when}" for when, item in enumerate(random.permutation(15)[:9] + 15 * (user % 2))]
    path = tmp_path_factory.mktemp("data") / "mine.csv"
    path.write_text("\n".join(rows) + "\n")
    return path
