"""Sound to text: symbols in their order, where each one is said is not told (CTC)."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from recurra.data import Examples, Tokenizer, load_tokenizer, train_tokenizer
from recurra.decode import Transcript
from recurra.errors import Fault
from recurra.models import Transcriber, Vectors, steps_needed
from recurra.ragged import Ragged
from recurra.tasks.base import TASKS, Example, Loss, Score, Task
from recurra.tasks.parts.batches import answer_in_batches, shuffled_batches
from recurra.tasks.parts.contexts import device_of, seeded
from recurra.tasks.parts.counts import require_count
from recurra.tasks.parts.likeness import unlike
from recurra.tasks.parts.measurement import Measurement, Selection
from recurra.tasks.parts.sizes import activations_line, lengths_line, parameters_line
from recurra.tasks.parts.sources import TEST, part_of, read_named, read_parts
from recurra.tasks.parts.splits import Splits
from recurra.tasks.parts.tables import some
from recurra.tasks.transcribe.data import (
    Utterances,
    read_utterances,
    sound_of,
    speakers_to_test,
    speakers_to_train,
)
from recurra.tasks.transcribe.model import TranscribeModelOptions, build_model
from recurra.tasks.transcribe.options import TranscribeDataOptions
from recurra.tasks.transcribe.plot import Heard, draw_transcripts
from recurra.tasks.transcribe.scores import speech_figures
from recurra.tasks.transcribe.search import Search, TranscribeSearchOptions, log_probabilities
from recurra.tasks.transcribe.stream import TranscribeStream

TOKENIZER = "tokenizer.json"


@TASKS.register("transcribe")
class TranscribeTask(Task[Transcriber]):
    """Hears recordings and writes what is said.

    Attributes:
        search: how transcripts are searched for; may be set to other `TranscribeSearchOptions`.
    """

    name = "transcribe"
    item_name = "symbols"
    DataOptions = TranscribeDataOptions
    ModelOptions = TranscribeModelOptions
    score = Score("cer", larger_is_better=False)

    def __init__(
        self,
        data: TranscribeDataOptions,
        options: TranscribeModelOptions,
        tokenizer: Tokenizer,
        model: Transcriber,
        seed: int = 0,
    ) -> None:
        self.options, self.model_options, self.tokenizer, self.seed = data, options, tokenizer, seed
        self.features = data.sound.features()
        self.search: TranscribeSearchOptions = options.search
        self.model = model
        self.data: Splits[Utterances] = Splits(data, seed, self._validation)

    @classmethod
    def prepare(cls, data: TranscribeDataOptions, model: TranscribeModelOptions, *, seed: int) -> Self:
        parts = read_parts(data, seed)
        count = 0 if data.strings is None else data.strings.count
        examples = speakers_to_train(parts.train, data)
        utterances, notes = read_utterances(examples, data, count=count, seed=seed, speeds=data.speeds)
        tokenizer = train_tokenizer(data.unit, utterances.texts, unknown=None, end=None)
        with seeded(seed):
            task = cls(data, model, tokenizer, build_model(model, data.sound.bands, len(tokenizer)), seed)
        train, more = task._within_reach(utterances)
        assert isinstance(task.model.input, Vectors)
        task.model.input.learn(torch.cat([row for rows in train.features for row in rows]))
        task.data.fill(train, [*notes, *more], parts.validation)
        return task

    @classmethod
    def restore(
        cls,
        data: TranscribeDataOptions,
        model: TranscribeModelOptions,
        module: Transcriber,
        folder: Path,
        *,
        seed: int = 0,
    ) -> Self:
        tokenizer = load_tokenizer(folder / TOKENIZER)
        require_count(len(tokenizer), module.symbols, "symbols", folder / TOKENIZER)
        return cls(data, model, tokenizer, module, seed)

    def save_assets(self, folder: Path) -> None:
        self.tokenizer.save(folder / TOKENIZER)

    @property
    def seconds_a_step(self) -> float:
        """Between two steps of the answer."""
        return self.model_options.frames * self.features.hop / self.features.rate

    def check(self) -> list[str]:
        train, validation = self.data.train, self.data.validation
        size = self.options.batch_size
        symbols = [len(self.tokenizer.split(text)) for text in train.texts]
        longest = max(len(row) for rows in train.features for row in rows)
        return [
            lengths_line("train", [len(rows[0]) for rows in train.features], "frames"),
            lengths_line("validation", [len(rows[0]) for rows in validation.features], "frames"),
            lengths_line("train, transcripts", symbols, f"{self.options.unit} symbols"),
            f"vocabulary: {len(self.tokenizer)} symbols and the blank; "
            f"a step every {1000 * self.seconds_a_step:g} ms",
            f"epoch: {len(self.batches(0)):,} batches of {size} recordings",
            parameters_line(self.model),
            activations_line(
                self.model, size * longest // self.model_options.frames, len(self.tokenizer) + 1
            ),
            *self.data.notes,
        ]

    def batches(self, epoch: int, rank: int = 0, world: int = 1) -> Sequence[tuple[Ragged, Ragged]]:
        train, seed = self.data.train, self.seed

        def make(indices: Sequence[int]) -> tuple[Ragged, Ragged]:
            # the standard library's generator, seeded by text, draws the same numbers everywhere
            rows = [random.Random(f"speed:{seed}:{epoch}:{i}").choice(train.features[i]) for i in indices]
            return Ragged.from_list(rows), Ragged.from_list([self._ids(train.texts[i]) for i in indices])

        lengths, size = [len(rows[0]) for rows in train.features], self.options.batch_size
        return shuffled_batches(lengths, size, make, seed=seed, epoch=epoch, rank=rank, world=world)

    def read_training_data(self) -> bool:
        self.data.read_train()
        return True

    def loss(self, batch: tuple[Ragged, Ragged], carry: Any) -> Loss:
        """Nats of the transcripts, and how many symbols they have."""
        device = device_of(self.model)
        scores, _ = self.model(batch[0].to(device))
        total = self.model.loss(scores, batch[1].to(device)).sum()
        return Loss(total, len(batch[1].data))

    def evaluate(self, data: str | Path | None = None) -> Mapping[str, float]:
        """`cer`, `wer` and `exact`; see `recurra.tasks.transcribe.scores`."""
        return self.measure(data).scores

    def measure(self, data: str | Path | None = None) -> Measurement:
        selection = self.select(data)
        texts = selection.examples.texts
        transcripts = self.transcribe([rows[0] for rows in selection.examples.features])
        figures = speech_figures(texts, [self.tokenizer.decode(best.ids) for best, *_ in transcripts])
        return selection.measured(len(texts), "recordings", figures)

    def row(self, item: Any) -> tuple[dict[str, str], Tensor]:
        """Of a path of a recording, or a table with `audio`: its name as `audio` where it has one, and its
        features.
        """
        entry = item.get("audio") if isinstance(item, Mapping) else item
        name = {"audio": str(entry)} if isinstance(entry, (str, Path)) else {}
        return name, self.features(self.options.sound.within(sound_of(item, self.options)))

    def answers(self, rows: Sequence[tuple[dict[str, str], Tensor]]) -> Iterator[dict[str, Any]]:
        """For each recording: `text`, its `score`, and `symbols`, each with its `start` and `end` in seconds
        (below 0 within the margin before the recording); `best`, all answers, where several are asked for.
        """
        transcripts = self.transcribe([features for _, features in rows])
        for (name, _), best in zip(rows, transcripts, strict=True):
            tables = [self._table(transcript) for transcript in best]
            yield {**name, **tables[0], **({"best": tables} if self.search.best > 1 else {})}

    def table_rows(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        """`audio`, where it has a name, and the best `text` with its `score`."""
        return [some(answer, "audio", "text", "score")]

    def examples(self, data: str | Path | None = None) -> Sequence[Example]:
        utterances = self.select(data).examples
        pairs = zip(utterances.features, utterances.texts, strict=True)
        return [Example(({}, rows[0]), text) for rows, text in pairs]

    def mistake(self, answer: Mapping[str, Any], truth: str) -> float:
        """How far its characters are from what is said."""
        return unlike(answer["text"], truth)

    def drawing(self, examples: Sequence[Example], dark: bool = False) -> Any:
        """Each symbol where it is heard, over the spectrogram."""
        rows = [each.row for each in examples]
        shares = log_probabilities(self.model, [features for _, features in rows])
        return draw_transcripts(
            [
                Heard(
                    features,
                    1 - steps[:, -1].exp(),
                    answer,
                    each.truth,
                    -self.options.sound.margin,
                    self.features.hop / self.features.rate,
                    self.seconds_a_step,
                )
                for each, (_, features), steps, answer in zip(
                    examples, rows, shares, self.answers(rows), strict=True
                )
            ],
            dark,
        )

    def open_stream(self) -> TranscribeStream:
        """Sound in, symbols out, by the likeliest path; see `recurra.tasks.transcribe.stream`."""
        return TranscribeStream(self.model, self.tokenizer, self.options.sound, self.seconds_a_step)

    def transcribe(self, features: Sequence[Tensor]) -> list[list[Transcript]]:
        """The best transcripts of each recording's features `[T, bands]`, best first."""
        search = Search(self.search, self.tokenizer)
        return answer_in_batches(
            features,
            [len(row) for row in features],
            self.options.batch_size,
            lambda rows: search(log_probabilities(self.model, rows)),
        )

    def evaluation(self, data: str | Path | None) -> Utterances:
        """The recordings of `select(data)`."""
        return self.select(data).examples

    def select(self, data: str | Path | None) -> Selection[Utterances]:
        """What `evaluate(data)` measures; of the recipe's test data, the speakers to test on alone."""
        part = part_of(data)
        if data is None or part not in ("", TEST):
            return self.data.select(data)
        examples = read_named(self.options, data)
        speakers = speakers_to_test if part == TEST else speakers_to_train
        return Selection(self._utterances(speakers(examples, self.options), 2), part, examples.source)

    def _validation(self, examples: Examples) -> tuple[Utterances, list[str]]:
        return self._utterances(speakers_to_train(examples, self.options), 1), []

    def _utterances(self, examples: Examples, number: int) -> Utterances:
        """To evaluate; strings are drawn anew for each `number`."""
        count = 0 if self.options.strings is None else self.options.strings.held_out
        return read_utterances(examples, self.options, count=count, seed=self.seed + number)[0]

    def _table(self, transcript: Transcript) -> dict[str, Any]:
        step, margin = self.seconds_a_step, self.options.sound.margin
        return {
            "text": self.tokenizer.decode(transcript.ids),
            "score": transcript.score,
            "symbols": [
                {
                    "symbol": self.tokenizer.token(i),
                    "start": round(begin * step - margin, 4),
                    "end": round(end * step - margin, 4),
                }
                for i, (begin, end) in zip(transcript.ids, transcript.spans, strict=True)
            ],
        }

    def _ids(self, text: str) -> Tensor:
        return torch.tensor(self.tokenizer.encode(text), dtype=torch.int64)

    def _within_reach(self, utterances: Utterances) -> tuple[Utterances, list[str]]:
        """Without transcripts that need more steps than there are, and notes on those; or a Fault."""
        rest, notes = Utterances([], [], []), []
        for rows, text, place in zip(*utterances, strict=True):
            ids = self.tokenizer.encode(text)
            least, steps = steps_needed(ids), [len(row) // self.model_options.frames for row in rows]
            enough = [row for row, count in zip(rows, steps, strict=True) if count >= least]
            if enough:
                rest.features.append(enough)
                rest.texts.append(text)
                rest.places.append(place)
                continue
            why = (
                f"{place}: {text!r} needs {least} steps ({len(ids)} symbols, and a blank between two that "
                f"are the same), the recording has {max(steps)} of {1000 * self.seconds_a_step:g} ms"
            )
            if self.options.too_long == "error":
                raise Fault(f"{why}: correct it, set too_long = 'skip', or make model.frames fewer")
            notes.append(f"{why}; left out")
        if not rest.texts:
            raise Fault("every transcript needs more steps than its recording has: make model.frames fewer")
        return rest, notes
