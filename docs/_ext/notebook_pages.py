"""Notebooks as pages of the site: their Markdown, their code, and the outputs that they were saved with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from myst_parser.parsers.sphinx_ import MystParser

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from docutils.nodes import document
    from sphinx.application import Sphinx


class NotebookParser(MystParser):
    """A notebook (nbformat 4) as the Markdown page that it amounts to; nothing is executed."""

    supported = ("ipynb",)

    def parse(self, inputstring: str, document: document) -> None:
        super().parse(markdown(json.loads(inputstring)), document)


def markdown(notebook: Mapping[str, Any]) -> str:
    """Cells in their order; of an output its text, or the Markdown that it offers."""
    return "\n\n".join(part for cell in notebook["cells"] for part in _cell(cell))


def _cell(cell: Mapping[str, Any]) -> Iterator[str]:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        yield source
        return
    yield f"```python\n{source}\n```"
    for output in cell["outputs"]:
        data = output.get("data", {})
        if "text/markdown" in data:
            yield "".join(data["text/markdown"])
        elif text := "".join(output.get("text", data.get("text/plain", ""))):
            yield f"```text\n{text.rstrip()}\n```"


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_source_suffix(".ipynb", "ipynb")
    app.add_source_parser(NotebookParser)
    return {"parallel_read_safe": True}
