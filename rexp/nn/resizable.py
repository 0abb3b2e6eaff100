"""Parts of a model whose buffers take another size once it is fitted."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn


class Resizable(nn.Module):
    """A module that loads its persistent buffers whatever their size; torch's own refuses another one."""

    resizable: ClassVar[bool] = True

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *rest: Any) -> None:
        missing = rest[2]
        for name, buffer in list(self._buffers.items()):
            if name in self._non_persistent_buffers_set or buffer is None:
                continue
            if prefix + name in state_dict:
                setattr(self, name, state_dict[prefix + name].detach().clone().to(buffer.device))
            else:
                missing.append(prefix + name)
