"""Text as a part of a model's weights."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn


class StoredText(nn.Module):
    """Text of any length in a buffer of bytes (UTF-8), empty until :meth:`assign`; reading it executes nothing."""

    resizable: ClassVar[bool] = True  # its buffer has another size once it is fitted
    content: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("content", torch.zeros(0, dtype=torch.uint8))

    def assign(self, text: str) -> None:
        """Take a text."""
        self.content = torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8).to(self.content.device)

    def text(self) -> str:
        """The text."""
        return self.content.cpu().numpy().tobytes().decode()

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *rest: Any) -> None:
        """torch's own refuses a buffer of another size."""
        name = f"{prefix}content"
        if name in state_dict:
            self.content = state_dict[name].detach().clone().to(self.content.device)
        else:
            rest[2].append(name)
