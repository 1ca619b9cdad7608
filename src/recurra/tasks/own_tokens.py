"""Scheduled sampling: a decoder that learns to go on from what it said itself."""

from __future__ import annotations

import torch

from recurra.models import EncoderDecoder
from recurra.ragged import Ragged
from recurra.tasks.modes import evaluating


def with_own_tokens(model: EncoderDecoder, source: Ragged, read: Ragged, share: float) -> Ragged:
    """`read` with some tokens after the first replaced by what the model draws in their place (Bengio et al.,
    2015).

    Each is replaced with probability `share`, by a draw from what the model predicts after all that it has
    read by then, its own tokens included. No gradient runs through a draw, so the loss may be computed from
    the result as from any other target, in one pass over all of time. Dropout is off while tokens are drawn.

    Args:
        source: what the encoder reads. read: ids `[N]` int64, a row for each of the source's.
    """
    padded, lengths = read.to_padded()
    mixed = [padded[:, 0]]
    with evaluating(model):
        state = model.begin(source)
        for step in range(1, padded.shape[1]):
            logits, state = model.step(mixed[-1], state)
            drawn = torch.multinomial(logits.float().softmax(-1), 1).squeeze(1)
            own = torch.rand(len(drawn), device=drawn.device) < share
            mixed.append(torch.where(own, drawn, padded[:, step]))
    return Ragged.from_padded(torch.stack(mixed, 1), lengths)
