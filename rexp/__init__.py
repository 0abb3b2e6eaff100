"""rexp: distil and compress recommenders, and measure what it costs and what it keeps."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rexp.python.evaluation import evaluate_model
    from rexp.python.jobs import run, run_many
    from rexp.python.stored import load_model, load_split, recommend
    from rexp.python.table import results

__version__ = "0.1.0"
__all__ = ["__version__", "evaluate_model", "load_model", "load_split", "recommend", "results", "run", "run_many"]

_MODULES = {
    "run": "rexp.python.jobs",
    "run_many": "rexp.python.jobs",
    **dict.fromkeys(("load_model", "load_split", "recommend"), "rexp.python.stored"),
    "evaluate_model": "rexp.python.evaluation",
    "results": "rexp.python.table",
}


def __getattr__(name: str) -> Any:
    """Imported when it is asked for: ``import rexp`` loads neither torch nor Hydra."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
