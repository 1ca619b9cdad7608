"""What the tokens of texts cost a language model."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from recurra.data import Window
from recurra.models import LanguageModel
from recurra.ragged import Ragged
from recurra.tasks.parts.contexts import device_of, evaluating
from recurra.tasks.parts.measurement import Figures, share

Pair = tuple[Tensor, Tensor]
"""What is read of a sentence and what is predicted, `[T + 1]` each."""


def as_window(pairs: Sequence[Pair]) -> Window:
    """Sentences, each as what is read and what is predicted, as one window."""
    inputs, targets = zip(*pairs, strict=True)
    return Window(Ragged.from_list(inputs), Ragged.from_list(targets), True)


def token_costs(model: LanguageModel, window: Window, state: Any) -> tuple[Tensor, Any]:
    """Nats of each token that a window predicts, `[N]`, and the state after it."""
    device = device_of(model)
    logits, next_state = model(window.inputs.to(device), state)
    costs = F.cross_entropy(logits.data.float(), window.targets.to(device).data, reduction="none")
    return costs.double(), next_state


def total_cost(model: LanguageModel, windows: Iterable[Window]) -> tuple[float, int]:
    """The sum of nats over all tokens that windows predict, the state carried on, and how many they are."""
    nats, tokens, state = 0.0, 0, None
    with evaluating(model):
        for window in windows:
            costs, state = token_costs(model, window, None if window.fresh else state)
            nats, tokens = nats + float(costs.sum()), tokens + len(costs)
    return nats, tokens


def text_figures(nats: Sequence[float], tokens: Sequence[int], sizes: Sequence[int]) -> Figures:
    """`nats_per_token`, its exponential `perplexity`, and `bits_per_character`, of texts with weights.

    Args:
        nats, tokens, sizes: of each text its cost, tokens and characters.
    """
    table = torch.tensor([nats, tokens, sizes], dtype=torch.float64)

    def figures(weights: Tensor) -> dict[str, float]:
        cost, count, size = (table @ weights).tolist()
        mean = share(cost, count)
        return {
            "nats_per_token": mean,
            "perplexity": math.exp(min(mean, 700.0)),
            "bits_per_character": share(cost / math.log(2), size),
        }

    return figures


def characters(text: str) -> int:
    """With the end of the last line, or of the sentence."""
    return len(text) + (not text.endswith("\n"))
