"""The contract as a whole: what it exports, and that the core asks for nothing beside it."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import rexp.api
from rexp.api import Capability, RecommenderModule
from rexp.api.optional import OptionalMember

ROOT = Path(__file__).parents[2]
KINDS = ("compression", "dataset", "explanation", "metric", "model", "retrieval", "tracking", "training")


def optional_members() -> Iterator[tuple[str, str, OptionalMember[Any]]]:
    """Module, constant and member."""
    for kind in KINDS:
        for constant, member in vars(import_module(f"rexp.api.{kind}")).items():
            if isinstance(member, OptionalMember):
                yield kind, constant, member


MEMBERS = list(optional_members())
NAMES = {member.name for _, _, member in MEMBERS}


def test_every_exported_name_is_there_and_says_what_it_is() -> None:
    for name in rexp.api.__all__:
        found = getattr(rexp.api, name)
        if inspect.isclass(found) or inspect.isfunction(found):
            assert (found.__doc__ or "").strip(), name
    assert sorted(rexp.api.__all__, key=str.lower) == sorted(set(rexp.api.__all__), key=str.lower)
    assert set(rexp.api._LAZY) <= set(rexp.api.__all__)
    with pytest.raises(AttributeError, match="no_such_name"):
        rexp.api.no_such_name  # noqa: B018


def test_the_contract_is_read_without_torch() -> None:
    code = "import sys, rexp.api; print(sorted({'torch', 'polars', 'scipy', 'hydra', 'lightning'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_optional_members_stand_in_the_docstring_of_their_contract_and_in_the_page() -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    for kind, constant, member in MEMBERS:
        source = (ROOT / "rexp" / "api" / f"{kind}.py").read_text()
        assert f"`{member.name}`" in page, member
        assert f":data:`{constant}`" in source or f"``{member.name}``" in source, member


def test_the_core_reads_optional_members_in_one_way_alone() -> None:
    """No ``getattr(x, "settled", ...)`` that the contract knows nothing of, nor a ``hasattr``."""
    found = []
    for file in sorted((ROOT / "rexp").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("getattr", "hasattr")
            ):
                name = node.args[1]
                if isinstance(name, ast.Constant) and name.value in NAMES:
                    found.append(f"{file.name}:{node.lineno} {name.value}")
    assert found == []


@pytest.mark.parametrize("owner", [object(), object])
def test_a_plugin_without_a_member_has_its_default(owner: object) -> None:
    for _, _, member in MEMBERS:
        assert member.of(owner) is member.default


def test_the_model_as_a_base_class() -> None:
    class Least(RecommenderModule):
        def capabilities(self) -> frozenset[Capability]:
            return frozenset()

        def score(self, query: object, items: torch.Tensor) -> torch.Tensor:
            return items

    model = Least()
    assert isinstance(model, nn.Module)
    assert (model.coupled_parameters(), model.hidden_units(), model.history_length) == ((), (), None)
    with pytest.raises(NotImplementedError):
        model.item_embeddings()
    with pytest.raises(TypeError, match="abstract"):
        RecommenderModule()  # type: ignore[abstract]
    # Every method that a capability names is declared.
    for name in ("score_all", "user_embeddings", "fit", "bind", "training_loss", "penalty", "score_sequence"):
        assert callable(getattr(RecommenderModule, name))
