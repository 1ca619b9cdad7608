"""Sound to text: symbols in their order, where each one is said is not told (CTC)."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from recurra.data import Batches, Examples, Tokenizer, load_tokenizer, train_tokenizer
from recurra.decode import Transcript
from recurra.errors import Fault
from recurra.models import steps_needed
from recurra.ragged import Ragged
from recurra.tasks.base import TASKS, Loss, Score, Task
from recurra.tasks.parts.batches import Epoch, ordered_batches
from recurra.tasks.parts.contexts import device_of, seeded
from recurra.tasks.parts.sizes import activations_line, lengths_line, parameters_line
from recurra.tasks.parts.sources import TEST, read_named, read_parts
from recurra.tasks.transcribe.data import (
    TranscribeDataOptions,
    Utterances,
    left_out,
    read_utterances,
    sound_of,
    without,
)
from recurra.tasks.transcribe.model import TranscribeModelOptions, build_model
from recurra.tasks.transcribe.scores import speech_scores
from recurra.tasks.transcribe.search import Search, TranscribeSearchOptions, log_probabilities
from recurra.tasks.transcribe.stream import TranscribeStream

TOKENIZER = "tokenizer.json"


@TASKS.register("transcribe")
class TranscribeTask(Task):
    """Hears recordings and writes what is said.

    Attributes:
        search: how transcripts are searched for; may be set to other `TranscribeSearchOptions`.
    """

    name = "transcribe"
    DataOptions = TranscribeDataOptions
    ModelOptions = TranscribeModelOptions
    score = Score("cer", larger_is_better=False)

    def __init__(
        self,
        data: TranscribeDataOptions,
        options: TranscribeModelOptions,
        tokenizer: Tokenizer,
        model: nn.Module,
        seed: int = 0,
    ) -> None:
        self.options, self.model_options, self.tokenizer, self.seed = data, options, tokenizer, seed
        self.features = data.sound.features()
        self.search: TranscribeSearchOptions = options.search
        self.model: Any = model
        self._train: Utterances | None = None
        self._held_out: Utterances | None = None
        self._notes: list[str] = []

    @classmethod
    def prepare(cls, data: TranscribeDataOptions, model: TranscribeModelOptions, *, seed: int) -> Self:
        parts = read_parts(data, seed)
        count = 0 if data.strings is None else data.strings.count
        train, notes = read_utterances(
            without(parts.train, data), data, count=count, seed=seed, speeds=data.speeds
        )
        tokenizer = train_tokenizer(data.tokens, train.texts, unknown=None, end=None)
        with seeded(seed):
            task = cls(data, model, tokenizer, build_model(model, data.sound.bands, len(tokenizer)), seed)
        task._notes += notes
        task._train = task._within_reach(train)
        task.model.input.learn(torch.cat([row for rows in task._train.features for row in rows]))
        task._held_out = task._read(parts.validation, 1)
        return task

    @classmethod
    def restore(
        cls, data: TranscribeDataOptions, model: TranscribeModelOptions, module: nn.Module, folder: Path
    ) -> Self:
        return cls(data, model, load_tokenizer(folder / TOKENIZER), module)

    def save_assets(self, folder: Path) -> None:
        self.tokenizer.save(folder / TOKENIZER)

    @property
    def seconds_a_step(self) -> float:
        """Between two steps of the answer."""
        return self.model_options.frames * self.features.hop / self.features.rate

    def check(self) -> list[str]:
        train, held = self._data(), self._validation()
        size = self.options.batch_size
        symbols = [len(self.tokenizer.split(text)) for text in train.texts]
        return [
            lengths_line("train", [len(rows[0]) for rows in train.features], "frames"),
            lengths_line("validation", [len(rows[0]) for rows in held.features], "frames"),
            lengths_line("train, transcripts", symbols, f"{self.options.tokens} symbols"),
            f"vocabulary: {len(self.tokenizer)} symbols and the blank; "
            f"a step every {1000 * self.seconds_a_step:g} ms",
            f"epoch: {len(self.batches(0)):,} batches of {size} recordings",
            parameters_line(self.model),
            activations_line(
                self.model,
                size * max(len(row) for rows in train.features for row in rows) // self.model_options.frames,
                len(self.tokenizer) + 1,
            ),
            *self._notes,
        ]

    def batches(self, epoch: int, rank: int = 0, world: int = 1) -> Sequence[tuple[Ragged, Ragged]]:
        train = self._data()
        size, seed = self.options.batch_size, self.seed
        lengths = [len(rows[0]) for rows in train.features]
        order = Batches(lengths, batch_size=size, seed=seed, rank=rank, world=world)

        def make(position: int) -> tuple[Ragged, Ragged]:
            chosen = order.item(epoch, position)
            # the standard library's generator, seeded by text, draws the same numbers everywhere
            rows = [random.Random(f"speed:{seed}:{epoch}:{i}").choice(train.features[i]) for i in chosen]
            return Ragged.from_list(rows), Ragged.from_list([self._ids(train.texts[i]) for i in chosen])

        return Epoch(order.count(epoch), make)

    def loss(self, batch: tuple[Ragged, Ragged], carry: Any) -> Loss:
        """Nats of the transcripts, and how many symbols they have."""
        device = device_of(self.model)
        scores, _ = self.model(batch[0].to(device))
        total = self.model.loss(scores, batch[1].to(device)).sum()
        return Loss(total, len(batch[1].data))

    def evaluate(self, data: str | Path | None = None) -> Mapping[str, float]:
        """`cer`, `wer` and `exact`; see `recurra.tasks.transcribe.scores`."""
        held = self._validation() if data is None else self._like(data)
        found = self.transcribe([rows[0] for rows in held.features])
        said = [self.tokenizer.decode(transcripts[0].ids) for transcripts in found]
        return speech_scores(held.texts, said)

    def predict(self, items: Iterable[Any]) -> Iterator[dict[str, Any]]:
        """For each path of a recording, or table with `audio`: `text`, its `score`, and `symbols`, each with
        its `start` and `end` in seconds (below 0 within the margin before the recording); `best`, all
        answers, where several are asked for.
        """
        waiting = iter(items)
        while some := list(islice(waiting, self.options.batch_size)):
            sounds = [self.options.sound.within(sound_of(item, self.options)) for item in some]
            features = [self.features(row) for row in sounds]
            for item, found in zip(some, self.transcribe(features), strict=True):
                name = item.get("audio") if isinstance(item, Mapping) else item
                shown = {"audio": str(name)} if isinstance(name, (str, Path)) else {}
                first, *_ = answers = [self._shown(one) for one in found]
                yield {**shown, **first, **({"best": answers} if self.search.best > 1 else {})}

    def open_stream(self) -> TranscribeStream:
        """Sound in, symbols out, by the likeliest path; see `recurra.tasks.transcribe.stream`."""
        return TranscribeStream(self.model, self.tokenizer, self.options.sound, self.seconds_a_step)

    def transcribe(self, features: Sequence[Tensor]) -> list[list[Transcript]]:
        """The best transcripts of each recording's features `[T, bands]`, best first."""
        found: list[list[Transcript]] = [[] for _ in features]
        search = Search(self.search, self.tokenizer)
        for chosen in ordered_batches([len(row) for row in features], self.options.batch_size):
            rows = log_probabilities(self.model, [features[i] for i in chosen])
            for i, transcripts in zip(chosen, search(rows), strict=True):
                found[i] = transcripts
        return found

    def _shown(self, one: Transcript) -> dict[str, Any]:
        step, margin = self.seconds_a_step, self.options.sound.margin
        return {
            "text": self.tokenizer.decode(one.ids),
            "score": one.score,
            "symbols": [
                {
                    "symbol": self.tokenizer.token(i),
                    "start": round(begin * step - margin, 4),
                    "end": round(end * step - margin, 4),
                }
                for i, (begin, end) in zip(one.ids, one.spans, strict=True)
            ],
        }

    def _ids(self, text: str) -> Tensor:
        return torch.tensor(self.tokenizer.encode(text), dtype=torch.int64)

    def _read(self, examples: Examples, number: int, test: bool = False) -> Utterances:
        """Another part of the data than the training part."""
        count = 0 if self.options.strings is None else self.options.strings.held_out
        chosen = left_out(examples, self.options) if test else without(examples, self.options)
        return read_utterances(chosen, self.options, count=count, seed=self.seed + number)[0]

    def _within_reach(self, train: Utterances) -> Utterances:
        """Without transcripts that need more steps than there are; or a Fault for the first."""
        kept = Utterances([], [], [])
        for rows, text, place in zip(*train, strict=True):
            ids = self.tokenizer.encode(text)
            needed, steps = steps_needed(ids), [len(row) // self.model_options.frames for row in rows]
            enough = [row for row, count in zip(rows, steps, strict=True) if count >= needed]
            if enough:
                kept.features.append(enough)
                kept.texts.append(text)
                kept.places.append(place)
                continue
            why = (
                f"{place}: {text!r} needs {needed} steps ({len(ids)} symbols, and a blank between two that "
                f"are the same), the recording has {max(steps)} of {1000 * self.seconds_a_step:g} ms"
            )
            if self.options.too_long == "fault":
                raise Fault(f"{why}: correct it, set too_long = 'drop', or make model.frames fewer")
            self._notes.append(f"{why}; left out")
        if not kept.texts:
            raise Fault("every transcript needs more steps than its recording has: make model.frames fewer")
        return kept

    def _like(self, data: str | Path) -> Utterances:
        return self._read(read_named(self.options, data), 2, test=str(data) == TEST)

    def _data(self) -> Utterances:
        if self._train is None:
            raise Fault("this task was loaded to predict: prepare it from its recipe to train it")
        return self._train

    def _validation(self) -> Utterances:
        if self._held_out is None:
            self._held_out = self._read(read_parts(self.options, self.seed).validation, 1)
        return self._held_out
