"""Base class of linear layers stored in fewer bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from rexp.errors import ConfigError, RunError
from rexp.nn.surgery import replace_module, select_modules

if TYPE_CHECKING:
    from collections.abc import Sequence


class CompactLinear(nn.Module):
    """A linear layer that is stored in fewer bits and computes as float32 with what is read back.

    It has the attributes that models ask of a layer: ``weight``, ``bias`` and its two sizes.

    Args:
        in_features, out_features: its sizes.
        bias: it has one.
        options: further keyword arguments of the constructor, plain values.
    """

    def __init__(self, in_features: int, out_features: int, bias: bool, **options: Any) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.options = {"bias": bias, **options}

    @property
    def weight(self) -> Tensor:
        """(out, in) float32."""
        raise NotImplementedError

    @property
    def bias(self) -> Tensor | None:
        """(out,) float32, or None."""
        raise NotImplementedError

    def forward(self, inputs: Tensor) -> Tensor:
        """(..., out) of (..., in)."""
        return F.linear(inputs, self.weight, self.bias)

    def nbytes(self) -> int:
        """Bytes of all that is stored."""
        return sum(tensor.numel() * tensor.element_size() for tensor in self.state_dict().values())

    def describe(self) -> dict[str, Any]:
        """Constructor arguments that recreate an empty layer of this form."""
        return {"in_features": self.in_features, "out_features": self.out_features, **self.options}


@torch.no_grad()
def swap_linear(
    model: nn.Module,
    targets: Sequence[str],
    ignore: Sequence[str],
    make: Callable[[nn.Linear], CompactLinear],
    *,
    required: bool = True,
) -> None:
    """Replace the selected layers by compact ones wherever that saves memory.

    Raises:
        ConfigError: none does, and one is ``required`` to; or the patterns leave none.
        RunError: a layer holds NaN or infinite values.
    """
    found = select_modules(model, nn.Linear, targets, ignore)
    swapped = 0
    for path, dense in found.items():
        if not dense.weight.isfinite().all():
            raise RunError(f"the layer {path} holds values that are not finite; train with a lower learning rate")
        small = make(dense).to(dense.weight.device)
        if small.nbytes() < sum(4 * parameter.numel() for parameter in dense.parameters()):
            replace_module(model, path, small)
            swapped += 1
    if required and not swapped:
        raise ConfigError(f"no layer gets smaller ({', '.join(found)}): they are too narrow; leave the stage out")
