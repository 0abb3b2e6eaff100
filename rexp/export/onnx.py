"""Writing a model as ONNX, whole or in 8 bits."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rexp.errors import RunError

if TYPE_CHECKING:
    from torch import nn

EXAMPLE = (2, 3)
"""Users and candidates of the request by which the model is traced; neither may be 1, which would become fixed."""


def write_onnx(scorer: nn.Module, history_length: int | None, path: Path) -> None:
    """Trace a scorer and write it with its weights into one file.

    Its inputs are ``users`` (B,) and ``items`` (B, K), and for a model of sequences ``history`` (B, L), padded in front
    with -1, all int64; its output is ``scores`` (B, K). B and K are free, L is fixed. Pairs are requests with K = 1.

    Args:
        scorer: of :mod:`rexp.export.scorer`.
        history_length: L, or None for a model that reads no history.
        path: to write.

    Raises:
        RunError: an operation of the model has no counterpart; names it.
    """
    n_users = EXAMPLE[0]
    example: list[Tensor] = [torch.zeros(n_users, dtype=torch.int64), torch.zeros(EXAMPLE, dtype=torch.int64)]
    free: list[dict[int, Any]] = [{0: _FREE}, {0: _FREE, 1: _FREE}]
    names = ["users", "items"]
    if history_length is not None:
        example.append(torch.zeros(n_users, history_length, dtype=torch.int64))
        free.append({0: _FREE})
        names.append("history")
    try:
        with _quiet(), torch.no_grad():
            program = torch.onnx.export(
                scorer,
                tuple(example),
                dynamo=True,
                input_names=names,
                output_names=["scores"],
                dynamic_shapes=tuple(free),
                external_data=False,
                verbose=False,
            )
            assert program is not None
            proto = program.model_proto
            _forget_origins(proto)
            path.write_bytes(proto.SerializeToString())
    except Exception as error:  # the exporter has many
        raise RunError(f"the model cannot be written as ONNX: {_reason(error)}") from error


def _forget_origins(proto: Any) -> None:
    """Drop from which line of which file every operation comes: it takes more bytes than a small model's weights."""
    for node in [*proto.graph.node, *(node for function in proto.functions for node in function.node)]:
        del node.metadata_props[:]
        node.ClearField("doc_string")
    for value in (*proto.graph.value_info, *proto.graph.input, *proto.graph.output, *proto.graph.initializer):
        del value.metadata_props[:]
    del proto.graph.metadata_props[:]


_FREE = torch.export.Dim.DYNAMIC


def write_int8(source: Path, path: Path) -> None:
    """ONNX Runtime's dynamic quantization: weights in 8 bits, activations as they come; tables with one scale each."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _quiet():
        quantize_dynamic(source, path, weight_type=QuantType.QInt8)


@contextmanager
def _quiet() -> Iterator[None]:
    """Exporters tell of every operator set that they do without."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _reason(error: BaseException) -> str:
    """The first cause, in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:300]
