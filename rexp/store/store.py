"""The store: one folder a run, in which ``result.json`` with the status ``done`` is written last.

``<store>/<run id>/`` holds ``config.yaml identity.json manifest.json metrics.jsonl per_user.parquet model.safetensors
result.json checkpoints/``; ``<store>/.locks`` and ``<store>/.aliases`` are the store's own.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Container, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rexp.errors import StoreError, did_you_mean
from rexp.io.atomic import describe, describe_text, one_line_errors, write_text
from rexp.io.locks import Locks
from rexp.io.text import warn
from rexp.store import index
from rexp.store.epoch_log import append_epoch
from rexp.store.identity import canonical_json, plain
from rexp.store.index import Entry
from rexp.store.result import RunResult, earlier_key
from rexp.store.seal import MANIFEST, DamagedError, as_text, parse, sealed

if TYPE_CHECKING:
    from rexp.io.json_types import Json, JsonView

Status = Literal["done", "failed", "interrupted", "running", "absent"]
AGAIN = "run its command again"


class Store:
    """Runs in a folder; safe for several processes, each of which holds a run's lock while it writes there.

    Args:
        root: the folder, made when it is first written to.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._locks = Locks(root / ".locks")
        self._last_epoch: dict[str, int] = {}
        self.damaged: dict[str, str] = {}
        """What is wrong with results that were met and cannot be used, in one line, by run."""

    def check_writable(self) -> None:
        """Try the store before work is spent on it.

        Raises:
            StoreError: read-only, a file in the way, or a full disk.
        """
        probe = self.root / f".probe.{os.getpid()}"
        with one_line_errors(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            try:
                probe.write_bytes(bytes(4096))
            finally:
                probe.unlink(missing_ok=True)

    def directory(self, run: str) -> Path:
        """The run's folder; it need not exist."""
        return self.root / run

    # What is there

    def status(self, run: str) -> Status:
        """Status of a run; ``interrupted`` also stands for one that was killed."""
        written = self._read(run)
        if written.get("status") == "done":
            return "done"
        if self._locks.is_held_by_another(run):
            return "running"
        if written.get("status") == "failed":
            return "failed"
        return "interrupted" if self.directory(run).is_dir() else "absent"

    def result(self, run: str) -> RunResult:
        """The result of a finished run.

        Raises:
            StoreError: the run is not done, is damaged, or was made by an earlier version of rexp.
        """
        content = self._read(run)
        if run in self.damaged:
            raise StoreError(self.damaged[run])
        if content.get("status") != "done":
            raise StoreError(f"run {run} in {self.root} is not done but {self.status(run)}; run its command again")
        return RunResult(content)

    def runs(self, among: Container[str] | None = None) -> Iterator[RunResult]:
        """Results of finished runs, in the order of their ids; those that cannot be used are said, and left out.

        Args:
            among: the ids that are asked for; None takes all.
        """
        for run, entry in self._entries("briefs"):
            if among is not None and run not in among:
                continue
            content = self._read(run, trusted=bool(entry.stamp))
            if content.get("status") == "done":
                yield RunResult(content)

    def summaries(self) -> Iterator[RunResult]:
        """Like :meth:`runs`, without what no table shows; see :func:`rexp.store.index.summary`."""
        return (RunResult(entry.part) for _, entry in self._entries("summaries"))

    def briefs(self) -> Iterator[RunResult]:
        """Like :meth:`runs`, with what compares a run with others alone; see :func:`rexp.store.index.brief`."""
        return (RunResult(entry.part) for _, entry in self._entries("briefs"))

    def ids(self) -> list[str]:
        """Ids of all runs, finished or not, in their order."""
        try:
            with os.scandir(self.root) as entries:
                return sorted(entry.name for entry in entries if self._is_id(entry.name) and entry.is_dir())
        except (FileNotFoundError, NotADirectoryError):
            return []

    def resolve(self, prefix: str) -> str:
        """The id that starts with ``prefix``.

        Raises:
            StoreError: none does (with the nearest one), or several do.
        """
        known = self.ids()
        found = [run for run in known if run.startswith(prefix)] if prefix else []
        if prefix in found:
            return prefix
        if len(found) > 1:
            raise StoreError(
                f"'{prefix}' is the beginning of {len(found)} runs: {', '.join(found[:5])}; give more of it"
            )
        if not known:
            raise StoreError(f"{self.root} holds no run; start one with: python -m rexp")
        if not found:
            raise StoreError(f"no run '{prefix}' in {self.root}; {did_you_mean(prefix, known)}")
        return found[0]

    # What a run leaves

    def lock(self, run: str) -> AbstractContextManager[None]:
        """Hold the run alone, among all processes on this store; look at its status again once it is yours."""
        return self._locks.hold(run)

    def begin(
        self,
        run: str,
        config: JsonView,
        manifest: JsonView,
        *,
        identity: JsonView | None = None,
        force: bool = False,
    ) -> Path:
        """Open the run's folder; what an interrupted try left (checkpoints, epochs) stays, unless ``force`` is set.

        Args:
            config: the typed configuration.
            manifest: see :func:`rexp.store.manifest.manifest`.
            identity: what the run id is the hash of; kept so that the id can be made again.

        Returns:
            The folder.
        """
        directory = self.directory(run)
        with one_line_errors(directory):
            # First the result: a run that is being made again is not done, whatever happens next.
            (directory / "result.json").unlink(missing_ok=True)
            if force and directory.exists():
                shutil.rmtree(directory)
            directory.mkdir(parents=True, exist_ok=True)
            for leftover in directory.glob(".*.tmp"):
                leftover.unlink()
        self._last_epoch.pop(run, None)
        write_text(directory / "config.yaml", _yaml(config))
        write_text(directory / "identity.json", canonical_json(identity or {}))
        write_text(directory / "manifest.json", as_text(manifest))
        return directory

    def append_metrics(self, run: str, values: Mapping[str, float]) -> None:
        """Add one epoch's values to ``metrics.jsonl``; epochs from this one on, left by an earlier try, are dropped."""
        epoch = int(values["epoch"])
        follows = self._last_epoch.get(run, epoch) < epoch
        path = self.directory(run) / "metrics.jsonl"
        with one_line_errors(path):
            append_epoch(path, values, keep_all=follows)
        self._last_epoch[run] = epoch

    def commit(self, run: str, result: JsonView, manifest: JsonView | None = None) -> None:
        """Make the run ``done``: the manifest with every file's checksum first, ``result.json`` last.

        Args:
            result: what the run came to; ``status``, ``run_id`` and ``finished`` are added.
            manifest: the finished manifest, or None to keep the one :meth:`begin` wrote.
        """
        directory = self.directory(run)
        kept = dict(manifest) if manifest is not None else json.loads((directory / "manifest.json").read_text())
        whole = {**result, "status": "done", "run_id": run, "finished": kept.get("finished")}
        with one_line_errors(directory):
            kept["files"] = {file.name: describe(file) for file in self._kept_files(directory)}
        manifest_text = as_text(kept)
        text = sealed({**whole, MANIFEST: describe_text(manifest_text)})
        write_text(directory / "manifest.json", manifest_text)
        write_text(directory / "result.json", text)

    def amend(self, run: str, **parts: JsonView) -> RunResult:
        """Replace parts of a finished run's result, such as its ``cost``; the result is whole at every moment.

        Raises:
            StoreError: the run is not done, or the store cannot be written.
        """
        content = {**self.result(run).content, **parts}
        write_text(self.directory(run) / "result.json", sealed(content))
        return self.result(run)

    def mark(self, run: str, status: Literal["failed", "interrupted"], error: str | None = None) -> None:
        """Leave word of a try that came to nothing; the same run goes on from its checkpoint next time.

        This is called while another error is on its way, so a store that cannot be written is a notice here.
        """
        try:
            write_text(
                self.directory(run) / "result.json", as_text({"status": status, "run_id": run, "error": error or ""})
            )
        except StoreError as fault:
            _say(f"run {run} could not be marked {status}: {fault}")

    def discard(self, run: str) -> None:
        """Leave nothing of a try whose configuration turned out to be none that can be run."""
        shutil.rmtree(self.directory(run), ignore_errors=True)

    # Aliases: what was asked for -> run

    def alias(self, key: str) -> str | None:
        """The finished run that was last made for this key; a hint, so a run that is not done is none."""
        try:
            run = self._alias_file(key).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return None
        return run if run and self._is_id(run) and self._read(run).get("status") == "done" else None

    def set_alias(self, key: str, run: str) -> None:
        """Remember which run this key led to."""
        file = self._alias_file(key)
        with one_line_errors(file):
            file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, run + "\n")

    # Inside

    def _read(self, run: str, *, trusted: bool = False) -> Json:
        """``result.json``, or nothing where it is absent; one that cannot be used is said and counts as absent."""
        path = self.directory(run) / "result.json"
        self.damaged.pop(run, None)
        try:
            content = parse(path.read_bytes(), run, trusted=trusted)
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except (OSError, DamagedError) as error:
            return self._unusable(run, f"{path} is damaged ({error}); run {run} counts as not done: {AGAIN}")
        if content.get("status") == "done" and (key := earlier_key(content)) is not None:
            return self._unusable(
                run, f"run {run} was made by an earlier version of rexp ('{key}' in its config): {AGAIN}"
            )
        return content

    def _unusable(self, run: str, line: str) -> Json:
        self.damaged[run] = line
        _say(line)
        return {}

    def _entries(self, part: index.Part) -> Iterator[tuple[str, Entry]]:
        """Every finished run with its entry of the index, which learns those that it does not have."""
        known, new = index.load(self.root, part), []
        for run in self.ids():
            stamp = index.stamp_of(os.path.join(self.root, run, "result.json"))  # noqa: PTH118 - of thousands
            if stamp is None:
                continue
            entry = known.get(run)
            if entry is None or entry.stamp != stamp:
                result = self._read(run)
                if result.get("status") != "done":
                    continue
                entry = Entry(stamp, json.dumps(index.PARTS[part](result)))
                new.append((stamp, result))
            yield run, entry
        index.add(self.root, new)

    @staticmethod
    def _is_id(name: str) -> bool:
        return not name.startswith(".") and os.path.basename(name) == name  # noqa: PTH119 - of thousands

    def _alias_file(self, key: str) -> Path:
        return self.root / ".aliases" / key

    @staticmethod
    def _kept_files(directory: Path) -> list[Path]:
        own = {"manifest.json", "result.json"}
        return sorted(
            f for f in directory.iterdir() if f.is_file() and f.name not in own and not f.name.startswith(".")
        )


def _yaml(value: JsonView) -> str:
    import yaml

    return str(yaml.safe_dump(plain(value), sort_keys=False, allow_unicode=True))


@cache
def _say(line: str) -> None:
    """Said once a process, however often a file is looked at."""
    warn(line)
