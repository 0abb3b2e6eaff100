"""What only tells or composes stays light: no numerical library is loaded for it, and no store copied."""

from __future__ import annotations

import subprocess
import sys
from copy import deepcopy

import pytest
from hydra.core.config_store import ConfigStore

from rexp.hydra.config_sources import install


@pytest.mark.parametrize("words", [["--help"], ["--cfg", "job"]], ids=" ".join)
def test_help_and_configurations_load_no_numerical_library(words: list[str]) -> None:
    script = (
        "import sys, contextlib, io\n"
        "from rexp.__main__ import main\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        "    main(sys.argv[1:])\n"
        "print([name for name in ('torch', 'numpy', 'polars', 'lightning', 'urllib.request') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_copies_share_the_store_and_what_is_loaded_is_a_copy() -> None:
    install()
    store = ConfigStore.instance()
    store.store("light_start", node={"inner": {"a": 1}})
    assert deepcopy({"held": store})["held"] is store
    loaded = store.load("light_start.yaml").node
    loaded.inner.a = 2
    assert store.load("light_start.yaml").node.inner.a == 1
