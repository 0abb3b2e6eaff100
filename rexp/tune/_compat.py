"""Private parts of Optuna that nothing public stands for; what an update of Optuna may break is here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna.trial import Trial


def reported_epochs(trial: Trial) -> set[int]:
    """Epochs whose value a running trial has reported already, in an earlier process too."""
    return set(trial.storage.get_trial(trial._trial_id).intermediate_values)
