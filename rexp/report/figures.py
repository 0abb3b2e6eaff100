"""Pictures for papers: PDF, SVG and PNG files that are the same bytes whenever they are drawn from the same store."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any, NamedTuple

from rexp.errors import ConfigError, visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMS = (".png", ".svg", ".pdf")
MARKERS = "osD^vP*X"
PANEL = (5.2, 4.2)
"""Width and height of one panel in inches."""
LETTERS = 44
"""A line of a legend."""


class RowStyle(NamedTuple):
    """Color and marker of a row, as matplotlib names them."""

    color: str
    marker: str


def new_figure(down: int, across: int) -> tuple[Figure, Any]:
    """An empty figure and its panels as an array (down, across).

    Raises:
        ConfigError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError("a picture needs matplotlib; install it: pip install 'rexp-recsys[plots]'") from error
    width, height = PANEL
    figure = Figure((width * across, height * down), layout="constrained")
    return figure, figure.subplots(down, across, squeeze=False)


def drawn(text: str) -> str:
    r"""Text of others as matplotlib draws it, which would read what is between two dollars as a formula.

    >>> print(drawn("$x_1"))
    \$x_1
    """
    return visible(text).replace("$", r"\$")


def row_style(place: int) -> RowStyle:
    """Color and marker of the row at this place of its table; the same in every picture."""
    return RowStyle(f"C{place % 10}", MARKERS[place // 10 % len(MARKERS)])


def legend_beside(named: Axes, last: Axes) -> None:
    """List what the panel ``named`` shows to the right of the panel ``last``, on paper of its own."""
    handles, labels = named.get_legend_handles_labels()
    texts = [fill(label, LETTERS, break_on_hyphens=False) for label in labels]
    figure = named.get_figure(root=True)
    assert figure is not None
    width, height = figure.get_size_inches()
    letters = max((len(line) for text in texts for line in text.splitlines()), default=0)
    lines = sum(text.count("\n") + 1.3 for text in texts)
    figure.set_size_inches(width + 0.065 * letters + 0.3, max(height, 0.12 * lines + 0.5))
    last.legend(handles, texts, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=7, frameon=False)


def save(figure: Figure, path: Path, form: str) -> None:
    """Write the figure.

    Args:
        figure: see :func:`new_figure`.
        path: the file; its name may be a temporary one.
        form: one of :data:`FORMS`.
    """
    from matplotlib import rc_context

    # No date in the file: the same store gives the same bytes.
    metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(form)
    with rc_context({"svg.hashsalt": "rexp", "svg.fonttype": "none"}):
        figure.savefig(path, format=form.removeprefix("."), dpi=150, metadata=metadata)
