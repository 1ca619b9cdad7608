"""A decoder that is given the target: its loss, its perplexity, and some tokens of its own in between."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from recurra.models import EncoderDecoder
from recurra.ragged import Ragged
from recurra.tasks.base import Loss
from recurra.tasks.parts.batches import ordered_batches
from recurra.tasks.parts.contexts import device_of, evaluating
from recurra.tasks.parts.measurement import Figures, ratios
from recurra.tasks.seq2seq.batches import PairBatch, TokenPair, pair_batch, pair_lengths
from recurra.tasks.seq2seq.decoder import DecoderOptions


def with_own_tokens(model: EncoderDecoder, source: Ragged, inputs: Ragged, share: float) -> Ragged:
    """`inputs` with some tokens after the first replaced by what the model draws in their place: scheduled
    sampling (Bengio et al., 2015).

    Each is replaced with probability `share`, by a draw from what the model predicts after all that it has
    read by then, its own tokens included. No gradient runs through a draw, so the loss may be computed from
    the result as from any other target, in one pass over all of time. Dropout is off while tokens are drawn.

    Args:
        source: what the encoder reads. inputs: ids `[N]` int64, a row for each of the source's.
    """
    padded, lengths = inputs.to_padded()
    mixed = [padded[:, 0]]
    with evaluating(model):
        state = model.begin(source)
        for step in range(1, padded.shape[1]):
            logits, state = model.step(mixed[-1], state)
            draws = torch.multinomial(logits.float().softmax(-1), 1).squeeze(1)
            own = torch.rand(len(draws), device=draws.device) < share
            mixed.append(torch.where(own, draws, padded[:, step]))
    return Ragged.from_padded(torch.stack(mixed, 1), lengths)


def forced_loss(model: EncoderDecoder, batch: PairBatch, options: DecoderOptions) -> Loss:
    """The loss of the next token after each true one, or one of the model's own where the options say so."""
    source, inputs, targets, epoch = batch.to(device_of(model))
    share = options.own_share(epoch)
    if share:
        inputs = with_own_tokens(model, source, inputs, share)
    logits = model(source, inputs).logits
    smoothing = options.label_smoothing
    total = F.cross_entropy(logits.data, targets.data, reduction="sum", label_smoothing=smoothing)
    return Loss(total, len(targets.data))


def target_costs(model: EncoderDecoder, pairs: Sequence[TokenPair], end: int, size: int) -> Tensor:
    """`[N, 2]`: the loss of each target, given step by step, in nats, and its tokens, ends included.

    Args:
        end: the target's end token. size: pairs a batch.
    """
    sums = torch.zeros(len(pairs), 2, dtype=torch.float64)
    with evaluating(model):
        for indices in ordered_batches(pair_lengths(pairs), size):
            batch = pair_batch([pairs[i] for i in indices], end).to(device_of(model))
            logits = model(batch.source, batch.inputs).logits
            costs = F.cross_entropy(logits.data, batch.targets.data, reduction="none").double()
            rows = batch.targets.with_data(costs).to_list()
            sums[indices] = torch.tensor([[float(row.sum()), len(row)] for row in rows], dtype=torch.float64)
    return sums


def perplexity_figures(costs: Tensor) -> Figures:
    """`perplexity`: the exponential of the mean loss of a target token.

    Args:
        costs: see `target_costs`.
    """
    mean = ratios({"nats": (costs[:, 0], costs[:, 1])})
    return lambda weights: {"perplexity": math.exp(min(mean(weights)["nats"], 700.0))}
