"""Does an exported model give the scores of the model it was made from?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from rexp.errors import RunError
from rexp.measure.onnx_session import open_session, run_session

if TYPE_CHECKING:
    from rexp.evaluate.scoring import Scorer

TOLERANCE = 1e-4
"""Of the largest score: more than another order of summing comes to in float32."""
USERS, CANDIDATES = 64, 100


@dataclass(frozen=True)
class Agreement:
    """Difference between exported and original scores.

    Args:
        pairs: how many were compared.
        largest: difference.
        scale: the largest score.
        mean_in_sd: mean difference, in standard deviations of the scores.
    """

    pairs: int
    largest: float
    scale: float
    mean_in_sd: float

    @property
    def holds(self) -> bool:
        """They are the same but for rounding."""
        return self.largest <= TOLERANCE * self.scale


def compare(scorer: Scorer, path: Path) -> Agreement:
    """Scores of a file and of the stored model: of users and items that are drawn uniformly, with the users' histories.

    Args:
        scorer: of the model, on the CPU.
        path: the exported model.

    Raises:
        RunError: the runtime refuses it.
    """
    split, generator = scorer.split, torch.Generator().manual_seed(0)
    known = torch.from_numpy(np.unique(split.train.users).astype(np.int64))
    users = known[torch.randperm(len(known), generator=generator)[:USERS]]
    items = torch.randint(split.n_items, (len(users), CANDIDATES), generator=generator)
    query = scorer.query(users)
    with torch.no_grad():
        expected = scorer.model.score(query, items).float().numpy()
    try:
        found = run_session(open_session(path), query, items)
    except Exception as error:  # the runtime has many
        line = str(error).splitlines()[0]
        raise RunError(f"ONNX Runtime cannot run the exported model: {line}") from error
    off, spread = np.abs(found - expected), max(float(expected.std()), 1e-12)
    return Agreement(off.size, float(off.max()), float(np.abs(expected).max()), float(off.mean()) / spread)
