"""Recordings that a question is answered from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import torch
from pydantic import Field
from torch import Tensor

from recurra.data import Examples
from recurra.data.sound.recording import Recording, one_channel, read_recording
from recurra.errors import Fault, quoted
from recurra.layers import Convolution, Downsample, FeedForward, Layer, Stack
from recurra.layers.attention import AdditiveAttention
from recurra.models import FrameAnswerer, Inquiry, Vectors
from recurra.ragged import Ragged
from recurra.tasks.answer.options import QuestionModelOptions, QuestionOptions
from recurra.tasks.answer.plain import TEXT, build_row_encoder, build_words, word_rows
from recurra.tasks.answer.plot import Panel, draw_frames
from recurra.tasks.parts.network import DirectedOptions, build_body, build_pool
from recurra.tasks.parts.sizes import lengths_line
from recurra.tasks.readers.words import WordReader
from recurra.tasks.transcribe.model import FrameLayerOptions
from recurra.tasks.transcribe.options import SoundOptions

_QUIET = 1e-4  # of full scale
_TOLD = 5
_MEASURED = 1000  # recordings from which the scale of features is learnt


class RecordingQuestionOptions(QuestionOptions):
    """Questions about recordings.

    Attributes:
        evidence: "recording".
        audio: the column of recordings: paths, which start from the folder of the file that names them, or
            what the format `audio` reads.
        sound: see there.
        max_seconds: a longer recording is an error.
    """

    evidence: Literal["recording"] = "recording"
    audio: str = "audio"
    sound: SoundOptions = SoundOptions()
    max_seconds: float = Field(default=60.0, gt=0)


class RecordingQuestionModelOptions(DirectedOptions, QuestionModelOptions):
    """The network: layers over frames of sound, then over these and the question.

    Attributes:
        convolution: the layers over time that read the features, one table each; see there.
        frames: so many frames side by side make a step of the layers above.
        question_hidden: width of the layer that reads the question's words (and direction).
        width: of the last layer.
        pool: how all steps become one vector.
    """

    bidirectional: bool = True
    hidden: int | list[int] = Field(default=96)
    embedding: int = Field(default=32, ge=1)
    convolution: list[FrameLayerOptions] = Field(default_factory=list)
    frames: int = Field(default=4, ge=1)
    question_hidden: int = Field(default=32, ge=1)
    width: int = Field(default=96, ge=1)
    pool: Literal["last", "mean", "max", "attention"] = "last"


class Heard(NamedTuple):
    """Features `[T, bands]` of a recording, and how many seconds it lasts."""

    features: Tensor
    seconds: float


class RecordingReader:
    """Recordings as features, each read once however many questions are about it.

    Attributes:
        train: the training recordings, each once.
    """

    def __init__(self, data: RecordingQuestionOptions, words: WordReader) -> None:
        self.data, self.words = data, words
        self.features = data.sound.features()
        self.train: list[Tensor] = []

    @classmethod
    def build(
        cls, examples: Examples, data: RecordingQuestionOptions, model: RecordingQuestionModelOptions
    ) -> Self:
        """From the training data."""
        return cls(data, build_words(word_rows(examples, data), examples, data, model))

    @classmethod
    def load(cls, folder: Path, data: RecordingQuestionOptions, model: RecordingQuestionModelOptions) -> Self:
        """What `save` wrote."""
        return cls(data, WordReader.load(folder, TEXT, data.tokenizer, model))

    def rows(self, examples: Examples) -> tuple[list[Heard], list[str]]:
        cache: dict[Any, Heard] = {}
        rows = []
        for entry, place in zip(examples[self.data.audio], examples.places, strict=True):
            key = (place.file, entry) if isinstance(entry, str) else id(entry)
            if key not in cache:
                cache[key] = self._row(entry, str(place), Path(place.file).parent)
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
        if isinstance(entry, str):
            path = base / Path(entry).expanduser()
            where, entry = f"{where}: {path}", read_recording(path)
        if not isinstance(entry, Recording):
            raise Fault(f"{where}: {quoted(entry)} found, expected the path of a recording")
        samples = one_channel(entry, where, sound.rate, sound.resample, sound.mix)
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

    def size(self, row: Heard) -> int:
        return len(row.features)

    def blank(self, row: Heard) -> Heard:
        """As many frames, all alike: how long a recording lasts is seen, and nothing else."""
        return Heard(torch.zeros_like(row.features), row.seconds)

    def inquiry(self, questions: Sequence[list[str]], rows: Sequence[Heard], linear: bool) -> Inquiry:
        frames = Ragged.from_list([row.features for row in rows])
        return Inquiry(self.words.batch(questions), frames)

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


def build_recording_model(
    options: RecordingQuestionModelOptions, reader: RecordingReader, outputs: int
) -> FrameAnswerer:
    """The network, with fresh weights, at the scale of the training recordings."""
    bands = reader.data.sound.bands
    source = Vectors(bands)
    source.learn(torch.cat(reader.train[:: len(reader.train) // _MEASURED + 1]))
    parts: list[Layer] = []
    size = bands
    for each in options.convolution:
        parts += [Convolution(size, each.channels, each.width), FeedForward(each.channels, each.channels)]
        size = each.channels
    parts.append(Downsample(size, options.frames))
    one = options.model_copy(update={"layers": 1})
    heard = build_body(one, options.frames * size)
    asking = options.model_copy(update={"layers": 1, "hidden": options.question_hidden, "input_dropout": 0.0})
    question = build_row_encoder(asking, reader.words, "last")
    body = build_body(options, heard.output_size + question.output_size)
    return FrameAnswerer(
        source,
        Stack(*parts, heard),
        question,
        body,
        build_pool(options.pool, body),
        AdditiveAttention(question.output_size, body.output_size, options.width),
        outputs,
        options.width,
        options.dropout,
    )
