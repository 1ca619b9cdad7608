"""A module to be taken apart while other threads run the one it was copied from."""

from __future__ import annotations

import copy

from torch import Tensor, nn


def apart(module: nn.Module) -> nn.Module | None:
    """A copy of the module and its parts that shares their tensors; None where something can't be copied."""
    shared: dict[int, object] = {}
    for part in module.modules():
        for held in (*part._parameters.values(), *part._buffers.values(), *part.__dict__.values()):
            if isinstance(held, Tensor):
                shared[id(held)] = held
    try:
        return copy.deepcopy(module, shared)
    except Exception:  # whatever an attribute's own copying raises
        return None
