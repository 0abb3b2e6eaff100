"""Hydra's launchers, and its own names for what a sweep is handed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from hydra.core.plugins import Plugins
from hydra.types import HydraContext

if TYPE_CHECKING:
    from hydra.core.utils import JobReturn
    from omegaconf import DictConfig

__all__ = ["HydraContext", "launch_jobs"]


def launch_jobs(
    config: DictConfig, context: HydraContext, task: Callable[[Any], Any], jobs: Sequence[Sequence[str]], first: int
) -> Sequence[JobReturn]:
    """Run jobs by the launcher of the configuration.

    Args:
        config: of the sweep as a whole.
        context: Hydra's.
        task: what each job does with its configuration.
        jobs: their overrides.
        first: the number of the first of them.
    """
    launcher = Plugins.instance().instantiate_launcher(hydra_context=context, task_function=task, config=config)
    return launcher.launch([list(job) for job in jobs], initial_job_idx=first)
