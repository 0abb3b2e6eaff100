"""The stored result of a finished run, and the rules by which two results can be compared."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath
from typing import TYPE_CHECKING

from rexp.store.index import configuration_of

if TYPE_CHECKING:
    from rexp.io.json_types import Json, JsonView

SELF = "self"
"""``teacher.from=self``: the student's own state at the beginning of a step teaches it, and is no run."""
ONLINE = "online"
FIT_ONLY = ["fit"]
"""``compress.order`` of a run that trains its model and nothing else."""
EARLIER_KEYS = frozenset({"from"})
EARLIER_FIT_KEYS = frozenset({"watch", "every", "select"})
"""Keys of the stored configuration that have other names today."""


@dataclass(frozen=True)
class RunResult:
    """``result.json`` of a finished run; each property reads its part when it is asked for.

    Summaries and briefs (:mod:`rexp.store.index`) hold fewer parts: asking them for ``fit``, ``steps``, ``parts``,
    ``weights`` or ``capabilities`` raises a KeyError.

    Args:
        content: the JSON object, or a part of it.
    """

    content: JsonView

    # What is stored

    @property
    def run_id(self) -> str:
        return str(self.content["run_id"])

    @property
    def seed(self) -> int:
        return int(self.content["config"]["seed"])

    @property
    def finished(self) -> str:
        """When, as ISO 8601 text in UTC; "" if it is not known."""
        return str(self.content.get("finished") or "")

    @property
    def labels(self) -> Mapping[str, str]:
        """Names of what was chosen, by kind: ``{"model": "mf", "compress": "kd"}``."""
        return self.content.get("labels") or {}

    @property
    def config(self) -> JsonView:
        """The typed configuration."""
        found: JsonView = self.content["config"]
        return found

    @property
    def data(self) -> JsonView:
        """Name, fingerprint and sizes of the data."""
        found: JsonView = self.content["data"]
        return found

    @property
    def metrics(self) -> Mapping[str, float | None]:
        """Metrics of the test part by name; None if one is undefined."""
        return self.content.get("metrics") or {}

    @property
    def valid(self) -> Mapping[str, Mapping[str, float | None]]:
        """Metrics of the validation part, by the id of the protocol that they were measured by."""
        return self.content.get("valid") or {}

    @property
    def baselines(self) -> Mapping[str, Mapping[str, Mapping[str, float | None]]]:
        """Metrics of the validation part, by protocol, of models without a run that were fitted to compare a teacher
        with, by their names."""
        return self.content.get("baselines") or {}

    @property
    def facts(self) -> JsonView:
        """How the evaluation was made: its protocol, its catalogue, its users."""
        return self.content.get("facts") or {}

    @property
    def cost(self) -> Mapping[str, float]:
        """Sizes, seconds and latencies by name."""
        return self.content.get("cost") or {}

    @property
    def found(self) -> Mapping[str, float]:
        """Numbers that the stages report, by label and name: ``prune.sparsity``."""
        return self.content.get("found") or {}

    @property
    def gate(self) -> JsonView:
        """The comparison with the best teacher, see :class:`rexp.measure.quality_target.QualityGate`; or empty."""
        return self.content.get("gate") or {}

    @property
    def teacher(self) -> Mapping[str, str]:
        """``run_id`` and ``name`` of the teacher; empty without one."""
        return self.content.get("teacher") or {}

    @property
    def control(self) -> JsonView:
        """``compress`` of the fair control: the same steps and epochs without what distills and prunes; or empty."""
        return self.content.get("control") or {}

    @property
    def side_files(self) -> Mapping[str, Sequence[Json]]:
        """Files that options named, by key."""
        return self.content.get("side_files") or {}

    @property
    def fit(self) -> JsonView:
        """The report of the first fit."""
        found: JsonView = self.content["fit"]
        return found

    @property
    def steps(self) -> Sequence[Json]:
        """One report a step of the recipe."""
        found: Sequence[Json] = self.content["steps"]
        return found

    @property
    def parts(self) -> Mapping[str, Json]:
        """Modules that stages put into the model, by path; empty for a dense model."""
        found: Mapping[str, Json] = self.content["parts"]
        return found

    @property
    def weights(self) -> JsonView:
        """File, checksum and tensors of the weights."""
        found: JsonView = self.content["weights"]
        return found

    @property
    def capabilities(self) -> Sequence[str]:
        """Of the model, see :class:`rexp.api.Capability`."""
        found: Sequence[str] = self.content["capabilities"]
        return found

    # What follows from it

    @property
    def model_config(self) -> JsonView:
        """The name and the options of the model."""
        found: JsonView = self.config["model"]
        return found

    @property
    def model_name(self) -> str:
        """The plugin of the model."""
        return str(self.model_config["name"])

    @property
    def runs(self) -> Sequence[str]:
        """Ids of the runs whose models the model is made of."""
        return self.config.get("runs") or ()

    @property
    def model_label(self) -> str:
        """The name that tables show, else the plugin's."""
        return str(self.labels.get("model", self.model_name))

    @property
    def compress_order(self) -> Sequence[str | list[str]]:
        """``compress.order``: the steps of the recipe."""
        return (self.config.get("compress") or {}).get("order") or ()

    @property
    def data_name(self) -> str:
        """The data set's name; with the file's for a file of one's own, for all of these are called alike.

        >>> RunResult({"data": {"name": "csv"}, "config": {"data": {"path": "there/mine.csv"}}}).data_name
        'csv mine.csv'
        """
        name, node = str(self.data["name"]), self.config.get("data") or {}
        file = node.get("path") or node.get("train")
        if not isinstance(file, str) or name != node.get("name", name):
            return name
        return f"{name} {PurePath(file).name}"

    @property
    def fingerprint(self) -> str:
        """Of the data's content."""
        return str(self.content["data"]["fingerprint"])

    @property
    def family(self) -> str:
        """What the folds of one data set have in common (:attr:`rexp.data.split.Split.family`); "" without folds."""
        return str(self.data.get("family") or "")

    @property
    def fold(self) -> int | None:
        """The fold that was tested, of a split with folds."""
        split = (self.config.get("data") or {}).get("split") or {}
        return split.get("fold") if self.family else None

    @property
    def protocol_id(self) -> str:
        """Hash of the rules of the evaluation; two results with the same one were measured alike."""
        return str(self.facts.get("protocol_id"))

    @cached_property
    def configuration(self) -> str:
        """Hash of the configuration without its seed; see :func:`rexp.store.index.configuration_of`."""
        return str(self.content.get("configuration") or configuration_of(self.config))

    @cached_property
    def model_and_seed(self) -> str:
        """The model's options and the seed as text, by which a run among thousands is looked up."""
        return json.dumps((self.model_config, self.seed), sort_keys=True)

    @property
    def first_metric(self) -> str | None:
        """The metric by which the run is compared; None if nothing was measured."""
        return next(iter(self.metrics), None)

    @property
    def teacher_runs(self) -> list[str]:
        """Ids of the runs that taught this one."""
        return teacher_runs(self.config)

    def comparable_with(self, other: RunResult) -> bool:
        """Whether both were measured on the same data by the same rules."""
        return self.fingerprint == other.fingerprint and self.protocol_id == other.protocol_id

    def is_control_of(self, student: RunResult) -> bool:
        """Whether this is the student's model under its seed, fitted in the same way without a teacher and stages."""
        alike = all(self.config.get(key) == student.config.get(key) for key in ("model", "seed", "fit"))
        return alike and self.compress_order == FIT_ONLY and self.comparable_with(student)


def teacher_runs(config: JsonView) -> list[str]:
    """Ids of the runs that taught a run, from its typed configuration.

    >>> teacher_runs({"teacher": "1f0c3a9b2d4e"}), teacher_runs({"teacher": {"1f0c": 0.5, "self": 0.5}})
    (['1f0c3a9b2d4e'], ['1f0c'])
    >>> teacher_runs({"teacher": None}), teacher_runs({"teacher": {"online": {"name": "mf"}}})
    ([], [])
    """
    named = config.get("teacher")
    runs = [] if not named else [named] if isinstance(named, str) else list(named)
    return [run for run in runs if run not in (SELF, ONLINE)]


def earlier_key(content: JsonView) -> str | None:
    """A key of a stored result that only earlier versions wrote; None for a result of today.

    >>> earlier_key({"config": {"from": None}}), earlier_key({"config": {"fit": {"validate_every": 1}}})
    ('from', None)
    """
    config = content.get("config") or {}
    fit = config.get("fit") or {}
    old = [*(EARLIER_KEYS & config.keys()), *(f"fit.{key}" for key in EARLIER_FIT_KEYS & fit.keys())]
    return min(old, default=None)
