"""What a language model says of texts: P(text), P(next token), cost."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from recurra.errors import Fault
from recurra.models import LanguageModel
from recurra.ragged import Ragged
from recurra.tasks.language_model.costs import as_window, token_costs
from recurra.tasks.language_model.text import RunningText
from recurra.tasks.parts.batches import answer_in_batches, chunks
from recurra.tasks.parts.contexts import device_of, evaluating

_AT_ONCE = 32


def log_probabilities(model: LanguageModel, text: RunningText, texts: Sequence[str]) -> list[float]:
    """ln P of each text as a whole: from a boundary to a boundary."""
    totals: list[float] = []
    with evaluating(model):
        for chunk in chunks(texts, _AT_ONCE):
            window = as_window([text.sentence(one) for one in chunk])
            costs = window.targets.with_data(token_costs(model, window, None)[0])
            totals += [-float(row.sum()) for row in costs.to_list()]
    return totals


def read_prompt(model: LanguageModel, text: RunningText, prompt: str) -> tuple[Tensor, Any]:
    """Logits `[1, V]` after a boundary and a text, and the state there."""
    with evaluating(model):
        inputs = text.sentence(prompt)[0].to(device_of(model))
        logits, state = model(Ragged.from_list([inputs]))
    return logits.last(), state


def read_prompts(model: LanguageModel, text: RunningText, prompts: Sequence[str]) -> list[Tensor]:
    """Logits `[V]` after a boundary and each text."""
    rows = [text.sentence(prompt)[0] for prompt in prompts]

    def last(some: list[Tensor]) -> Tensor:
        with evaluating(model):
            logits: Ragged = model(Ragged.from_list(some).to(device_of(model)))[0]
        return logits.last()

    return answer_in_batches(rows, [len(row) for row in rows], _AT_ONCE, last)


def likeliest(logits: Tensor, count: int, text: RunningText) -> list[dict[str, Any]]:
    """The tokens of the largest of logits `[V]`, with their probabilities."""
    shares, ids = logits.float().softmax(-1).topk(min(count, len(logits)))
    return [
        {"token": text.tokenizer.token(index), "probability": share}
        for index, share in zip(ids.tolist(), shares.tolist(), strict=True)
    ]


def above_shuffled(model: LanguageModel, text: RunningText, sentences: Sequence[str], seed: int) -> float:
    """The share of sentences that are likelier than their own words in another, random order."""
    rng = random.Random(seed)
    true, other = [], []
    for words in map(str.split, sentences):
        if len(set(words)) < 2:
            continue
        shuffled = words
        while shuffled == words:
            shuffled = rng.sample(words, len(words))
        true.append(" ".join(words))
        other.append(" ".join(shuffled))
    if not true:
        raise Fault("no sentence of two different words found: nothing to shuffle")
    pairs = zip(log_probabilities(model, text, true), log_probabilities(model, text, other), strict=True)
    return sum(a > b for a, b in pairs) / len(true)
