"""The contracts between rexp and its plugins: all that an author imports.

A plugin is a class with a ``Config`` dataclass, published as an entry point; nothing is inherited.
torch is imported for type checking only, so that listing plugins stays fast.
"""

from __future__ import annotations

from rexp.api.compression import Requirement, Stage, StageContext, StageHook, TeacherView, TrainStep
from rexp.api.dataset import DataCard, Dataset, Origin, RawData, SourceFile, SplitRows, Splitter
from rexp.api.metric import AggregateMetric, MetricContext, PointwiseMetric, ScoredRows, Ties, TopKLists, UserMetric
from rexp.api.model import Capability, Model
from rexp.api.retrieval import Retriever
from rexp.api.tracking import RunInfo, Tracker
from rexp.api.training import Batch, Layout, Loss, Negatives, Sampler
from rexp.data.interactions import Interactions
from rexp.data.query import DataSpec, Query
from rexp.data.split import Split
from rexp.data.types import FeatureSpec

REXP_API = (1, 3)
"""(major, minor) of these contracts. A plugin states the one it was written for as ``rexp_api``."""

__all__ = [
    "REXP_API",
    "AggregateMetric",
    "Batch",
    "Capability",
    "DataCard",
    "DataSpec",
    "Dataset",
    "FeatureSpec",
    "Interactions",
    "Layout",
    "Loss",
    "MetricContext",
    "Model",
    "Negatives",
    "Origin",
    "PointwiseMetric",
    "Query",
    "RawData",
    "Requirement",
    "Retriever",
    "RunInfo",
    "Sampler",
    "ScoredRows",
    "SourceFile",
    "Split",
    "SplitRows",
    "Splitter",
    "Stage",
    "StageContext",
    "StageHook",
    "TeacherView",
    "Ties",
    "TopKLists",
    "Tracker",
    "TrainStep",
    "UserMetric",
]
