"""Hydra's and OmegaConf's errors as one line that says what, where and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from rexp import registry
from rexp.errors import ConfigError, did_you_mean

OTHER_GROUPS = {"compress", "train", "evaluate", "experiment"}
"""Groups whose options are no plugins."""
NO_NAME = re.compile(
    r"true|false|[-+]?(inf|nan|\d+(\.\d*)?(e[-+]?\d+)?)|\[\]|\[.*(\d|null|true|false|nan|inf|\[).*\]|\{.*", re.I
)


def explain(error: Exception, arguments: Sequence[str], *, composing: bool) -> ConfigError | None:
    """The user's fault behind an error, or None where it is not one.

    Args:
        error: what Hydra let through.
        arguments: the command line.
        composing: no job had begun, so that Hydra's bare ``ValueError`` is about the command line too.
    """
    for argument in arguments:
        if argument.startswith("paper="):
            return ConfigError(f"{argument}: a paper is a table of many runs; write rexp paper run {argument[6:]}")
    if composing and type(error) in (ValueError, TypeError):
        return ConfigError(_explain_value(error, arguments))
    if not isinstance(error, HydraException | OmegaConfBaseException):
        return None
    for cause in _chain(error):
        if isinstance(cause, MissingConfigException) and cause.missing_cfg_file:
            group, _, name = cause.missing_cfg_file.rpartition("/")
            return ConfigError(f"{group}={name}: there is no such option; {did_you_mean(name, _options(cause, group))}")
        if isinstance(cause, OmegaConfBaseException):
            return ConfigError(_explain_node(cause, error))
        if isinstance(cause, OverrideParseException):
            return ConfigError(f"{cause.override}: cannot be read as KEY=VALUE: {_one_line(str(cause))}")
    return ConfigError(_one_line(str(error)))


def _explain_value(error: Exception, arguments: Sequence[str]) -> str:
    """Hydra looks for files by what a group is given, and falls over what is no name."""
    groups = {kind.config_group for kind in registry.KINDS.values()} | OTHER_GROUPS
    for argument in arguments:
        key, _, value = argument.partition("=")
        if key.lstrip("+").partition("@")[0] in groups and (value == "null" or NO_NAME.fullmatch(value)):
            return f"{argument}: a group takes the name of an option; write '~{key.lstrip('+')}' to leave it out"
    return _one_line(str(error))


def _options(cause: MissingConfigException, group: str) -> Iterable[str]:
    """What could be chosen; for a name in a list of choices Hydra does not say, so the installed plugins are named."""
    kinds = [kind.name for kind in registry.KINDS.values() if kind.config_group == group]
    return cause.options or [name for kind in kinds for name in registry.names(kind)]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _explain_node(cause: OmegaConfBaseException, error: Exception) -> str:
    key = cause.full_key or str(cause.key)
    match = re.search(r"Could not override '([^']+)'", str(error))
    named = match[1] if match else key
    group = named.partition(".")[0]
    known = [str(name) for name in cause.parent_node] if isinstance(cause.parent_node, DictConfig) else []
    if group in ("loss", "sampler") and "." in named and not known:
        return f"{named}: nothing is selected there; choose {group}=NAME too, or set model.fit.{named}"
    if named in ("model", "teacher") and "Cannot merge" in str(cause):
        return f"{named} is one model, by its name; write {'model' if named == 'model' else 'model@teacher'}=NAME"
    if known and cause.key is not None and cause.key not in known:
        return f"{key}: there is no such key; {did_you_mean(str(cause.key), known)}"
    return f"{named}: {_one_line(str(cause))}"


def _one_line(text: str) -> str:
    """Without Hydra's link to its grammar and the trailing "full_key: ..., object_type=..." lines."""
    kept = [
        line.strip()
        for line in text.splitlines()
        if line.strip() and not re.match(r"\s*(See https:|(full_key|object_type|reference_type)[:=])", line)
    ]
    return " ".join(kept)
