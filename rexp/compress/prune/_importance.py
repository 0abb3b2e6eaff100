"""Importance scores of weights and units, from magnitudes, activations or gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from rexp.errors import ConfigError
from rexp.train.stage_hooks import queries_of

if TYPE_CHECKING:
    from rexp.api import StageContext

Importance = Literal["magnitude", "scores"]
"""What is compared where the least important weights go: how large they are, or how far scores move without them."""
Scales = Sequence[Tensor] | None
"""(columns,) of every matrix."""
SAMPLE = 4096
"""Training interactions that activations are measured on, or pairs that scores are."""


def training_sample(context: StageContext) -> tuple[Tensor, Tensor]:
    """(S,) users and (S,) items of training interactions, drawn with repeats."""
    train = context.split.train
    rows = torch.randint(len(train), (min(SAMPLE, len(train)),), generator=context.generator).numpy()
    return torch.from_numpy(train.users[rows]).long(), torch.from_numpy(train.items[rows]).long()


def inputs_of(model: Any, paths: Iterable[str], context: StageContext) -> dict[str, Tensor]:
    """Mean absolute value of every input of some modules over a sample of training interactions.

    Args:
        model: scores.
        paths: of the modules in the model.
        context: has the split, and draws the sample.

    Returns:
        (n_inputs,) by path.
    """
    return _seen(model, paths, context, lambda inputs, _output: inputs[0])


def outputs_of(model: Any, paths: Iterable[str], context: StageContext) -> dict[str, Tensor]:
    """The same of their outputs, such as a table's rows."""
    return _seen(model, paths, context, lambda _inputs, output: output)


@torch.no_grad()
def _seen(
    model: Any, paths: Iterable[str], context: StageContext, pick: Callable[[Any, Any], Tensor]
) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}

    def look(path: str) -> Any:
        return lambda _module, inputs, output: found.__setitem__(
            path, pick(inputs, output).detach().abs().flatten(0, -2).mean(0)
        )

    hooks = [model.get_submodule(path).register_forward_hook(look(path)) for path in paths]
    training, (users, items) = model.training, training_sample(context)
    try:
        model.eval().score(queries_of(model, context.split)(users), items)
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()
    return found


def score_sensitivity(model: Any, weights: Sequence[Tensor], context: StageContext) -> list[Tensor]:
    """How far the scores of all pairs of a user and an item move with a weight, by its column: times the weight's
    size, the root of the squared error in the scores, by first order, that its removal makes.

    For a dot product it is the norm of the other side's column, as of a layer the norm of its input in Wanda (Sun et
    al., ICLR 2024, arXiv:2306.11695); for any model it is the diagonal of the Gauss-Newton matrix of the scores, as in
    Optimal Brain Damage (LeCun et al., NeurIPS 1989). It is estimated on pairs drawn uniformly, whose scores' gradients
    are told apart by random signs: the squares of their sum have the sum of their squares as expected value.

    Args:
        model: scores.
        weights: matrices (rows, columns) of the model.
        context: has the split, and draws the pairs and signs.

    Returns:
        (columns,) of every matrix.

    Raises:
        ConfigError: a matrix is not trained, but solved for or frozen, and has no gradient.
    """
    if not all(matrix.requires_grad for matrix in weights):
        raise ConfigError(
            "importance=scores follows gradients, and weights of this model have none: they are solved for, or frozen; "
            "take importance=magnitude"
        )
    split, device = context.split, weights[0].device
    users, items = (
        torch.randint(n, (SAMPLE,), generator=context.generator).to(device) for n in (split.n_users, split.n_items)
    )
    signs = torch.randint(2, (SAMPLE,), generator=context.generator).to(device) * 2 - 1
    training = model.training
    try:
        with torch.enable_grad():
            total = (model.eval().score(queries_of(model, split)(users), items) * signs).sum()
        gradients = torch.autograd.grad(total, list(weights), allow_unused=True, materialize_grads=True)
    finally:
        model.train(training)
    return [(gradient.square().sum(0) / (SAMPLE * len(gradient))).sqrt() for gradient in gradients]


def column_scales(importance: Importance, model: Any, weights: Sequence[Tensor], context: StageContext) -> Scales:
    """What magnitudes are multiplied by to be compared: None, or :func:`score_sensitivity`."""
    return score_sensitivity(model, weights, context) if importance == "scores" else None


def scaled(weights: Sequence[Tensor], scales: Scales) -> Sequence[Tensor]:
    """Matrices (rows, columns) times the scales of their columns."""
    return weights if scales is None else [matrix * scale for matrix, scale in zip(weights, scales, strict=True)]


def most_important(importance: Tensor, keep: float) -> Tensor:
    """Places of the share of entries that are largest, in their order, at least one.

    >>> most_important(torch.tensor([0.3, 0.1, 0.2, 0.4]), 0.5).tolist()
    [0, 3]
    """
    places: Tensor = importance.topk(max(1, round(keep * len(importance)))).indices.sort().values
    return places
