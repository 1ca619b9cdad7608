"""Existing torch models, run by Recurra."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

import recurra.nn as dropin
from recurra.explanation import Explanation, explain

_SWAPS: dict[type[nn.RNNBase], type[nn.RNNBase]] = {
    nn.RNN: dropin.RNN,
    nn.GRU: dropin.GRU,
    nn.LSTM: dropin.LSTM,
}


@dataclass(frozen=True)
class Accelerated:
    """What `accelerate` did; its text says so.

    Attributes:
        swapped: name of each layer that Recurra now runs (empty: the model itself).
        left: name of each recurrent layer that was left -> why.
        explanation: what runs each layer now.
    """

    swapped: tuple[str, ...]
    left: dict[str, str]
    explanation: Explanation

    def __str__(self) -> str:
        lines = [f"swapped {name or 'model'}" for name in self.swapped]
        lines += [f"left {name or 'model'}: {why}" for name, why in self.left.items()]
        return "\n".join([*lines, str(self.explanation)] if lines else ["no recurrent layer"])


def accelerate(model: nn.Module) -> Accelerated:
    """Swaps every `torch.nn.RNN`, `GRU` and `LSTM` of a model for Recurra's, in place.

    Each stays the same object with the same parameters, buffers, hooks, mode and place in the model:
    optimisers, references and `state_dict` keys stay valid; only its `forward` is another. Layers of a
    derived class are left, as what they override would be lost.
    """
    swapped: list[str] = []
    left: dict[str, str] = {}
    for name, module in model.named_modules():
        if isinstance(module, tuple(_SWAPS.values())):
            continue
        if isinstance(module, nn.RNNCellBase):
            left[name] = (
                f"{type(module).__name__} is one step in a loop of the model's own: "
                f"recurra.layers.from_torch makes it a layer"
            )
        elif isinstance(module, nn.RNNBase):
            reason = _refusal(module)
            if reason:
                left[name] = reason
            else:
                module.__class__ = _SWAPS[type(module)]
                swapped.append(name)
    return Accelerated(tuple(swapped), left, explain(model))


def _refusal(module: nn.RNNBase) -> str | None:
    kind = type(module)
    if kind not in _SWAPS:
        return f"{kind.__name__} is derived from {kind.__mro__[1].__name__}: what it changes would be lost"
    if "forward" in module.__dict__:
        return "its forward was replaced by another function"
    return None
