"""Why a run recommends what it recommends, by the installed plugin that explains."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from rich.progress import track

from rexp.errors import ConfigError
from rexp.evaluate.evaluator import device_of
from rexp.evaluate.scoring import Scorer
from rexp.evaluate.top_items import top_items
from rexp.experiment.measure_client import data_folder
from rexp.experiment.restore import load_model, load_run_split
from rexp.io.terminal import Screen
from rexp.plugins import registry
from rexp.plugins.choice import Choice
from rexp.store.installed import check_installed

if TYPE_CHECKING:
    from torch import Tensor

    from rexp.api import Explanation
    from rexp.data.split import Split
    from rexp.data.types import Array, Part
    from rexp.store.store import Store

REASONS = 3
"""Of a recommendation, that are shown in a cell."""
USERS, LENGTH = 5, 5
"""Lists that the page shows of a run, and their length."""
SHOWN: tuple[Part, ...] = ("train", "valid")
"""As :func:`rexp.recommend` has it by default."""


def installed_explainer() -> Any:
    """The explainer, with the options that are its defaults.

    Raises:
        ConfigError: none is installed, or more than one.
    """
    found = registry.plugins("explainer")
    if not found:
        raise ConfigError("no installed plugin explains recommendations; install one: pip install rexp-explain")
    if len(found) > 1:
        named = " and ".join(f"'{plugin.name}' of {plugin.distribution}" for plugin in found)
        raise ConfigError(f"recommendations are explained by {named}; leave one out with REXP_DISABLE=DISTRIBUTION")
    return Choice.of("explainer", {"name": found[0].name}, "explainer").make()


def explain_lists(
    explainer: Any, model: Any, split: Split, users: Array, lists: Tensor, shown: Sequence[Part]
) -> list[Explanation]:
    """One for each recommendation, user by user, with a bar on a terminal.

    Args:
        explainer: see :class:`rexp.api.Explainer`.
        model: in evaluation mode, on the CPU.
        split: the data it was trained on.
        users: (U,) dense ids.
        lists: (U, k) dense ids of items, -1 for none.
        shown: parts that a model of sequences reads.

    Raises:
        ConfigError: the explainer has nothing to say of this model.
    """
    scorer = Scorer(model, split, shown, device_of(model), block_bytes=1)
    shown_lists = track(
        zip(users.tolist(), lists.tolist(), strict=True),
        "explaining",
        total=len(users),
        console=Screen(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    found = []
    for user, items in shown_lists:
        query = scorer.query(torch.tensor([user]))
        found += [explainer.explain(model, split, query, item) for item in items if item >= 0]
    return found


def example_lists(explainer: Any, store: Store, run: str) -> list[Explanation]:
    """What a finished run recommends to a few users who are tested, drawn with a seed, and why.

    Args:
        explainer: see :class:`rexp.api.Explainer`.
        store: where it lies.
        run: its id, or the beginning of it; its data lie in ``$REXP_DATA`` where rexp does not have them.

    Raises:
        ConfigError: as of :func:`explain_lists`.
        StoreError, DataError: as of :func:`rexp.experiment.restore.load_model`.
    """
    run = store.resolve(run)
    check_installed(store, run)
    split = load_run_split(store.result(run), data_folder(None), store.root / ".data")
    model = load_model(store, run, split, "--explain")
    tested = np.unique(split.test.users)
    users = np.sort(np.random.default_rng(0).permutation(tested)[:USERS])
    lists, _ = top_items(model, split, torch.from_numpy(users), min(LENGTH, split.n_items), SHOWN)
    return explain_lists(explainer, model, split, users, lists, SHOWN)


def reasons_in_words(explanation: Explanation, most: int = REASONS) -> str:
    """The strongest reasons with what they add, for a cell of a table.

    >>> from rexp.api import Explanation, Reason
    >>> reasons = (Reason("3", 0.5, "Alien"), Reason("5", -0.125))
    >>> reasons_in_words(Explanation("u", "7", "", 0.375, "history", "exact", 0.0, reasons))
    '3 (Alien) +0.5000; 5 -0.1250'
    """
    return "; ".join(f"{reason.label} {reason.value:+.4f}" for reason in explanation.reasons[:most])
