"""Records whose words ask for something else today: a default that has changed since they were made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rexp.config.fit import merged
from rexp.config.job import read
from rexp.errors import ConfigError
from rexp.hydra.compose import compose_job, hydra_session
from rexp.paper.find_runs import differences
from rexp.paper.references import resolved
from rexp.plugins.choice import Choice

if TYPE_CHECKING:
    from rexp.config.job import Request
    from rexp.io.json_types import Json, JsonView
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
        records: of its runs; those of rows that are gone are passed over.
        tunings: of the values that rows take.
    """
    made = list(records)
    with hydra_session():
        for row in paper.rows:
            own = [record for record in made if record.row == row.name]
            tuned = tunings.of(row)
            if not own or (tuned is None and (row.tune or row.values)):
                continue  # not run; or its search is another one, which its page says
            words = paper.overrides(row, own[0].seed, tuned.values if tuned else ())
            try:
                now = _options(read(compose_job(resolved(words, own[0].refers.__getitem__))))
            except (ConfigError, KeyError) as error:
                yield f"{row.name}: its words are refused today ({error})"
                continue
            found = dict.fromkeys(line for record in own for line in _changes(record, now))
            if found:
                yield f"{row.name}: {'; '.join(found)}"


def _changes(record: PaperRecord, now: JsonView) -> Iterator[str]:
    for key, then, value in differences(record.config, now):
        if None not in (then, value):  # null: of no use to the run
            yield f"{key} was {then} and is {value}"


def _options(request: Request) -> Json:
    """What can be told of a run without its data, in the form in which runs store their configuration."""
    return {
        "model": Choice.of("model", request.model, "model", NO_OPTIONS).to_dict(),
        "fit": merged(request).plain() if request.model.get("fit") else None,
        "compress": request.recipe.plain(),
    }
