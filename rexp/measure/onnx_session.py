"""An exported model in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rexp.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np

    from rexp.api import Query
    from rexp.measure.latency import Request


def require_deploy() -> None:
    """Refuse to start without the libraries of the extra ``deploy``.

    Raises:
        ConfigError: how to get them.
    """
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ConfigError(f"{error.name} is not installed: pip install 'rexp-recsys[deploy]' brings it") from error


def open_session(path: Path, threads: int = 1) -> Any:
    """An inference session on the CPU with a fixed number of threads."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def run_session(session: Any, query: Query, items: Any) -> np.ndarray[Any, Any]:
    """(B, K) scores of ``items`` (B, K) for the query's users, with their history where the model reads one."""
    inputs = {"users": query.users.numpy(), "items": items.numpy()}
    if query.history is not None:
        inputs["history"] = query.history.numpy()
    scores: np.ndarray[Any, Any] = session.run(None, inputs)[0]
    return scores


def onnx_scorer(path: Path, threads: int) -> Callable[[Request], object]:
    """Scorer of an exported model for :func:`rexp.measure.latency.latencies`."""
    session = open_session(path, threads)
    return lambda request: run_session(session, request.query, request.items)
