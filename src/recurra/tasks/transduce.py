"""Many to many with fewer steps: one symbol of the target for every so many of the source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from recurra.data import Tokenizer, check_lengths, load_tokenizer, train_tokenizer
from recurra.errors import Fault
from recurra.layers import Downsample, Stack
from recurra.layers.inputs import Input
from recurra.models import OneHot, Tagger, TokenEmbedding
from recurra.ragged import Ragged
from recurra.tasks.base import TASKS, Loss, Options, Score, Task
from recurra.tasks.parts.batches import ordered_batches, shuffled_batches
from recurra.tasks.parts.contexts import device_of, evaluating, seeded
from recurra.tasks.parts.metrics import accuracy
from recurra.tasks.parts.network import DirectedOptions, build_body
from recurra.tasks.parts.sizes import activations_line, lengths_line, parameters_line
from recurra.tasks.parts.sources import read_named, read_parts
from recurra.tasks.seq2seq.pairs import (
    SOURCE_TOKENIZER,
    TARGET_TOKENIZER,
    Pairs,
    TwoTextOptions,
    pairs_of,
    text_of,
)


class TransduceDataOptions(TwoTextOptions):
    """Pairs of texts, the source `ratio` times as long as the target.

    Attributes:
        tokens: what both texts are cut into.
        ratio: source symbols for each target symbol.
    """

    tokens: Literal["character", "word"] = "character"
    ratio: int = Field(default=1, ge=1)


class TransduceModelOptions(Options):
    """The network.

    Attributes:
        embedding: width of a source symbol's vector; 0 reads one-hot vectors.
        below: layers over the source's steps. above: layers over what `ratio` of their outputs make.
        dropout: share of the last output dropped before the labels are chosen.
    """

    embedding: int = Field(default=0, ge=0)
    below: DirectedOptions = DirectedOptions()
    above: DirectedOptions = DirectedOptions()
    dropout: float = Field(default=0.0, ge=0, lt=1)


@TASKS.register("transduce")
class TransduceTask(Task):
    """Reads `ratio` symbols for each that it writes."""

    name = "transduce"
    DataOptions = TransduceDataOptions
    ModelOptions = TransduceModelOptions
    score = Score("accuracy", larger_is_better=True)

    def __init__(
        self,
        data: TransduceDataOptions,
        source: Tokenizer,
        target: Tokenizer,
        model: nn.Module,
        seed: int = 0,
    ) -> None:
        self.options, self.source, self.target, self.seed = data, source, target, seed
        self.model: Any = model
        self._train: Pairs | None = None
        self._held_out: Pairs | None = None
        self._notes: list[str] = []

    @classmethod
    def prepare(cls, data: TransduceDataOptions, model: TransduceModelOptions, *, seed: int) -> Self:
        parts = read_parts(data, seed)
        train, notes = pairs_of(parts.train, data)
        source = train_tokenizer(data.tokens, train.sources, end=None)
        target = train_tokenizer(data.tokens, train.targets, end=None)
        with seeded(seed):
            task = cls(data, source, target, build_model(model, data.ratio, source, target), seed)
        task._train = task._checked(train)
        held, more = pairs_of(parts.validation, data)
        task._held_out, task._notes = task._checked(held), notes + more
        return task

    @classmethod
    def restore(
        cls, data: TransduceDataOptions, model: TransduceModelOptions, module: nn.Module, folder: Path
    ) -> Self:
        source, target = (load_tokenizer(folder / name) for name in (SOURCE_TOKENIZER, TARGET_TOKENIZER))
        return cls(data, source, target, module)

    def save_assets(self, folder: Path) -> None:
        self.source.save(folder / SOURCE_TOKENIZER)
        self.target.save(folder / TARGET_TOKENIZER)

    def check(self) -> list[str]:
        train = self._data()
        lengths = [len(self.source.split(text)) for text in train.sources]
        held = [len(self.source.split(text)) for text in self._validation().sources]
        size = self.options.batch_size
        return [
            lengths_line("train", lengths, "source symbols"),
            lengths_line("validation", held, "source symbols"),
            f"vocabulary: {len(self.source)} source and {len(self.target)} target symbols, "
            f"{self.options.ratio} to 1",
            f"epoch: {len(self.batches(0)):,} batches of {size} pairs",
            parameters_line(self.model),
            activations_line(self.model, size * max(lengths), len(self.target)),
            *self._notes,
        ]

    def batches(self, epoch: int, rank: int = 0, world: int = 1) -> Sequence[tuple[Ragged, Ragged]]:
        train = self._data()
        lengths = [len(text) for text in train.sources]

        def make(indices: Sequence[int]) -> tuple[Ragged, Ragged]:
            targets = [torch.tensor(self.target.encode(train.targets[i])) for i in indices]
            return self._batch([train.sources[i] for i in indices]), Ragged.from_list(targets)

        return shuffled_batches(lengths, self.options, self.seed, epoch, rank, world, make)

    def loss(self, batch: tuple[Ragged, Ragged], carry: Any) -> Loss:
        device = device_of(self.model)
        scores, _ = self.model(batch[0].to(device))
        return Loss(self.model.loss(scores, batch[1].to(device)), len(batch[1].data))

    def evaluate(self, data: str | Path | None = None) -> Mapping[str, float]:
        """`accuracy` over symbols, `exact`: the share of whole targets without a fault, and `longest`: the
        source symbols of the longest pair among them.
        """
        held = self._validation() if data is None else self._like(data)
        said = self.transduce(held.sources)
        true = [self.target.split(text) for text in held.targets]
        flat = [[symbol for row in rows for symbol in row] for rows in (true, said)]
        return {
            "accuracy": accuracy(*flat),
            "exact": accuracy(true, said),
            "longest": float(max(len(self.source.split(text)) for text in held.sources)),
        }

    def predict(self, items: Iterable[Any]) -> Iterator[dict[str, Any]]:
        """For each text, or table with `source`: `source` and `target`."""
        waiting = iter(items)
        while some := [text_of(item, "source") for item in islice(waiting, self.options.batch_size)]:
            for text, symbols in zip(some, self.transduce(some), strict=True):
                yield {"source": text, "target": (" " if self.options.tokens == "word" else "").join(symbols)}

    def transduce(self, texts: Sequence[str]) -> list[list[str]]:
        """The symbols of each target; what is left of a source that is no multiple of `ratio` has none."""
        said: list[list[str]] = [[] for _ in texts]
        with evaluating(self.model):
            for chosen in ordered_batches([len(text) for text in texts], self.options.batch_size):
                scores, _ = self.model(self._batch([texts[i] for i in chosen]).to(device_of(self.model)))
                for i, row in zip(chosen, self.model.decode(scores).to_list(), strict=True):
                    said[i] = [self.target.token(index) for index in row.tolist()]
        return said

    def _batch(self, texts: Sequence[str]) -> Ragged:
        return Ragged.from_list([self._ids(text) for text in texts])

    def _ids(self, text: str) -> Tensor:
        return torch.tensor(self.source.encode(text), dtype=torch.int64)

    def _checked(self, pairs: Pairs) -> Pairs:
        """Fault for a pair whose lengths do not fit."""
        lengths = []
        for source, target, place in zip(*pairs, strict=True):
            found, made = len(self.source.split(source)), len(self.target.split(target))
            if found != self.options.ratio * made:
                raise Fault(
                    f"{place}: a source of {found} symbols and a target of {made}, expected "
                    f"{self.options.ratio} to 1 (data.ratio)"
                )
            lengths.append(found)
        check_lengths(lengths, pairs.places, longest=self.options.longest)
        return pairs

    def _like(self, data: str | Path) -> Pairs:
        return self._checked(pairs_of(read_named(self.options, data), self.options)[0])

    def _data(self) -> Pairs:
        if self._train is None:
            raise Fault("this task was loaded to predict: prepare it from its recipe to train it")
        return self._train

    def _validation(self) -> Pairs:
        if self._held_out is None:
            examples = read_parts(self.options, self.seed).validation
            self._held_out = self._checked(pairs_of(examples, self.options)[0])
        return self._held_out


def build_model(options: TransduceModelOptions, ratio: int, source: Tokenizer, target: Tokenizer) -> Tagger:
    """The network, with fresh weights."""
    read: Input = OneHot(len(source))
    if options.embedding:
        read = TokenEmbedding(len(source), options.embedding)
    below = build_body(options.below, read.output_size)
    shorter = Downsample(below.output_size, ratio)
    body = Stack(below, shorter, build_body(options.above, shorter.output_size))
    return Tagger(read, body, len(target), None, options.dropout)
