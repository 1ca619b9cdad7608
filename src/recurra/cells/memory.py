"""A memory beside a network: read, written and addressed by plain functions of tensors.

A memory is `[B, slots, width]`: a matrix for each row of the batch. A head is a vector of weights over its
slots, `[B, heads, slots]`, each head's of sum 1. A cell that uses these is a program like any other.
"""

from __future__ import annotations

import torch
from torch import Tensor

FRESH = 1e-6
"""What a memory holds before anything is written. Not 0: then no key could be like it, and nothing that is
read from it by content would tell the network which way to change the key.
"""
SHARPEST = 20.0
"""A weight is raised to no higher power. Beyond it a head is at one slot anyway, and its gradient, which
grows with the power, outweighs all others.
"""
_SMALL_SQUARE = 1e-8
_SMALL_WEIGHT = 1e-12


def read(memory: Tensor, weights: Tensor) -> Tensor:
    """What each head sees: the sum of the slots by its weights, `r_i = sum_n w_i(n) M(n)`.

    Args:
        memory: `[B, slots, width]`.
        weights: `[B, heads, slots]`.

    Returns:
        `[B, heads, width]`.
    """
    return weights @ memory


def write(memory: Tensor, weights: Tensor, erase: Tensor, add: Tensor) -> Tensor:
    """The memory after each head has erased and added: `M'(n) = M(n) * (1 - w(n) e) + w(n) a`.

    All heads erase before any adds, so that their order does not matter (Graves et al., 2014).

    Args:
        memory: `[B, slots, width]`.
        weights: `[B, heads, slots]`.
        erase, add: `[B, heads, width]`; what is erased from 0 to 1.
    """
    for k in range(weights.shape[1]):
        memory = memory * (1 - weights[:, k, :, None] * erase[:, k, None, :])
    return memory + weights.transpose(1, 2) @ add


def similarity(memory: Tensor, keys: Tensor) -> Tensor:
    """The cosine between each key and each slot.

    What is divided by is never 0: beside a slot or a key of zeros the cosine is 0, and so is finite what is
    learnt from it.

    Args:
        memory: `[B, slots, width]`.
        keys: `[B, heads, width]`.

    Returns:
        `[B, heads, slots]`.
    """
    of_slots = torch.rsqrt((memory * memory).sum(-1) + _SMALL_SQUARE)
    of_keys = torch.rsqrt((keys * keys).sum(-1, keepdim=True) + _SMALL_SQUARE)
    return ((keys * of_keys) @ memory.transpose(1, 2)) * of_slots.unsqueeze(1)


def shifted(weights: Tensor, shift: Tensor) -> Tensor:
    """Weights moved along the slots, round their end: `w'(n) = sum_k s(k) w(n - k)`.

    Args:
        weights: `[B, heads, slots]`.
        shift: `[B, heads, taps]`, an odd number of shares: of the moves `-(taps // 2)` to `taps // 2`.
    """
    reach = shift.shape[-1] // 2
    shares = (weights.roll(move, -1) * shift[..., k, None] for k, move in enumerate(range(-reach, reach + 1)))
    total = next(shares)
    for share in shares:
        total = total + share
    return total


def sharpened(weights: Tensor, power: Tensor) -> Tensor:
    """`w'(n) = w(n)^p / sum_m w(m)^p`.

    Args:
        weights: `[B, heads, slots]`.
        power: `[B, heads, 1]`, at least 1; more than `SHARPEST` counts as that.
    """
    return torch.softmax(power.clamp(max=SHARPEST) * weights.clamp(min=_SMALL_WEIGHT).log(), -1)


def address(
    memory: Tensor,
    previous: Tensor,
    key: Tensor,
    strength: Tensor,
    gate: Tensor,
    shift: Tensor,
    power: Tensor,
) -> Tensor:
    """Where each head looks next: by content, then from where it was (Graves et al., 2014, section 3.3).

    `c = softmax(strength * cosine(key, M))`, `g = gate * c + (1 - gate) * previous`, then `shifted` and
    `sharpened`.

    Args:
        memory: `[B, slots, width]`.
        previous: `[B, heads, slots]`: its weights before.
        key: `[B, heads, width]`: what is looked for.
        strength: `[B, heads, 1]`, positive: how much the likest slot is preferred.
        gate: `[B, heads, 1]`, from 0 to 1: how much content counts, against where the head was.
        shift: `[B, heads, taps]`: see `shifted`.
        power: `[B, heads, 1]`: see `sharpened`.

    Returns:
        `[B, heads, slots]`.
    """
    by_content = torch.softmax(strength * similarity(memory, key), -1)
    mixed = previous + gate * (by_content - previous)
    return sharpened(shifted(mixed, shift), power)
