"""Hydra's and OmegaConf's errors as one line that says what, where and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from rexp.errors import ConfigError, did_you_mean


def explain(error: Exception) -> ConfigError | None:
    """The user's fault behind a composition error, or None where it is not one."""
    if not isinstance(error, HydraException | OmegaConfBaseException):
        return None
    for cause in _chain(error):
        if isinstance(cause, MissingConfigException) and cause.options is not None:
            group, _, name = (cause.missing_cfg_file or "").rpartition("/")
            return ConfigError(f"{group}={name}: there is no such option; {did_you_mean(name, cause.options)}")
        if isinstance(cause, OmegaConfBaseException):
            return ConfigError(_explain_node(cause, error))
    return ConfigError(_one_line(str(error)))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _explain_node(cause: OmegaConfBaseException, error: Exception) -> str:
    key = cause.full_key or str(cause.key)
    if isinstance(cause.parent_node, DictConfig) and cause.key is not None and cause.key not in cause.parent_node:
        known = [str(name) for name in cause.parent_node]
        return f"{key}: there is no such key; {did_you_mean(str(cause.key), known)}"
    if match := re.search(r"Could not override '([^']+)'", str(error)):
        named = match[1]
        if named.split(".")[0] in ("loss", "sampler"):
            return (
                f"{named}: nothing is selected there; choose {named.split('.')[0]}=NAME too, or set model.fit.{named}"
            )
        return f"{named}: {_one_line(str(cause))}"
    return f"{key}: {_one_line(str(cause))}"


def _one_line(text: str) -> str:
    """Without the trailing "full_key: ..., object_type: ..." lines."""
    kept = [
        line.strip()
        for line in text.splitlines()
        if line.strip() and not re.match(r"\s*(full_key|object_type|reference_type):", line)
    ]
    return " ".join(kept)
