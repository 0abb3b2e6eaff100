"""The contracts between rexp and its plugins: all that an author imports.

A plugin is a class with a ``Config`` dataclass, published as an entry point; nothing is inherited.
torch is imported for type checking only, so that listing plugins stays fast.
"""

from __future__ import annotations

from rexp.api.compression import Attached, Need, Stage, StageContext, Step, TeacherView
from rexp.api.dataset import DataCard, Dataset, Origin, Parts, Raw, SourceFile, Splitter
from rexp.api.metric import CatalogueMetric, Lists, MetricContext, RowMetric, Rows, Ties, UserMetric
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
    "Attached",
    "Batch",
    "Capability",
    "CatalogueMetric",
    "DataCard",
    "DataSpec",
    "Dataset",
    "FeatureSpec",
    "Interactions",
    "Layout",
    "Lists",
    "Loss",
    "MetricContext",
    "Model",
    "Need",
    "Negatives",
    "Origin",
    "Parts",
    "Query",
    "Raw",
    "Retriever",
    "RowMetric",
    "Rows",
    "RunInfo",
    "Sampler",
    "SourceFile",
    "Split",
    "Splitter",
    "Stage",
    "StageContext",
    "Step",
    "TeacherView",
    "Ties",
    "Tracker",
    "UserMetric",
]
