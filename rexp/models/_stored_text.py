"""Text as a part of a model's weights."""

from __future__ import annotations

import torch
from torch import Tensor

from rexp.nn.resizable import Resizable


class StoredText(Resizable):
    """Text of any length in a buffer of bytes (UTF-8), empty until :meth:`assign`; reading it executes nothing."""

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
