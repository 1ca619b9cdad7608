"""Auto-encoding: a sequence into one vector, and back from nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recurra.data import Examples
from recurra.errors import Fault
from recurra.layers.pooling import ProjectedPool
from recurra.models import EncoderDecoder, TokenEmbedding, VectorAutoEncoder, VectorDecoder
from recurra.models.mirrored import mirror_
from recurra.tasks.autoencode.options import AutoencodeDataOptions, AutoencodeModelOptions
from recurra.tasks.autoencode.texts import TextCoder
from recurra.tasks.autoencode.vectors import VectorCoder
from recurra.tasks.base import TASKS, Loss, Task
from recurra.tasks.parts.batches import ordered_batches, shuffled_batches, usable
from recurra.tasks.parts.contexts import device_of, evaluating, seeded
from recurra.tasks.parts.network import build_body, build_pool
from recurra.tasks.parts.sizes import parameters_line
from recurra.tasks.parts.sources import read_named, read_parts

Coder = TextCoder | VectorCoder


@TASKS.register("autoencode")
class AutoencodeTask(Task):
    """Sequences to vectors that hold them. Its `score` is `tokens_back` for texts, `mse` for measurements."""

    name = "autoencode"
    DataOptions = AutoencodeDataOptions
    ModelOptions = AutoencodeModelOptions

    def __init__(self, data: AutoencodeDataOptions, coder: Coder, model: nn.Module, seed: int = 0) -> None:
        self.options, self.seed = data, seed
        self.coder: Any = coder
        self.score = coder.score
        self.model: Any = model
        self._train: list[Any] | None = None
        self._held_out: list[Any] | None = None
        self._notes: list[str] = []

    @classmethod
    def prepare(cls, data: AutoencodeDataOptions, model: AutoencodeModelOptions, *, seed: int) -> Self:
        parts = read_parts(data, seed)
        if model.start == "mirrored" and not data.reversed:
            raise Fault(
                "model.start = 'mirrored' gives back first what was read last: set data.reversed = true"
            )
        coder = _coder(data).build(data, parts.train)
        with seeded(seed):
            task = cls(data, coder, build_model(model, coder), seed)
        task._train, task._held_out = task._rows(parts.train), task._rows(parts.validation)
        return task

    @classmethod
    def restore(
        cls, data: AutoencodeDataOptions, model: AutoencodeModelOptions, module: nn.Module, folder: Path
    ) -> Self:
        return cls(data, _coder(data).load(data, folder), module)

    def save_assets(self, folder: Path) -> None:
        self.coder.save(folder)

    def check(self) -> list[str]:
        return [
            *self.coder.check(self._data(), self._validation()),
            f"epoch: {len(self.batches(0)):,} batches of {self.options.batch_size} rows",
            parameters_line(self.model),
            *self._notes,
        ]

    def batches(self, epoch: int, rank: int = 0, world: int = 1) -> Sequence[Any]:
        train = self._data()
        lengths = [self.coder.length(row) for row in train]

        def make(indices: Sequence[int]) -> Any:
            return self.coder.batch([train[i] for i in indices], f"{self.seed}:{epoch}:{indices[0]}")

        return shuffled_batches(lengths, self.options, self.seed, epoch, rank, world, make)

    def loss(self, batch: Any, carry: Any) -> Loss:
        return Loss(*self.coder.loss(self.model, batch.to(device_of(self.model))))

    def evaluate(self, data: str | Path | None = None) -> Mapping[str, float]:
        """How much comes back; see the `scores` of `TextCoder` and `VectorCoder`."""
        rows = self._validation() if data is None else self._rows(read_named(self.options, data))
        found: dict[str, float] = self.coder.scores(rows, self.restored(rows))
        return found

    def predict(self, items: Iterable[Any]) -> Iterator[dict[str, Any]]:
        """For each text or row of vectors: itself as `item`, and `restored` from its vector."""
        for rows in self._some(items):
            for row, back in zip(rows, self.restored(rows), strict=True):
                yield {"item": self.coder.shown(row), "restored": back}

    def encode(self, items: Iterable[Any]) -> Iterator[dict[str, Any]]:
        """For each text or row of vectors: itself as `item`, and its `vector`."""
        for rows in self._some(items):
            for row, vector in zip(rows, self.vectors(rows).tolist(), strict=True):
                yield {"item": self.coder.shown(row), "vector": vector}

    def nearest(self, items: Iterable[Any], among: Iterable[Any], count: int = 5) -> Iterator[dict[str, Any]]:
        """For each item the `count` items of `among` whose vectors point most nearly where its own does:
        `item`, and `nearest`, a list of `item` and `similarity` (the cosine).
        """
        others = [row for rows in self._some(among) for row in rows]
        if not others:
            raise Fault("nothing to look among: give at least one item")
        table = F.normalize(self.vectors(others), dim=-1)
        for rows in self._some(items):
            likeness = F.normalize(self.vectors(rows), dim=-1) @ table.T
            values, places = likeness.topk(min(count, len(others)), -1)
            for row, near, where in zip(rows, values.tolist(), places.tolist(), strict=True):
                told = [
                    {"item": self.coder.shown(others[k]), "similarity": value}
                    for value, k in zip(near, where, strict=True)
                ]
                yield {"item": self.coder.shown(row), "nearest": told}

    def vectors(self, rows: Sequence[Any]) -> Tensor:
        """`[B, V]` on the CPU."""
        found = [torch.empty(0)] * len(rows)
        with evaluating(self.model):
            for chosen in self._by_length(rows):
                made = self.coder.vectors(self.model, [rows[i] for i in chosen]).cpu()
                for i, vector in zip(chosen, made, strict=True):
                    found[i] = vector
        return torch.stack(found)

    def restored(self, rows: Sequence[Any]) -> list[Any]:
        """Each row as it comes back from its vector."""
        found: list[Any] = [None] * len(rows)
        with evaluating(self.model):
            for chosen in self._by_length(rows):
                some = [rows[i] for i in chosen]
                vectors = self.coder.vectors(self.model, some)
                back = self.coder.restore(self.model, vectors, [self.coder.length(row) for row in some])
                for i, one in zip(chosen, back, strict=True):
                    found[i] = one
        return found

    def _by_length(self, rows: Sequence[Any]) -> list[list[int]]:
        return ordered_batches([self.coder.length(row) for row in rows], self.options.batch_size)

    def _some(self, items: Iterable[Any]) -> Iterator[list[Any]]:
        waiting = iter(items)
        while some := [self.coder.row(item) for item in islice(waiting, self.options.batch_size)]:
            yield some

    def _rows(self, examples: Examples) -> list[Any]:
        rows = self.coder.rows(examples)
        lengths = [self.coder.length(row) for row in rows]
        most = self.options.keep_up_to
        if most is not None:
            short = [i for i, length in enumerate(lengths) if length <= most]
            if not short:
                raise Fault(f"{examples.source}: every example is longer than keep_up_to = {most}")
            if len(short) < len(rows):
                left = len(rows) - len(short)
                self._notes.append(f"{examples.source}: {left:,} of {len(rows):,} are longer than {most}")
            examples, rows = examples.take(short), [rows[i] for i in short]
            lengths = [lengths[i] for i in short]
        kept, notes = usable(examples, lengths, self.options)
        self._notes += notes
        return [rows[i] for i in kept]

    def _data(self) -> list[Any]:
        if self._train is None:
            raise Fault("this task was loaded to predict: prepare it from its recipe to train it")
        return self._train

    def _validation(self) -> list[Any]:
        if self._held_out is None:
            self._held_out = self._rows(read_parts(self.options, self.seed).validation)
        return self._held_out


def build_model(options: AutoencodeModelOptions, coder: Coder) -> EncoderDecoder | VectorAutoEncoder:
    """The network, with fresh weights."""
    if isinstance(coder, VectorCoder):
        read = coder.reader.input()
        encoder = build_body(options.encoder, read.output_size)
        pool = ProjectedPool(build_pool(options.pool, encoder), options.vector)
        return VectorAutoEncoder(
            read, encoder, pool, build_body(options.decoder, options.vector), options.dropout
        )
    tokens = TokenEmbedding(len(coder.tokenizer), options.embedding)
    encoder = build_body(options.encoder, options.embedding)
    pool = ProjectedPool(build_pool(options.pool, encoder), options.vector)
    # dropped once a row, outside of the loop: see EncoderDecoder
    plain = options.decoder.model_copy(update={"input_dropout": 0.0})
    body = build_body(plain, options.embedding + options.vector)
    decoder = VectorDecoder(body, options.vector, options.embedding if options.tied else body.output_size)
    model = EncoderDecoder(
        None,
        encoder,
        pool,
        tokens,
        decoder,
        len(coder.tokenizer),
        dropout=options.dropout,
        input_dropout=options.decoder.input_dropout,
        tied=options.tied,
    )
    if options.start == "mirrored":
        mirror_(model)
    return model


def _coder(data: AutoencodeDataOptions) -> type[TextCoder] | type[VectorCoder]:
    return VectorCoder if data.text is None else TextCoder
