"""What was typed and changes nothing, because another setting makes it meaningless."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rexp.config.job import OF_TEACHER

if TYPE_CHECKING:
    from rexp.config.job import Request
    from rexp.io.json_types import JsonView
    from rexp.train.config import FitConfig

OF_PROTOCOLS = ("metrics", "k", "row_metrics", "candidates", "catalogue", "mask", "latency_users")
"""Keys of ``evaluate`` that some protocols have no use for."""


def without_effect(request: Request, recipe: FitConfig | None, rules: JsonView) -> list[str]:
    """Keys of the command line that make no difference to a run, in the order of the alphabet.

    Args:
        request: of the run.
        recipe: that its model is trained by, or None.
        rules: the options that its evaluation depends on.
    """
    idle = set(_idle(request, recipe, rules))
    return sorted(key for key in request.typed if any(key == one or key.startswith(f"{one}.") for one in idle))


def _idle(request: Request, recipe: FitConfig | None, rules: JsonView) -> Iterator[str]:
    if recipe:
        plain = recipe.plain()
        yield from (f"train.{key}" for key, value in request.train.items() if value is not None and plain[key] is None)
    yield from (f"evaluate.{key}" for key in OF_PROTOCOLS if key not in rules)
    if not request.recipe.finetunes:
        yield "compress.finetune"
    if len(request.teachers) < 2:
        yield "ensemble"
    for key, node in request.teachers.items():
        if node.get("from"):  # a run that is done, of which nothing else can be said
            yield f"model@{key}"
            own = {f"{key}.{option}" for option in ("from", *OF_TEACHER)}
            yield from (word for word in request.typed - own if word.startswith(f"{key}."))
