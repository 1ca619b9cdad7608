"""How weights start."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from recurra.errors import Fault, nearest

_NONLINEARITIES: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "identity": lambda x: x,
}


def nonlinearity_named(name: str) -> Callable[[Tensor], Tensor]:
    """`tanh`, `relu`, `sigmoid` or `identity`; another name is a Fault."""
    if name not in _NONLINEARITIES:
        raise Fault(f"no nonlinearity is called {name!r}{nearest(name, _NONLINEARITIES)}")
    return _NONLINEARITIES[name]


def uniform_(module: nn.Module, hidden_size: int) -> None:
    """Every matrix and bias drawn evenly from `+-1/sqrt(hidden_size)`, as torch's recurrent layers start.

    Normalisation layers keep their own start.
    """
    bound = hidden_size**-0.5
    for part in module.modules():
        if isinstance(part, nn.Linear):
            for weight in part.parameters(recurse=False):
                nn.init.uniform_(weight, -bound, bound)


def orthogonal_(matrix: Tensor, gain: float = 1.0) -> None:
    """Each `[H, H]` block of a recurrent matrix `[k H, H]` made orthogonal (Saxe et al., 2014), in place.

    A product of orthogonal steps keeps the length of what it carries, so the gradient neither vanishes nor
    explodes by the weights alone.
    """
    size = matrix.shape[1]
    if matrix.shape[0] % size:
        raise Fault(f"a recurrent matrix {list(matrix.shape)} has no square blocks of {size} rows")
    with torch.no_grad():
        for block in torch.split(matrix, size):
            nn.init.orthogonal_(block, gain)


def forget_bias_(bias: Tensor, gate: int, gates: int, value: float = 1.0) -> None:
    """Sets one gate's part of a bias `[gates * H]`, in place.

    An open forget gate at the start lets the memory, and its gradient, through (Jozefowicz et al., 2015).
    """
    with torch.no_grad():
        bias.chunk(gates)[gate].fill_(value)
