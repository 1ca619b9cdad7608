"""Whether torch follows every operation for another purpose than its own gradients."""

from __future__ import annotations

import torch
from torch.autograd import forward_ad

from recurra.recording import jit_records


def transformed() -> bool:
    """Whether a transform of torch.func is at work, forward-mode differentiation, or `torch.jit.trace`."""
    return (
        jit_records()
        or torch._C._functorch.peek_interpreter_stack() is not None
        or forward_ad._current_level >= 0
    )
