"""Learning to write by reading the true target: the loss and the perplexity of an encoder-decoder."""

from __future__ import annotations

import math
from collections.abc import Iterable

from torch.nn import functional as F

from recurra.models import EncoderDecoder
from recurra.tasks.base import Loss
from recurra.tasks.decoder import DecoderOptions
from recurra.tasks.modes import device_of, evaluating
from recurra.tasks.own_tokens import with_own_tokens
from recurra.tasks.pairs import PairBatch


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
