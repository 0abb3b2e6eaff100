"""Notebooks executed without a kernel: cells in one namespace, their outputs as text."""

from __future__ import annotations

import ast
import json
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

CASES = Path(__file__).parents[1] / "docs" / "cases"


class Notebook:
    """A notebook (nbformat 4).

    Args:
        path: of its file.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.names = path, {"__name__": "__main__"}
        self.node = json.loads(path.read_text(encoding="utf-8"))

    @property
    def code(self) -> list[Any]:
        """Its cells of code."""
        return [cell for cell in self.node["cells"] if cell["cell_type"] == "code"]

    def execute(self) -> None:
        """All cells; their outputs take the place of those that were saved."""
        for number, cell in enumerate(self.code, 1):
            printed, value = self._run("".join(cell["source"]), f"cell {number}")
            cell["execution_count"] = number
            cell["outputs"] = []
            if printed:
                cell["outputs"].append({"output_type": "stream", "name": "stdout", "text": _lines(printed)})
            if value is not None:
                data = {"text/plain": _lines(str(value))}
                cell["outputs"].append(
                    {"output_type": "execute_result", "execution_count": number, "metadata": {}, "data": data}
                )

    def _run(self, source: str, name: str) -> tuple[str, object]:
        """What a cell prints, and the value of its last line where that is an expression."""
        tree, value = ast.parse(source, name), None
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        with redirect_stdout(StringIO()) as printed:
            exec(compile(tree, name, "exec"), self.names)
            if isinstance(last, ast.Expr):
                value = eval(compile(ast.Expression(last.value), name, "eval"), self.names)
        return printed.getvalue(), value


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)
