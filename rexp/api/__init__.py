"""The contracts between rexp and its plugins: all that an author imports.

A plugin is a class with a ``Config`` dataclass, published as an entry point; nothing is inherited. It may state the
version of the contracts that it was written for as ``rexp_api``. Importing this imports neither torch nor
numpy, so that help and lists of plugins stay fast: what needs them is imported when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rexp.api.compression import Requirement, Stage, StageContext, StageHook, StudentView, TeacherView, TrainStep
from rexp.api.dataset import DataCard, Dataset, Origin, RawData, SourceFile, SplitRows, Splitter, VectorSource
from rexp.api.explanation import Explainer, Explanation, Reason
from rexp.api.metric import AggregateMetric, MetricContext, PointwiseMetric, ScoredRows, Ties, TopKLists, UserMetric
from rexp.api.model import Capability, Model, ReplacementModule
from rexp.api.retrieval import Retriever
from rexp.api.tracking import RunInfo, Tracker
from rexp.api.training import Batch, Layout, Loss, Negatives, Sampler
from rexp.data.query import DataSpec, Query
from rexp.errors import ConfigError, DataError, RexpError, RunError, StoreError, did_you_mean
from rexp.nn.coupling import DotCoupling, HiddenUnits, LinearCoupling, PropagatedCoupling, Reader
from rexp.nn.reduction import Reduction, reduce

if TYPE_CHECKING:
    from rexp.api.module import RecommenderModule
    from rexp.data.interactions import Interactions
    from rexp.data.split import Split
    from rexp.data.types import PADDING, Feature, FeatureSpec
    from rexp.nn.compact_embedding import CompactEmbedding
    from rexp.nn.dot import dot
    from rexp.nn.embedding import EmbeddingTable, Init, adopt_embeddings, embedding_table, initialize
    from rexp.nn.feature_embedding import FeatureEmbedding, FeatureSum, chosen_features
    from rexp.nn.fields import FieldEmbeddings
    from rexp.nn.sparse import SparseMatrix, interaction_matrix
    from rexp.nn.surgery import find_modules, replace_module, select_modules, tables

REXP_API = (2, 1)
"""(major, minor) of these contracts. A plugin states the one it was written for as ``rexp_api``; see docs/api.md."""

_LATER = {
    "rexp.data.interactions": ("Interactions",),
    "rexp.data.split": ("Split",),
    "rexp.data.types": ("PADDING", "Feature", "FeatureSpec"),
    "rexp.api.module": ("RecommenderModule",),
    "rexp.nn.compact_embedding": ("CompactEmbedding",),
    "rexp.nn.dot": ("dot",),
    "rexp.nn.embedding": ("EmbeddingTable", "Init", "adopt_embeddings", "embedding_table", "initialize"),
    "rexp.nn.feature_embedding": ("FeatureEmbedding", "FeatureSum", "chosen_features"),
    "rexp.nn.fields": ("FieldEmbeddings",),
    "rexp.nn.sparse": ("SparseMatrix", "interaction_matrix"),
    "rexp.nn.surgery": ("find_modules", "replace_module", "select_modules", "tables"),
}
_LAZY = {name: module for module, names in _LATER.items() for name in names}

if not TYPE_CHECKING:  # else any name would pass for a member

    def __getattr__(name: str) -> Any:
        if name not in _LAZY:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = getattr(import_module(_LAZY[name]), name)
        return found


__all__ = [
    "PADDING",
    "REXP_API",
    "AggregateMetric",
    "Batch",
    "Capability",
    "CompactEmbedding",
    "ConfigError",
    "DataCard",
    "DataError",
    "DataSpec",
    "Dataset",
    "DotCoupling",
    "EmbeddingTable",
    "Explainer",
    "Explanation",
    "Feature",
    "FeatureEmbedding",
    "FeatureSpec",
    "FeatureSum",
    "FieldEmbeddings",
    "HiddenUnits",
    "Init",
    "Interactions",
    "Layout",
    "LinearCoupling",
    "Loss",
    "MetricContext",
    "Model",
    "Negatives",
    "Origin",
    "PointwiseMetric",
    "PropagatedCoupling",
    "Query",
    "RawData",
    "Reader",
    "Reason",
    "RecommenderModule",
    "Reduction",
    "ReplacementModule",
    "Requirement",
    "Retriever",
    "RexpError",
    "RunError",
    "RunInfo",
    "Sampler",
    "ScoredRows",
    "SourceFile",
    "SparseMatrix",
    "Split",
    "SplitRows",
    "Splitter",
    "Stage",
    "StageContext",
    "StageHook",
    "StoreError",
    "StudentView",
    "TeacherView",
    "Ties",
    "TopKLists",
    "Tracker",
    "TrainStep",
    "UserMetric",
    "VectorSource",
    "adopt_embeddings",
    "chosen_features",
    "did_you_mean",
    "dot",
    "embedding_table",
    "find_modules",
    "initialize",
    "interaction_matrix",
    "reduce",
    "replace_module",
    "select_modules",
    "tables",
]
