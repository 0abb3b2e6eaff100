"""The protocol's rule on the contexts that lists are ranked in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rexp.api import Capability
from rexp.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection

    from rexp.data.split import Split
    from rexp.evaluate.config import EvaluateConfig


def resolve_context(config: EvaluateConfig, split: Split, protocol: str) -> str | None:
    """The contexts that lists are ranked in: "target", "latest" or "none".

    Args:
        config: ``auto`` takes "target", and "latest" in two stages.
        split: the data.
        protocol: as it is resolved.

    Returns:
        None where the data has no contexts, and where rows are scored in their own.

    Raises:
        ConfigError: a context is asked for that the data does not have, or lists of targets' contexts in two stages.
    """
    asked = config.context
    if not split.contexts:
        if asked in ("target", "latest"):
            raise ConfigError(f"evaluate.context={asked}: '{split.name}' has no contexts; leave it out")
        return None
    if protocol == "pointwise":
        return None
    if protocol != "two_stage":
        return "target" if asked == "auto" else asked
    if asked == "target":
        raise ConfigError(
            "evaluate.context=target: in two stages candidates are retrieved once a user; take evaluate.context=latest"
        )
    return "latest" if asked == "auto" else asked


def rules_of_teacher(
    config: EvaluateConfig, split: Split, protocol: str, capabilities: Collection[str]
) -> EvaluateConfig:
    """The rules that a teacher is measured by: its student's, but in contexts where the teacher reads them and the
    student is ranked without (the teacher's columns are privileged ones).

    Args:
        config: of the student's evaluation.
        split: the data.
        protocol: as it is resolved.
        capabilities: of the teacher.
    """
    if Capability.READS_CONTEXT in capabilities and resolve_context(config, split, protocol) == "none":
        return replace(config, context="auto")
    return config


def check_context(context: str | None, capabilities: Collection[str], name: str) -> None:
    """Refuse to rank without a context by a model that reads one.

    Raises:
        ConfigError: naming the ways out.
    """
    if context == "none" and Capability.READS_CONTEXT in capabilities:
        raise ConfigError(
            f"{name} reads the context of an interaction, and evaluate.context=none ranks without one; take "
            "evaluate.context=target (that of the test row) or latest (that of the user's last training row)"
        )
