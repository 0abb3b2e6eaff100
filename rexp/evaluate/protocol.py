"""The evaluation protocol: all rules that a number was measured under, and their short name."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from rexp.errors import ConfigError
from rexp.evaluate.config import EvaluateConfig, parts_before
from rexp.evaluate.context_rule import resolve_context

if TYPE_CHECKING:
    from rexp.data.split import Split
    from rexp.data.types import Part
    from rexp.io.json_types import Json, JsonView


def resolve(config: EvaluateConfig, split: Split) -> str:
    """The protocol to use: ``auto`` takes the split's own.

    Raises:
        ConfigError: the protocol needs what the data does not have.
    """
    protocol = split.protocol if config.protocol == "auto" else config.protocol
    if protocol == "candidates" and split.candidates is None:
        raise ConfigError(
            f"evaluate=candidates: '{split.name}' comes without candidates; "
            "use evaluate=full, or evaluate=sampled to draw some"
        )
    if protocol == "pointwise" and config.users is not None:
        raise ConfigError("evaluate.users draws users to rank for, but rows are scored (pointwise); leave it out")
    return protocol


def suffix(protocol: str, config: EvaluateConfig) -> str:
    """Suffix of metric names that tells sampled protocols from the full ranking."""
    if protocol == "candidates":
        return "|given"
    if protocol == "sampled":
        drawn = config.candidates
        return f"|{drawn.sampler}-{drawn.n}-s{drawn.seed}"
    if protocol == "two_stage":
        return "|two_stage"
    return ""


def lists_apart(protocol: str, split: Split, part: Part) -> bool:
    """Whether every test item is ranked in its own list, among its own candidates; validation rows have none."""
    return protocol == "candidates" and part == "test" and split.target_candidates is not None


def identity(
    protocol: str, config: EvaluateConfig, part: Part, context: str | None = None, *, apart: bool = False
) -> Json:
    """Identity of the protocol, without cuts and metric names.

    Args:
        protocol, context: as they are resolved.
        config: the rules.
        part: that is measured.
        apart: see :func:`lists_apart`.
    """
    rules: Json = {"protocol": protocol, "part": part, "history": parts_before(config.history, part)}
    if config.targets != "all":
        rules["targets"] = config.targets
    if protocol == "pointwise":
        rules |= {"threshold": config.threshold, "options": config.options}
        if config.calibrate != "none":
            rules["calibrate"] = config.calibrate
        if config.decision.by != "fixed":
            rules["decision"] = asdict(config.decision)
        return rules | ({"clip": True} if config.clip else {})
    if config.users is not None:
        rules |= {"users": config.users, "users_seed": config.users_seed}
    rules |= {"ties": config.ties, "options": config.options} | ({"context": context} if context else {})
    if apart:
        rules["lists"] = "test item"
    if protocol in ("full", "two_stage"):
        rules |= {"mask": parts_before(config.mask, part), "catalogue": config.catalogue}
    if protocol == "sampled":
        drawn = asdict(config.candidates) | {"exclude": parts_before(config.candidates.exclude, part)}
        rules |= {"candidates": drawn, "catalogue": config.catalogue}
    if config.item_features is not None:
        rules["item_features"] = config.item_features
    return rules


def used(config: EvaluateConfig, split: Split) -> Json:
    """The options that a result on the test part depends on, the others left out: they make no other run.

    Raises:
        ConfigError: see :func:`resolve`.
    """
    protocol = resolve(config, split)
    context, apart = resolve_context(config, split, protocol), lists_apart(protocol, split, "test")
    rules = identity(protocol, config, "test", context, apart=apart)
    if protocol == "pointwise":
        return rules | {"row_metrics": config.row_metrics}
    # What candidates are ranked does not follow from the catalogue where the data gives them; what is covered does.
    rules |= {"metrics": config.metrics, "k": config.k, "catalogue": config.catalogue}
    return rules | ({"latency_users": config.latency_users} if protocol == "two_stage" else {})


def short_hash(rules: JsonView) -> str:
    """The first 12 hexadecimal digits of SHA-256 over the rules in canonical JSON."""
    return hashlib.sha256(json.dumps(rules, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:12]
