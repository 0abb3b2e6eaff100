"""Records whose words ask for something else today: a default that has changed since they were made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rexp.config.fit import merged
from rexp.config.job import read
from rexp.errors import ConfigError
from rexp.hydra.compose import compose_job, hydra_session
from rexp.paper.references import resolved
from rexp.plugins.choice import Choice

if TYPE_CHECKING:
    from rexp.config.job import Request
    from rexp.io.json_types import Json
    from rexp.paper.paper import Paper
    from rexp.paper.record import PaperRecord
    from rexp.paper.tuning import Tunings

NO_OPTIONS = ("fit", "from", "init_from", "on_weak")
"""Keys of a model's node that are not the model's."""


def changed_defaults(paper: Paper, records: Iterable[PaperRecord], tunings: Tunings) -> Iterator[str]:
    """One line for each row whose record was made with options that its words do not give today.

    The model, how it is trained and how it is compressed are compared, without the data at hand. An option that a
    record does not know yet says nothing, nor does one that its run had no use for.

    Args:
        paper: whose rows are run by the words of its file.
        records: one of a row is enough; those of rows that are gone are passed over.
        tunings: of the values that rows take.
    """
    known = {row.name: row for row in paper.rows}
    first = {record.row: record for record in reversed(list(records)) if record.row in known}
    with hydra_session():
        for name in (name for name in known if name in first):
            row, record = known[name], first[name]
            tuned = tunings.of(row)
            if tuned is None and (row.tune or row.values):
                continue  # its search is another one, which its page says
            words = paper.overrides(row, record.seed, tuned.values if tuned else ())
            try:
                now = _options(read(compose_job(resolved(words, record.refers.__getitem__))))
            except (ConfigError, KeyError) as error:
                yield f"{name}: its words are refused today ({error})"
                continue
            found = [f"{key} was {then} and is {value}" for key, then, value in _differences(record.config, now)]
            if found:
                yield f"{name}: {'; '.join(found)}"


def _options(request: Request) -> Json:
    """What can be told of a run without its data, in the form in which runs store their configuration."""
    return {
        "model": Choice.of("model", request.model, "model", NO_OPTIONS).to_dict(),
        "fit": merged(request).plain() if request.model.get("fit") else None,
        "compress": request.recipe.plain(),
    }


def _differences(then: Any, now: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Keys whose values differ where both have one, with both values."""
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for name in sorted(then.keys() & now.keys()):
            yield from _differences(then[name], now[name], f"{key}.{name}" if key else name)
    elif None not in (then, now) and _plain(then) != _plain(now):
        yield key, then, now


def _plain(value: Any) -> Any:
    """JSON has lists where a configuration has tuples."""
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
