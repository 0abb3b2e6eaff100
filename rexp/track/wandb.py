"""``track=wandb``: Weights & Biases; without an account the run stays offline, for ``wandb sync`` to send later."""

from __future__ import annotations

import logging
import netrc
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

from rexp.io.paths import at_home
from rexp.io.text import say, warn

if TYPE_CHECKING:
    from rexp.api import RunInfo
    from rexp.io.json_types import JsonView

Mode = Literal["online", "offline", "disabled"]
MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass
class WandbConfig:
    """Args:
    project: the project on the server.
    entity: the user or team; null is the account's own.
    mode: "online", "offline" or "disabled"; null is ``WANDB_MODE``, else online where a key is known, else offline.
    timeout: seconds to wait for the server before the run goes on without it.
    tags: further tags beside data, model and compress.
    log_model: send the finished run's weights, configuration and result as an artifact of the type "model".
    """

    project: str = "rexp"
    entity: str | None = None
    mode: Mode | None = None
    timeout: float = 15.0
    tags: list[str] = field(default_factory=list)
    log_model: bool = False


ARTIFACT = ("model.safetensors", "config.yaml", "result.json")
"""Files of a run's folder that make its artifact."""


class WandbTracker:
    """One W&B run a run, with the same id; epochs are steps, final values the summary and a table of their own."""

    Config: ClassVar[type] = WandbConfig

    def __init__(self, config: WandbConfig, run: RunInfo) -> None:
        self._config, self._info = config, run
        self._run = open_run(
            config,
            run.directory,
            id=run.run_id,
            name=_name(run),
            group=run.group,
            job_type="train" if run.labels.get("compress", "none") == "none" else "compress",
            tags=[*_tags(run), *config.tags],
            config=dict(run.config),
        )
        self._run.define_metric("epoch", hidden=True)
        self._run.define_metric("*", step_metric="epoch")

    def log(self, values: Mapping[str, float], epoch: int) -> None:
        self._run.log({**values, "epoch": epoch})

    def finish(self, summary: JsonView, status: str) -> None:
        import wandb

        try:
            self._run.summary.update({**summary, "status": status})
            if summary:
                # A column of W&B has one type: whether a gate is passed is 0 or 1 there.
                lines = [[name, float(value)] for name, value in summary.items() if isinstance(value, int | float)]
                self._run.log({"result": wandb.Table(columns=["name", "value"], data=lines)})
            if status == "done" and self._config.log_model:
                self._log_model(wandb.Artifact(f"model-{self._info.run_id}", type="model"))
        finally:
            place = offline_place(self._run)
            # Without it the next job of a sweep would go on in this W&B run.
            self._run.finish(exit_code=int(status != "done"))
        if place:
            warn(place)

    def _log_model(self, artifact: Any) -> None:
        for name in ARTIFACT:
            artifact.add_file(str(self._info.directory / name), name=name)
        self._run.log_artifact(artifact)


def offline_place(run: Any) -> str | None:
    """Location of an offline W&B run and the command that uploads it; None if there is none."""
    settings = run.settings
    if settings.mode != "offline":
        return None
    return f"W&B run {run.id} is kept offline; 'wandb sync {shlex.quote(str(settings.sync_dir))}' sends it"


def open_run(config: WandbConfig, directory: Path, /, **options: Any) -> Any:
    """A W&B run; offline where there is no key, or where the server does not answer.

    Args:
        config: project, mode and patience.
        directory: where W&B writes its files.
        options: more for ``wandb.init``; with an ``id`` the run of that id goes on.
    """
    import wandb

    # W&B's own telemetry would otherwise tell on the screen, later, that it could not be sent.
    logging.getLogger("opentelemetry").addHandler(logging.NullHandler())
    base_url = wandb.setup(wandb.Settings(silent=True)).settings.base_url
    mode = config.mode or default_mode(base_url)
    # wandb.init would wait and fail, and with it what was to be sent; so ask first, and keep it for later.
    if mode == "online" and (fault := _unreachable(base_url, config.timeout)):
        mode = "offline"
        say(f"warning: W&B stays offline, {fault}", logging.WARNING)
    settings = _settings(wandb, config.timeout)
    # Told to init alone, W&B would still call the server when the process ends, and wait for it.
    wandb.setup(wandb.Settings(silent=True, mode=mode))
    return wandb.init(
        project=config.project,
        entity=config.entity,
        mode=mode,
        dir=str(directory.resolve()),  # W&B's service has a working directory of its own
        resume="allow" if mode == "online" and "id" in options else None,
        settings=settings,
        **options,
    )


def default_mode(base_url: str, environment: Mapping[str, str] | None = None) -> Mode:
    """``WANDB_MODE``, else online where a key is in the environment or in the netrc file, else offline.

    W&B's older words count: ``dryrun`` is offline, ``run`` online. What is no mode at all sends nothing.

    Args:
        base_url: the server's address.
        environment: by default the process's own.
    """
    environment = os.environ if environment is None else environment
    if named := environment.get("WANDB_MODE", "").strip().lower():
        word = {"run": "online"}.get(named, named)
        return next((mode for mode in MODES if mode == word), "offline")
    return (
        "online"
        if environment.get("WANDB_API_KEY") or _netrc_has_key(urlsplit(base_url).hostname or "", environment)
        else "offline"
    )


def _netrc_has_key(host: str, environment: Mapping[str, str]) -> bool:
    candidates = [environment["NETRC"]] if environment.get("NETRC") else ["~/.netrc", "~/_netrc"]
    for name in candidates:
        try:
            if host in netrc.netrc(at_home(name)).hosts:
                return True
        except (OSError, netrc.NetrcParseError):
            continue
    return False


def _unreachable(base_url: str, timeout: float) -> str | None:
    """Why the server does not answer, or None; any answer will do."""
    try:
        urlopen(base_url, timeout=timeout).close()
    except HTTPError:
        return None
    except (OSError, ValueError, HTTPException) as error:
        return f"{base_url} does not answer ({getattr(error, 'reason', None) or error})"
    return None


def _settings(wandb: Any, timeout: float) -> Any:
    """Quiet, nothing of the machine watched, and no long wait for a server that does not answer."""
    return wandb.Settings(
        silent=True,
        console="off",
        init_timeout=timeout,
        disable_git=True,
        disable_code=True,
        save_code=False,
        x_disable_stats=True,
        x_save_requirements=False,
        x_graphql_retry_max=3,
        x_graphql_timeout_seconds=timeout,
        x_file_stream_retry_max=5,
        x_file_stream_timeout_seconds=timeout,
        x_file_transfer_retry_max=3,
        x_file_transfer_timeout_seconds=timeout,
    )


def _name(run: RunInfo) -> str:
    parts = [run.labels.get(group) for group in ("data", "model", "compress")]
    return "-".join([*(part for part in parts if part and part != "none"), f"s{run.config.get('seed', 0)}"])


def _tags(run: RunInfo) -> list[str]:
    """``data:movietweetings`` ...; W&B takes up to 64 letters."""
    return [f"{g}:{run.labels[g]}"[:64] for g in ("data", "model", "compress") if run.labels.get(g)]
