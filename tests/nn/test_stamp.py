"""Stamps tell tensors apart that lie where others lay before."""

from __future__ import annotations

import torch

from rexp.nn.stamp import Stamp


def test_memory_that_was_given_back_is_not_taken_for_the_same_tensor() -> None:
    buffers = [torch.zeros(1000)]
    for _ in range(50):
        stamp = Stamp(buffers)
        buffers[0] = buffers[0] + 1  # the old one is freed; without the stamp its memory would be used again
        assert not stamp.fits(buffers)
        buffers[0] = buffers[0].clone()


def test_what_is_moved_resized_or_changed_in_place_does_not_fit() -> None:
    weight = torch.nn.Parameter(torch.ones(4, 3))
    stamp = Stamp([weight])
    assert stamp.fits([weight])
    assert not stamp.fits([weight, weight])
    assert not stamp.fits([weight[:2]])
    with torch.no_grad():
        weight.mul_(2)
    assert not stamp.fits([weight])
