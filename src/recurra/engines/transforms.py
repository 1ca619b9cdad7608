"""Whether torch follows every operation for another purpose than its own gradients, or a tensor does."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn import Parameter


def transformed() -> bool:
    """Whether a transform of torch.func is at work, or forward-mode differentiation."""
    return torch._C._functorch.peek_interpreter_stack() is not None or forward_ad._current_level >= 0


_IN_MEMORY = Tensor.__torch_dispatch__
_STRIDED = torch.strided


def is_wrapper(t: Tensor) -> bool:
    """Whether a tensor's numbers do not simply lie in memory, as its strides say: sparse, a stand-in without
    numbers, or of a class that holds other tensors.
    """
    kind = type(t)
    ordinary = kind is Parameter or kind is Tensor or kind.__torch_dispatch__ is _IN_MEMORY
    return not ordinary or t.layout is not _STRIDED
