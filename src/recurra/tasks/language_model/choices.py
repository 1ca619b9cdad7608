"""P(one word) against P(another) after every word of a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from recurra.errors import Fault
from recurra.models import LanguageModel
from recurra.ragged import Ragged
from recurra.tasks.language_model.minimal_pairs import cut_words
from recurra.tasks.language_model.text import RunningText
from recurra.tasks.parts.contexts import device_of, evaluating


class Choice(NamedTuple):
    """How likely each of some words is after each word of a text.

    Attributes:
        words: of the text.
        options: the words to choose from.
        log_probabilities: `[words + 1, options]` in nats: head the first word, and after each one.
    """

    words: list[str]
    options: list[str]
    log_probabilities: Tensor

    def shares(self) -> Tensor:
        """`[words + 1, options]`: the probability of each option if it must be one of them."""
        return self.log_probabilities.softmax(-1)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "words": self.words,
            "options": self.options,
            "log_probabilities": self.log_probabilities.tolist(),
        }


def choice(model: LanguageModel, text: RunningText, sentence: str, options: Sequence[str]) -> Choice:
    """P(option | the text so far) at each place of a text; an option of several tokens is their product.

    Raises:
        Fault: fewer than two options, one twice, or an option that the model does not know.
    """
    if len(set(options)) != len(options) or len(options) < 2:
        raise Fault(f"{list(options)} found, expected two or more different words to choose from")
    tokenizer = text.tokenizer
    for option in options:
        ids = tokenizer.encode(option)
        if not ids or tokenizer.unknown in ids:
            raise Fault(f"the model does not know {option!r}: choose among words of its training text")
    _, (sentence,) = cut_words(text, [sentence])
    words = sentence.split()
    prefixes = [" ".join(words[:count]) for count in range(len(words) + 1)]
    columns = [_column(model, text, prefixes, option) for option in options]
    return Choice(words, [*options], torch.stack(columns, 1))


def _column(model: LanguageModel, text: RunningText, prefixes: Sequence[str], option: str) -> Tensor:
    inputs, targets, starts = [], [], []
    for prefix in prefixes:
        ids = text.tokenizer.encode(f"{prefix} {option}" if prefix else option)
        head = text.tokenizer.encode(prefix)
        if ids[: len(head)] != head:
            raise Fault(f"{option!r} is not a word by itself after {prefix!r}: the tokens of both are joined")
        inputs.append(torch.tensor([text.boundary, *ids[:-1]]))
        targets.append(torch.tensor(ids))
        starts.append(len(head))
    batch = Ragged.from_list(inputs).to(device_of(model))
    with evaluating(model):
        logits, _ = model(batch)
    rows = zip(logits.to_list(), targets, starts, strict=True)
    costs = [
        F.cross_entropy(row[start:].float().cpu(), target[start:], reduction="sum")
        for row, target, start in rows
    ]
    return -torch.stack(costs).double()
