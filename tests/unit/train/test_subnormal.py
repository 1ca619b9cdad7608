"""Numbers below the smallest normal one."""

from __future__ import annotations

import torch

from recurra.train.subnormal import flushed_subnormals


def flushed() -> bool:
    return float(torch.tensor([1e-40]) * 1.0) == 0


def test_they_are_zero_within_and_what_they_were_outside() -> None:
    assert not flushed()
    with flushed_subnormals():
        with flushed_subnormals():
            pass
        assert flushed() or not torch.set_flush_denormal(True)
    assert not flushed()
