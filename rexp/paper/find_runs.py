"""Search for existing runs by configuration, whatever code made them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rexp.config.job import read
from rexp.config.plan import resolve
from rexp.experiment.teachers import teacher_job
from rexp.hydra.compose import compose_job, hydra_session
from rexp.paper.references import references
from rexp.prepare.prepare import load_split
from rexp.store.store import Store

if TYPE_CHECKING:
    from rexp.data.split import Split
    from rexp.io.json_types import Json, JsonView
    from rexp.store.result import RunResult

WHERE_USED = ("betas", "last_k", "monitor", "patience", "select_on_test", "validate_every")
"""Options that a configuration has as null where they are of no use; older code kept them."""
BY_RUN = ("teacher", "init_from")
"""What a configuration says by the ids of other runs, which other code would give other ids."""


class RunIndex:
    """The finished runs of some stores.

    Args:
        stores: the last that was finished counts, where several hold the same.
    """

    def __init__(self, stores: Sequence[Store]) -> None:
        found = [(store, result) for store in stores for result in store.runs()]
        self._newest_first = sorted(found, key=lambda pair: pair[1].finished, reverse=True)
        self._by_id = {result.run_id: result for _, result in found}

    def find(self, overrides: Sequence[str], runs: Mapping[str, str]) -> tuple[Store, RunResult] | None:
        """The run that these overrides make, whatever code made it.

        An option that the run does not know yet, or that is gone since, says nothing; all others must agree. A teacher
        must have been made as the overrides make it.

        Args:
            overrides: of a single run; those that refer to other rows say what it starts from.
            runs: the runs that they refer to, by the names of their rows.
        """
        wanted, teacher, taught = _configuration([text for text in overrides if not references([text])])
        named = _referred("teacher.from", overrides, runs)
        for store, result in self._newest_first:
            config = result.config
            if not agree(_without(wanted), _without(config)) or bool(config.get("teacher")) != taught:
                continue
            if sorted(_ids(config.get("init_from"))) != sorted(_referred("model.init_from", overrides, runs)):
                continue
            if taught and not self._taught_by(config["teacher"], named[0] if named else teacher):
                continue
            return store, result
        return None

    def _taught_by(self, teacher: Any, wanted: JsonView | str | None) -> bool:
        """One teacher: the named run, or one whose own run is in the stores and agrees."""
        known = self._by_id.get(teacher) if isinstance(teacher, str) else None
        if known is None or wanted is None or isinstance(wanted, str):
            return bool(teacher == wanted)
        return agree(_without(wanted), _without(known.config)) and known.seed == wanted["seed"]


def agree(one: Any, other: Any) -> bool:
    """Equal in all that both have, and that is of use to both.

    >>> agree({"a": 1, "new": True}, {"a": 1}), agree({"a": 1}, {"a": 2}), agree({"a": {"b": 1}}, {"a": None})
    (True, False, False)
    """
    return next(differences(one, other), None) is None


def differences(one: Any, other: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """What does not agree: its path, and both values.

    >>> list(differences({"fit": {"lr": 1, "new": True}}, {"fit": {"lr": 2}}))
    [('fit.lr', 1, 2)]
    """
    key = path.rpartition(".")[2]
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for name in sorted(one.keys() & other.keys()):
            yield from differences(one[name], other[name], f"{path}.{name}" if path else name)
    elif isinstance(one, list | tuple) and isinstance(other, list | tuple):
        if len(one) != len(other) or not all(map(agree, one, other)):
            yield path, one, other
    elif key in WHERE_USED and None in (one, other):
        return
    elif key == "protocol" and "auto" in (one, other):
        return  # the data's own, as it is in the other
    elif one != other:
        yield path, one, other


def _configuration(overrides: Sequence[str]) -> tuple[Json, Json | None, bool]:
    """The typed configuration of a run and of its teacher, and whether it has one."""
    with hydra_session():
        config = compose_job(overrides)
    request = read(config)
    split = load_split(request.data, request.data_root, request.cache)
    store = Store(request.store)
    own = resolve(request, split, store, sweeping=True).config()
    taught = request.recipe.needs_teacher
    if not taught:
        return own, None, False
    return own, _teacher_configuration(teacher_job(config, "teacher", request, split), split, store), True


def _teacher_configuration(config: Any, split: Split, store: Store) -> Json:
    return resolve(read(config), split, store, sweeping=True).config()


def _referred(key: str, overrides: Sequence[str], runs: Mapping[str, str]) -> list[str]:
    """The runs that stand behind one key."""
    return [runs[name] for text in overrides if text.lstrip("+").startswith(key) for name in references([text])]


def _without(config: JsonView) -> Json:
    return {key: node for key, node in config.items() if key not in BY_RUN}


def _ids(named: Any) -> list[str]:
    return [] if named is None else list(named.values()) if isinstance(named, Mapping) else [named]
