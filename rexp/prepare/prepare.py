"""From a data configuration to a prepared split, built once and memory-mapped afterwards."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rexp.api.dataset import LABELED, PROTOCOL
from rexp.datasets.files import state_of
from rexp.errors import DataError
from rexp.io.atomic import one_line_errors
from rexp.io.content_hash import FileContent, hashes
from rexp.io.locks import locked
from rexp.plugins import registry
from rexp.plugins.options import from_options
from rexp.plugins.side_files import as_identity, side_files
from rexp.plugins.used_code import used_code
from rexp.prepare.cache import FORMAT, CorruptError, read_folder, write_folder
from rexp.prepare.filter_config import FilterConfig
from rexp.prepare.sources import as_key, choose_splitter, make_dataset, plugins_of, source_contents, split_options

if TYPE_CHECKING:
    from rexp.api import RawData
    from rexp.data.split import Split
    from rexp.io.json_types import Json
    from rexp.plugins.options import NodeView

log = logging.getLogger(__name__)
CACHE = "paths.cache"


def load_split(node: NodeView, root: Path | None, cache: Path) -> Split:
    """The split that a data configuration describes.

    Args:
        node: the plain configuration: ``name``, ``features``, ``filter``, ``split``, ``strict`` and the data set's own
            options.
        root: the data folder (``paths.data``), for the data sets that are read from it.
        cache: folder of prepared splits.

    Returns:
        a split whose arrays are memory-mapped and read-only; a damaged prepared one is built again.

    Raises:
        ConfigError: an unknown name or option, or parts that do not fit.
        DataError: the data cannot be used; or a finding of the lint where ``strict`` is true.
    """
    files = source_contents(node, root, cache)
    folder = cache / _key(node, files, cache)
    split = _read(folder, say=False)
    if split is None:
        with locked(folder.with_name(f"{folder.name}.lock"), CACHE):  # one process at a time prepares a split
            split = _read(folder, say=True) or _prepare(node, root, folder, files)
    if node.get("strict"):
        _refuse_findings(split)
    return replace(split, sources=files)


def _key(node: NodeView, files: Iterable[FileContent], cache: Path) -> str:
    """Name of the prepared folder: all that it depends on."""
    plugins = plugins_of(node)
    found = [registry.find(kind, name) for kind, name in plugins]
    depends = {
        "format": FORMAT,
        "node": {key: value for key, value in node.items() if key != "strict"},
        "plugins": [[plugin.target, plugin.distribution] for plugin in found],
        # An editable distribution keeps its version while its reader or splitter changes.
        "code": used_code(plugins, __name__, cache),
        "sources": as_key(files),
        "side_files": as_identity(side_files(split_options(node), "split", hashes(cache))),
    }
    text = json.dumps(depends, sort_keys=True, default=str)
    return f"{node['name']}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _read(folder: Path, *, say: bool) -> Split | None:
    """What is there; that it is damaged is said by the one who will prepare it again."""
    try:
        return read_folder(folder)
    except FileNotFoundError:
        return None
    except CorruptError as error:
        if say:
            log.warning("%s; the split is prepared again", error)
        return None


def _prepare(node: NodeView, root: Path | None, folder: Path, files: tuple[FileContent, ...]) -> Split:
    from rexp.prepare.build import build_split
    from rexp.prepare.family import folded_splitter
    from rexp.prepare.features.policy import read_policies
    from rexp.prepare.lint import lint

    dataset = make_dataset(node, root)
    filters = from_options(FilterConfig, node.get("filter") or {}, "data.filter")
    policies = read_policies(node.get("features"))
    raw = dataset.read()
    if changed := set(source_contents(node, root, folder.parent)) ^ set(files):
        raise DataError(f"{min(file.path for file in changed)} changed while it was read; run the command again")
    _check_read(raw, files)
    chosen = choose_splitter(node, given=bool(raw.given))
    folded = folded_splitter(chosen.name, chosen.config)
    name, labeled, protocol = str(node["name"]), LABELED.of(dataset), PROTOCOL.of(dataset)
    prepared = build_split(name, raw, chosen.make(), filters, protocol, policies, labeled=labeled, folded=folded)

    split = prepared.split
    report: Json = dict(split.report)
    held = {file.path: file.sha256 for file in files}
    report["sources"] = {
        source.path.name: state_of(source, held[str(source.path.resolve())]) for source in dataset.sources()
    }
    split = replace(split, report=report)
    report["findings"] = [finding.as_dict() for finding in lint(split)]
    with one_line_errors(folder, CACHE):
        write_folder(replace(prepared, split=split), folder)
    return read_folder(folder)


def _check_read(raw: RawData, files: Iterable[FileContent]) -> None:
    """Files of vectors are read after the data set's own; it must have named them, or their change is not noticed."""
    named = {file.path for file in files}
    for source in raw.vectors.values():
        for path in (source.path, source.ids):
            if isinstance(path, str | Path) and str(Path(path).resolve()) not in named:
                raise DataError(f"{path} holds vectors, and the data set does not name it among its sources()")


def _refuse_findings(split: Split) -> None:
    from rexp.prepare.lint import findings

    found = findings(split)
    if found:
        text = "; ".join(f"{finding.name}: {finding.text}" for finding in found)
        raise DataError(f"data.strict=true refuses the split of '{split.name}': {text}")
