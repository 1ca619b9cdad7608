"""Scheduled sampling: a decoder that learns to go on from what it said itself."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch.nn import functional as F

from recurra.models import EncoderDecoder
from recurra.ragged import Ragged
from recurra.tasks.base import Loss
from recurra.tasks.parts.contexts import device_of, evaluating
from recurra.tasks.seq2seq.decoder import DecoderOptions
from recurra.tasks.seq2seq.pairs import PairBatch


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


def forced_loss(model: EncoderDecoder, batch: PairBatch, options: DecoderOptions) -> Loss:
    """The loss of the next token after each true one; some of those are the model's own where the options ask
    for it.
    """
    source, read, answers, epoch = batch.to(device_of(model))
    share = options.own_share(epoch)
    if share:
        read = with_own_tokens(model, source, read, share)
    logits = model(source, read).logits
    smoothing = options.label_smoothing
    total = F.cross_entropy(logits.data, answers.data, reduction="sum", label_smoothing=smoothing)
    return Loss(total, len(answers.data))


def perplexity(model: EncoderDecoder, batches: Iterable[PairBatch]) -> float:
    """The exponential of the mean loss of a target token, ends included, when the target is given."""
    nats, tokens = 0.0, 0
    with evaluating(model):
        for each in batches:
            batch = each.to(device_of(model))
            logits = model(batch.source, batch.read).logits
            nats += float(F.cross_entropy(logits.data, batch.answers.data, reduction="sum"))
            tokens += len(batch.answers.data)
    return math.exp(min(nats / tokens, 700.0))
