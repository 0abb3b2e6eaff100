"""Exported models in ONNX Runtime, against torch."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rexp.api import Capability, Query, StageContext
from rexp.compress.embed.tie import RepeatedTable
from rexp.errors import ConfigError, RunError
from rexp.export.check import compare
from rexp.export.dense_tables import make_exportable
from rexp.export.onnx import write_int8, write_onnx
from rexp.export.scorer import scorer_for
from rexp.measure.costs import scorer_of
from rexp.measure.onnx_session import open_session, run_session
from rexp.nn.embedding import EmbeddingTable
from rexp.plugins import registry
from tests.models.helpers import shaken, two_tastes

pytestmark = pytest.mark.slow
pytest.importorskip("onnxruntime", reason="the extra 'deploy' is not installed")
onnx = pytest.importorskip("onnx", reason="the extra 'deploy' is not installed")
N_USERS, N_ITEMS = 40, 31
SPLIT = two_tastes(N_USERS, N_ITEMS)


def built(name: str, **options: Any) -> Any:
    model_class: Any = registry.load("model", name)
    torch.manual_seed(0)
    model = model_class(model_class.Config(**options), SPLIT.spec)
    if Capability.NEEDS_TRAIN_DATA in model.capabilities():
        model.bind(SPLIT)
    return shaken(model, dtype=torch.float32)


def written(model: Any, path: Path) -> str:
    """What of a model was written."""
    module, what = scorer_for(model, SPLIT, "it")
    write_onnx(module, getattr(model, "history_length", None), path)
    return what


@pytest.mark.parametrize(
    ("name", "options", "vectors"),
    [
        ("mf", {"factors": 6, "user_bias": True, "global_bias": True}, False),
        ("ncf", {"factors": 4}, False),
        ("lightgcn", {"factors": 6}, True),
        ("fm", {"factors": 6}, False),
        ("deepfm", {"factors": 6, "layers": (5, 4)}, False),
        ("dcn", {"factors": 3, "batch_norm": True}, False),
        ("autoint", {"factors": 3}, False),
        ("multvae", {"hidden": (9,), "latent": 5}, True),
        ("two_tower", {"factors": 6, "history_length": 3, "item_layers": (5,)}, False),
        ("sasrec", {"factors": 6, "history_length": 12, "blocks": 1}, False),
    ],
)
def test_scores_are_torch_s(name: str, options: dict[str, Any], vectors: bool, tmp_path: Path) -> None:
    model = built(name, **options)
    assert ("vectors" in written(model, tmp_path / "it.onnx")) == vectors
    scorer = scorer_of(model, SPLIT, ["train"], torch.device("cpu"))
    found = compare(scorer, tmp_path / "it.onnx")
    assert found.pairs == N_USERS * 100
    assert found.holds
    assert found.scale > 0.1
    # One user and one item, and a user without a history.
    query = scorer.query(torch.tensor([3]))
    if query.history is not None:
        query = Query(query.users, torch.full_like(query.history, -1))
    one = torch.tensor([[7]])
    with torch.no_grad():
        expected = model.score(query, one).numpy()
    session = open_session(tmp_path / "it.onnx")
    np.testing.assert_allclose(run_session(session, query, one), expected, rtol=1e-4, atol=1e-5)


def test_a_request_looks_rows_up_once_and_multiplies_by_no_first_layer(tmp_path: Path) -> None:
    model = built("ncf", factors=4)
    written(model, tmp_path / "it.onnx")
    kinds = [node.op_type for node in onnx.load(tmp_path / "it.onnx").graph.node]
    assert kinds.count("Gather") == 2
    # Two layers of the tower above the first, GMF's dot product, and the tower's half of the prediction layer.
    assert kinds.count("Gemm") + kinds.count("MatMul") == 4


def test_8_bits_are_smaller_and_how_far_off_is_known(tmp_path: Path) -> None:
    model = built("mf", factors=64)
    scorer = scorer_of(model, SPLIT, ["train"], torch.device("cpu"))
    written(model, tmp_path / "it.onnx")
    write_int8(tmp_path / "it.onnx", tmp_path / "small.onnx")
    whole, small = ((tmp_path / name).stat().st_size for name in ("it.onnx", "small.onnx"))
    assert small < 0.5 * whole
    found = compare(scorer, tmp_path / "small.onnx")
    assert not found.holds
    assert 0 < found.mean_in_sd < 0.05
    shaken(model, seed=1, dtype=torch.float32)
    assert compare(scorer, tmp_path / "it.onnx").mean_in_sd > 0.5  # the file of another model


class Tables(nn.Module):
    """The rows that many tables have for the same ids."""

    def __init__(self, tables: list[nn.Module]) -> None:
        super().__init__()
        self.tables = nn.ModuleList(tables)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        return torch.cat([table(items) for table in self.tables], -1) * (users.view(-1, 1, 1) >= 0)


STAGES: list[tuple[str, dict[str, Any]]] = [
    *(("rowwise", {"bits": bits}) for bits in (8, 4, 2)),
    ("rowwise", {"bits": 4, "columns": True}),
    *(("pq", {"parts": 3, "bits": bits}) for bits in (8, 4)),
    *(("pack", {"sparsity": 0.7, "values": values}) for values in ("fp32", "fp16", "int8", "int4")),
    *(("half", {"format": form}) for form in ("bf16", "fp16")),
    *(("qr", {"buckets": 20, "operation": operation}) for operation in ("product", "sum")),
    ("hash", {"buckets": 9}),
    ("ce", {"buckets": 5}),
    ("lowrank", {"rank": 2}),
    ("svd", {"rank": 2}),
    ("tt", {"rank": 2}),
    ("dhe", {"width": 4}),
    ("cluster", {"clusters": 7}),
    ("mixed_dim", {"width": 6, "blocks": 3}),
]


ROWS = 600


class Holder(nn.Module):
    """A model that is one table of items."""

    def __init__(self) -> None:
        super().__init__()
        self.items = EmbeddingTable(ROWS, 12)
        nn.init.normal_(self.items.weight)


def every_table() -> list[nn.Module]:
    """One of each table that a stage puts into a model."""
    torch.manual_seed(0)
    tables, split = [], two_tastes(N_USERS, ROWS)
    for name, options in STAGES:
        stage: Any = registry.load("stage", name)
        holder = Holder()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # faiss asks for more rows
            stage(stage.Config(**options)).apply(holder, StageContext(split, torch.Generator().manual_seed(0)))
        assert type(holder.items) in stage.modules.values()
        tables.append(holder.items)
    repeated = RepeatedTable(ROWS, 12, times=3)
    nn.init.normal_(repeated.once.weight)
    return [*tables, repeated]


def test_every_table_has_the_same_rows_there(tmp_path: Path) -> None:
    tables = Tables(every_table()).eval()
    users, items = torch.arange(5), torch.arange(0, ROWS, 20).view(5, 6)
    with torch.no_grad():
        expected = tables(users, items).numpy()
    make_exportable(tables)
    write_onnx(tables, None, tmp_path / "tables.onnx")
    found = run_session(open_session(tmp_path / "tables.onnx"), Query(users), items)
    assert found.shape == (5, 6, 12 * (len(STAGES) + 1))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_the_codes_of_rows_are_kept_as_codes(tmp_path: Path) -> None:
    model, stage = built("mf", factors=255), registry.load("stage", "rowwise")
    stage(stage.Config(bits=4)).apply(model, StageContext(SPLIT, torch.Generator()))  # type: ignore[attr-defined]
    written(model, tmp_path / "it.onnx")
    assert (tmp_path / "it.onnx").stat().st_size < 0.25 * 4 * 256 * (N_USERS + N_ITEMS)


@pytest.mark.parametrize(("name", "options"), [("ease", {}), ("pop", {}), ("itemknn", {})])
def test_a_model_without_vectors_is_refused(name: str, options: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no vectors of users and items"):
        written(built(name, **options), tmp_path / "it.onnx")


class Unwritable(nn.Module):
    """A function that ONNX does not know."""

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        return torch.special.bessel_j0(users.unsqueeze(1) + items.float())


def test_what_has_no_counterpart_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot be written as ONNX") as caught:
        write_onnx(Unwritable(), None, tmp_path / "it.onnx")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "it.onnx").exists()
