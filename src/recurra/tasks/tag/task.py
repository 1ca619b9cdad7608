"""Tagging: one label for each word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import torch
from torch import Tensor, nn

from recurra.data import Examples, columns
from recurra.errors import Fault
from recurra.layers.crf import CRF
from recurra.models import Tagger, Words
from recurra.ragged import Ragged
from recurra.tasks.base import TASKS, Loss, Score, Task
from recurra.tasks.parts.batches import RowOptions, ordered_batches, shuffled_batches, usable
from recurra.tasks.parts.contexts import device_of, evaluating, seeded
from recurra.tasks.parts.metrics import accuracy, span_scores
from recurra.tasks.parts.network import DirectedOptions, build_body
from recurra.tasks.parts.sizes import activations_line, parameters_line
from recurra.tasks.parts.sources import read_like, read_parts
from recurra.tasks.readers.words import WordModelOptions, WordOptions, WordReader
from recurra.tasks.tag.stream import TagStream
from recurra.tasks.tag.tag_set import Scheme, TagSet


class TagDataOptions(RowOptions, WordOptions):
    """Sentences of words with a tag each.

    Attributes:
        tokens, tags: the columns.
        scheme: how tags mark spans; "none": they mark none; "auto" looks at the training data.
        inner: the scheme that the network learns spans in.
    """

    tokens: str = "token"
    tags: str = "tag"
    scheme: Scheme = "auto"
    inner: Literal["BIO", "BIOES"] = "BIOES"


class TagModelOptions(DirectedOptions, WordModelOptions):
    """The network.

    Attributes:
        head: "softmax" chooses each tag alone, "crf" the likeliest row of tags (Huang et al., 2015).
    """

    bidirectional: bool = True
    head: Literal["softmax", "crf"] = "crf"


class Tagged(NamedTuple):
    """Sentences, their tags as the data writes them, and those as ids."""

    words: list[list[str]]
    tags: list[list[str]]
    ids: list[Tensor]


@TASKS.register("tag")
class TagTask(Task):
    """Gives each word of a sentence a tag, and finds the spans that tags mark.

    A batch is `Words` and the tags' ids, both ragged.
    """

    name = "tag"
    DataOptions = TagDataOptions
    ModelOptions = TagModelOptions

    def __init__(
        self, data: TagDataOptions, reader: WordReader, tags: TagSet, model: nn.Module, seed: int = 0
    ) -> None:
        self.options, self.reader, self.tags, self.seed = data, reader, tags, seed
        self.model: Any = model
        self.score = Score("accuracy" if tags.scheme is None else "f1", larger_is_better=True)
        self._train: Tagged | None = None
        self._held_out: Tagged | None = None
        self._notes: list[str] = []

    @classmethod
    def prepare(cls, data: TagDataOptions, model: TagModelOptions, *, seed: int) -> Self:
        parts = read_parts(data, seed)
        tags = TagSet.build(parts.train, data.tags, data.scheme, data.inner)
        reader = WordReader.build(parts.train, data.tokens, data, model)
        with seeded(seed):
            task = cls(data, reader, tags, build_model(model, reader, tags), seed)
        task._train = task._tagged(parts.train)
        task._held_out = task._tagged(parts.validation)
        return task

    @classmethod
    def restore(cls, data: TagDataOptions, model: TagModelOptions, module: nn.Module, folder: Path) -> Self:
        return cls(data, WordReader.load(folder, data.tokens, data, model), TagSet.load(folder), module)

    def save_assets(self, folder: Path) -> None:
        self.reader.save(folder)
        self.tags.save(folder)

    def check(self) -> list[str]:
        train, held = self._data()
        widest = self.options.batch_size * max(map(len, train.words))
        counts = zip(self.tags.names.names, self.tags.names.counts, strict=True)
        spans = (
            "" if self.tags.scheme is None else f" ({self.tags.scheme} in the data, {self.tags.inner} inside)"
        )
        listed = ", ".join(f"{name} {count:,}" for name, count in counts)
        return [
            *self.reader.check(held.words),
            f"tags: {len(self.tags.names)}{spans}: {listed}",
            f"epoch: {len(self.batches(0)):,} batches of {self.options.batch_size} sentences",
            parameters_line(self.model),
            activations_line(self.model, widest, len(self.tags.names)),
            *self.tags.notes,
            *self._notes,
        ]

    def batches(self, epoch: int, rank: int = 0, world: int = 1) -> Sequence[tuple[Words, Ragged]]:
        train, _ = self._data()
        lengths = [len(row) for row in train.words]
        return shuffled_batches(lengths, self.options, self.seed, epoch, rank, world, self._batch)

    def loss(self, batch: tuple[Words, Ragged], carry: Any) -> Loss:
        device = device_of(self.model)
        words, tags = batch[0].to(device), batch[1].to(device)
        scores, _ = self.model(words)
        return Loss(self.model.loss(scores, tags), len(tags.data))

    def evaluate(self, data: str | Path | None = None) -> Mapping[str, float]:
        """`accuracy` over words; where tags mark spans also `f1`, `precision` and `recall` over spans."""
        held = self._validation() if data is None else self._tagged(read_like(self.options, data))
        said = self.tag(held.words)
        found = {"accuracy": accuracy(_flat(held.tags), _flat(said))}
        if self.tags.scheme is not None:
            found.update(span_scores(held.tags, said, self.tags.scheme))
        return found

    def predict(self, items: Iterable[Any]) -> Iterator[dict[str, Any]]:
        """For each text, list of words or table with `text` or `tokens`: `tokens`, `tags`, and `spans` where
        tags mark them.
        """
        waiting = iter(items)
        while some := [self.reader.row(item) for item in islice(waiting, self.options.batch_size)]:
            for words, tags in zip(some, self.tag(some), strict=True):
                spans = {} if self.tags.scheme is None else {"spans": self.tags.spans(tags, words)}
                yield {"tokens": words, "tags": tags, **spans}

    def tag(self, sentences: Sequence[Sequence[str]]) -> list[list[str]]:
        """The tags of sentences, as the data writes them."""
        said: list[list[str]] = [[] for _ in sentences]
        full = [i for i, row in enumerate(sentences) if row]
        with evaluating(self.model):
            for places in ordered_batches([len(sentences[i]) for i in full], self.options.batch_size):
                chosen = [full[place] for place in places]
                words = self.reader.batch([sentences[i] for i in chosen]).to(device_of(self.model))
                scores, _ = self.model(words)
                for i, row in zip(chosen, self.model.decode(scores).to_list(), strict=True):
                    said[i] = self.tags.decode(row.tolist())
        return said

    def open_stream(self) -> TagStream:
        """Text in; the tag of each word. Refused where a tag depends on the whole sentence."""
        return TagStream(self.model, self.reader, self.tags)

    def _tagged(self, examples: Examples) -> Tagged:
        words = columns.tokens(examples, self.options.tokens)
        tags = self.tags.read(examples, self.options.tags, self.options.tokens)
        kept, notes = usable(examples, [len(row) for row in words], self.options)
        self._notes += notes
        ids = [torch.tensor(self.tags.encode(tags[i]), dtype=torch.int64) for i in kept]
        return Tagged([words[i] for i in kept], [tags[i] for i in kept], ids)

    def _batch(self, indices: Sequence[int]) -> tuple[Words, Ragged]:
        train, _ = self._data()
        words = self.reader.batch([train.words[i] for i in indices])
        return words, Ragged.from_list([train.ids[i] for i in indices])

    def _data(self) -> tuple[Tagged, Tagged]:
        if self._train is None:
            raise Fault("this task was loaded to predict: prepare it from its recipe to train it")
        return self._train, self._validation()

    def _validation(self) -> Tagged:
        if self._held_out is None:
            self._held_out = self._tagged(read_parts(self.options, self.seed).validation)
        return self._held_out


def build_model(options: TagModelOptions, reader: WordReader, tags: TagSet) -> Tagger:
    """The network, with fresh weights."""
    read = reader.input()
    body = build_body(options, read.output_size)
    crf = None
    if options.head == "crf":
        crf = CRF(tags.names.names, None if tags.inner is None else tags.inner.lower())
    return Tagger(read, body, len(tags.names), crf, options.dropout)


def _flat(rows: Iterable[Sequence[str]]) -> list[str]:
    return list(chain.from_iterable(rows))
