"""Recordings that a question is answered from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from recurra.data import Examples, Place, Tokenizer, columns, load_tokenizer, train_tokenizer
from recurra.data.sound.entries import recording_at
from recurra.data.sound.recording import one_channel
from recurra.errors import Fault, quoted
from recurra.layers import Convolution, Downsample, FeedForward, Layer, Stack
from recurra.layers.attention import AdditiveAttention
from recurra.layers.pooling import Pool
from recurra.models import (
    FrameAnswerer,
    Inquiry,
    RowEncoder,
    Sounds,
    TranscriptAnswerer,
    Vectors,
    steps_needed,
)
from recurra.ragged import Ragged
from recurra.tasks.answer.options import QuestionModelOptions, QuestionOptions
from recurra.tasks.answer.plain import TEXT, build_row_encoder, build_words, word_rows
from recurra.tasks.answer.plot import Panel, draw_frames
from recurra.tasks.parts.network import DirectedOptions, build_body, build_pool
from recurra.tasks.parts.sizes import lengths_line
from recurra.tasks.readers.words import WordReader
from recurra.tasks.transcribe.model import FrameLayerOptions, HearingOptions
from recurra.tasks.transcribe.model import build_model as build_transcriber
from recurra.tasks.transcribe.options import SoundOptions

TOKENIZER = "transcript.json"
_QUIET = 1e-4  # of full scale
_TOLD = 5
_MEASURED = 1000  # recordings from which the scale of features is learnt


class RecordingQuestionOptions(QuestionOptions):
    """Questions about recordings.

    Attributes:
        evidence: "recording".
        audio: the column of recordings: paths, which start from the folder of the file that names them, or
            what the format `audio` reads.
        transcript: the column of what is said, words, for a model with a transcriber: it learns to write
            them in training, and reads none later. None: nobody says.
        sound: see there.
        max_seconds: a longer recording is an error.
    """

    evidence: Literal["recording"] = "recording"
    audio: str = "audio"
    transcript: str | None = None
    sound: SoundOptions = SoundOptions()
    max_seconds: float = Field(default=60.0, gt=0)


class RecordingQuestionModelOptions(DirectedOptions, QuestionModelOptions):
    """The network: layers over frames of sound, then over these and the question.

    Attributes:
        transcriber: a network of its own that writes what is said (data.transcript), as the task `transcribe`
            has; the layers above read how probable each word is at each of its steps. None: they read frames.
        transcript_weight: how many nats of the answer a nat of the transcript counts for.
        convolution: without a transcriber, the layers over time that read the features, one table each; see
            there.
        frames: without a transcriber, so many frames side by side make a step of the layers above.
        question_hidden: width of the layer that reads the question's words (and direction).
        width: of the last layer.
        pool: how all steps become one vector.
    """

    bidirectional: bool = True
    hidden: int | list[int] = Field(default=96)
    embedding: int = Field(default=32, ge=1)
    transcriber: HearingOptions | None = None
    transcript_weight: float = Field(default=1.0, gt=0)
    convolution: list[FrameLayerOptions] = Field(default_factory=list)
    frames: int = Field(default=4, ge=1)
    question_hidden: int = Field(default=32, ge=1)
    width: int = Field(default=96, ge=1)
    pool: Literal["last", "mean", "max", "attention"] = "last"

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        fields = type(self).model_fields
        others = ("transcript_weight",) if self.transcriber is None else ("convolution", "frames")
        for name in others:
            if getattr(self, name) != fields[name].get_default(call_default_factory=True):
                kind = "without" if self.transcriber is None else "with"
                raise ValueError(f"a model {kind} a transcriber has no {name}: leave it out")
        return self


class Heard(NamedTuple):
    """Features `[T, bands]` of a recording, how many seconds it lasts, and the ids of the words said in it,
    `[K]` int64, where they are told and training knows all of them.
    """

    features: Tensor
    seconds: float
    words: Tensor | None = None


class RecordingReader:
    """Recordings as features, each read once however many questions are about it.

    Args:
        tokenizer: of what is said, for a model with a transcriber. frames: that a step of it has.

    Attributes:
        train: the training recordings, each once.
    """

    def __init__(
        self,
        data: RecordingQuestionOptions,
        words: WordReader,
        tokenizer: Tokenizer | None = None,
        frames: int = 1,
    ) -> None:
        self.data, self.words, self.tokenizer, self.frames = data, words, tokenizer, frames
        self.vocabulary = (
            frozenset() if tokenizer is None else frozenset(map(tokenizer.token, range(len(tokenizer))))
        )
        self.features = data.sound.features()
        self.train: list[Tensor] = []

    @classmethod
    def build(
        cls, examples: Examples, data: RecordingQuestionOptions, model: RecordingQuestionModelOptions
    ) -> Self:
        """From the training data."""
        words = build_words(word_rows(examples, data), examples, data, model)
        if (data.transcript is None) != (model.transcriber is None):
            raise Fault(
                "data.transcript, the column of what is said, and model.transcriber, which learns to write "
                "it, belong together: set both, or none"
            )
        if data.transcript is None or model.transcriber is None:
            return cls(data, words)
        texts = columns.text(examples, data.transcript)
        tokenizer = train_tokenizer("word", texts, unknown=None, end=None)
        return cls(data, words, tokenizer, model.transcriber.frames)

    @classmethod
    def load(cls, folder: Path, data: RecordingQuestionOptions, model: RecordingQuestionModelOptions) -> Self:
        """What `save` wrote."""
        words = WordReader.load(folder, TEXT, data.tokenizer, model)
        if model.transcriber is None:
            return cls(data, words)
        return cls(data, words, load_tokenizer(folder / TOKENIZER), model.transcriber.frames)

    def rows(self, examples: Examples) -> tuple[list[Heard], list[str]]:
        cache: dict[Any, Heard] = {}
        rows = []
        texts = [""] * len(examples)
        if self.data.transcript is not None and self.data.transcript in examples:
            texts = columns.text(examples, self.data.transcript)
        for entry, text, place in zip(examples[self.data.audio], texts, examples.places, strict=True):
            key = (place.file, entry, text) if isinstance(entry, str) else (id(entry), text)
            if key not in cache:
                heard = self._row(entry, str(place), Path(place.file).parent)
                cache[key] = heard._replace(words=self._ids(text, len(heard.features), place))
            rows.append(cache[key])
        if not self.train:
            self.train = [row.features for row in cache.values()]
        return rows, []

    def row(self, item: Mapping[str, Any]) -> Heard:
        if self.data.audio not in item:
            raise Fault(f"{quoted(dict(item))} found, expected a table with {self.data.audio!r}")
        return self._row(item[self.data.audio], "the recording", Path())

    def _row(self, entry: Any, where: str, base: Path) -> Heard:
        sound = self.data.sound
        recording, where = recording_at(entry, where, base)
        samples = one_channel(recording, where, sound.rate, sound.resample, sound.mix)
        if not len(samples) or float(samples.abs().max()) < _QUIET:
            raise Fault(f"{where}: a recording of silence ({len(samples):,} samples): record it again")
        seconds = len(samples) / sound.rate
        if seconds > self.data.max_seconds:
            raise Fault(
                f"{where}: {seconds:.1f} seconds found, expected at most {self.data.max_seconds:g}: cut it "
                f"into pieces, or raise data.max_seconds"
            )
        features = self.features(sound.within(samples))
        if not len(features):
            raise Fault(f"{where}: {seconds:.3f} seconds found, shorter than one frame of {sound.window:g}")
        return Heard(features, seconds)

    def _ids(self, text: str, length: int, place: Place) -> Tensor | None:
        """Of the words of a transcript; None where there is none, or training has not all of them."""
        if self.tokenizer is None or not text.strip():
            return None
        if not self.vocabulary.issuperset(self.tokenizer.split(text)):
            return None
        ids = self.tokenizer.encode(text)
        if steps_needed(ids) > length // self.frames:
            raise Fault(
                f"{place}: {quoted(text)} needs {steps_needed(ids)} steps, the recording has "
                f"{length // self.frames} of {self.frames} frames: correct it, or make "
                f"model.transcriber.frames fewer"
            )
        return torch.tensor(ids, dtype=torch.int64)

    def size(self, row: Heard) -> int:
        return len(row.features)

    def blank(self, row: Heard) -> Heard:
        """As many frames, all alike: how long a recording lasts is seen, and nothing else."""
        return Heard(torch.zeros_like(row.features), row.seconds)

    def inquiry(self, questions: Sequence[list[str]], rows: Sequence[Heard], linear: bool) -> Inquiry:
        frames = Ragged.from_list([row.features for row in rows])
        if self.tokenizer is None:
            return Inquiry(self.words.batch(questions), frames)
        ids = [row.words for row in rows if row.words is not None]
        whole = len(ids) == len(rows)
        return Inquiry(self.words.batch(questions), Sounds(frames, Ragged.from_list(ids) if whole else None))

    def summary(self, row: Heard, looks: Tensor) -> dict[str, Any]:
        """`looked`: the moments with the largest weights, in seconds, in order of time."""
        length = row.seconds / max(1, len(looks))
        best = sorted(looks.argsort(descending=True)[:_TOLD].tolist())
        return {
            "looked": [
                {
                    "from": round(k * length, 3),
                    "to": round((k + 1) * length, 3),
                    "weight": round(float(looks[k]), 4),
                }
                for k in best
            ]
        }

    def drawing(self, panels: Sequence[Panel], dark: bool) -> Any:
        seconds = [panel.body.seconds for panel in panels]
        return draw_frames([panel._replace(body=panel.body.features) for panel in panels], seconds, dark)

    def check(self, rows: Sequence[Heard]) -> list[str]:
        distinct = {id(row): len(row.features) for row in rows}
        return [lengths_line("train, recordings", list(distinct.values()), "frames")]

    def save(self, folder: Path) -> None:
        self.words.save(folder)
        if self.tokenizer is not None:
            self.tokenizer.save(folder / TOKENIZER)


def build_recording_model(
    options: RecordingQuestionModelOptions, reader: RecordingReader, outputs: int
) -> FrameAnswerer | TranscriptAnswerer:
    """The network, with fresh weights, at the scale of the training recordings."""
    bands = reader.data.sound.bands
    some = torch.cat(reader.train[:: len(reader.train) // _MEASURED + 1])
    asking = options.model_copy(update={"layers": 1, "hidden": options.question_hidden, "input_dropout": 0.0})

    def ending(body: Layer, question: RowEncoder) -> tuple[Pool, AdditiveAttention, int, int, float]:
        pool = build_pool(options.pool, body)
        attention = AdditiveAttention(question.output_size, body.output_size, options.width)
        return pool, attention, outputs, options.width, options.dropout

    if options.transcriber is not None and reader.tokenizer is not None:
        transcriber = build_transcriber(options.transcriber, bands, len(reader.tokenizer))
        assert isinstance(transcriber.input, Vectors)
        transcriber.input.learn(some)
        question = build_row_encoder(asking, reader.words, "last")
        body = build_body(options, 2 * (transcriber.symbols + 1) + question.output_size)
        return TranscriptAnswerer(
            transcriber, question, body, *ending(body, question), options.transcript_weight
        )
    source = Vectors(bands)
    source.learn(some)
    parts: list[Layer] = []
    size = bands
    for each in options.convolution:
        parts += [Convolution(size, each.channels, each.width), FeedForward(each.channels, each.channels)]
        size = each.channels
    parts.append(Downsample(size, options.frames))
    one = options.model_copy(update={"layers": 1})
    heard = build_body(one, options.frames * size)
    question = build_row_encoder(asking, reader.words, "last")
    body = build_body(options, heard.output_size + question.output_size)
    return FrameAnswerer(source, Stack(*parts, heard), question, body, *ending(body, question))
