"""Pictures that a question is answered from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import torch
from pydantic import Field
from torch import Tensor

from recurra.data import Examples
from recurra.data.pictures import Mode, PictureForm
from recurra.errors import Fault
from recurra.models import (
    Inquiry,
    PictureConvolution,
    PictureNorm,
    PicturePlaces,
    PlaceAnswerer,
    RelationNetwork,
    RowEncoder,
)
from recurra.tasks.answer.options import QuestionModelOptions, QuestionOptions
from recurra.tasks.answer.plain import TEXT, build_row_encoder, build_words, word_rows
from recurra.tasks.answer.plot import Panel, draw_places
from recurra.tasks.caption.model import PictureLayerOptions
from recurra.tasks.parts.network import DirectedOptions
from recurra.tasks.readers.pictures import PictureReader
from recurra.tasks.readers.words import WordReader

_MEASURED = 1000  # pictures from which the scale of colours is learnt


class PictureQuestionOptions(QuestionOptions):
    """Questions about pictures.

    Attributes:
        evidence: "picture".
        image: the column of pictures: see `recurra.data.pictures.frames_of`.
        resize: height and width that pictures are brought to; None: they all have one size.
        mode: "RGB" or "L" (shades of grey) that pictures are turned into; None: they are one of them.
        pictures: a batch has all questions about so many pictures, each of which is then looked at once;
            None: `batch_size` questions, about whatever pictures.
    """

    evidence: Literal["picture"] = "picture"
    image: str = "image"
    resize: tuple[int, int] | None = None
    mode: Mode | None = None
    pictures: int | None = Field(default=None, ge=1)


class PictureQuestionModelOptions(DirectedOptions, QuestionModelOptions):
    """The network: layers over a picture, and layers over time that read the question's words.

    Attributes:
        kind: "places": each place of the picture is seen with the question in mind; "relations": each pair of
            places is (Santoro et al., 2017).
        convolution: the layers over a picture, one table each; see there.
        norm: of the numbers in those layers: over each "picture", over a "batch", or "none"; see
            `PictureConvolution`.
        hops: of "places", how often it looks; from the second time on it sees each place beside what it came
            upon before, and so how the two relate.
        modulation: of "places", whether the question scales what is seen, beside adding to it (Perez et al.,
            2018): to tell whether a thing has the colour that is asked for, it must.
        width: of the layers that see places, or pairs of them.
        pool: how a question's words become one vector.
    """

    kind: Literal["places", "relations"] = "places"
    hidden: int | list[int] = Field(default=64)
    embedding: int = Field(default=32, ge=1)
    convolution: list[PictureLayerOptions] = Field(
        default=[
            PictureLayerOptions(channels=16, stride=2),
            PictureLayerOptions(channels=32, stride=2),
            PictureLayerOptions(channels=48, stride=2),
        ],
        min_length=1,
    )
    norm: PictureNorm = "picture"
    hops: int = Field(default=1, ge=1)
    modulation: bool = False
    width: int = Field(default=96, ge=1)
    pool: Literal["last", "mean", "max", "attention"] = "last"


class ViewReader:
    """Pictures `[1, height, width, channels]`, each read once however many questions are about it.

    Attributes:
        train: the training pictures, each once.
    """

    def __init__(self, data: PictureQuestionOptions, pictures: PictureReader, words: WordReader) -> None:
        self.data, self.pictures, self.words = data, pictures, words
        self.train: list[Tensor] = []
        self._black: Tensor | None = None

    @classmethod
    def build(
        cls, examples: Examples, data: PictureQuestionOptions, model: PictureQuestionModelOptions
    ) -> Self:
        """From the training data."""
        pictures = PictureReader(data.image, PictureForm(data.resize, data.mode))
        return cls(data, pictures, build_words(word_rows(examples, data), examples, data, model))

    @classmethod
    def load(cls, folder: Path, data: PictureQuestionOptions, model: PictureQuestionModelOptions) -> Self:
        """What `save` wrote."""
        form = PictureForm(data.resize, data.mode)
        words = WordReader.load(folder, TEXT, data.tokenizer, model)
        return cls(data, PictureReader.load(folder, data.image, form), words)

    def rows(self, examples: Examples) -> tuple[list[Tensor], list[str]]:
        numbers: dict[Any, int] = {}
        first: list[int] = []
        for index, (entry, place) in enumerate(zip(examples[self.data.image], examples.places, strict=True)):
            key = (place.file, entry) if isinstance(entry, (str, bytes)) else id(entry)
            if key not in numbers:
                numbers[key] = len(first)
                first.append(index)
        pictures = [row[:1] for row in self.pictures.rows(examples.take(first))]
        if not self.train:
            self.train = pictures
        entries = zip(examples[self.data.image], examples.places, strict=True)
        keys = (
            (place.file, entry) if isinstance(entry, (str, bytes)) else id(entry) for entry, place in entries
        )
        return [pictures[numbers[key]] for key in keys], []

    def row(self, item: Mapping[str, Any]) -> Tensor:
        return self.pictures.row(item)[:1]

    def size(self, row: Tensor) -> int:
        return 1

    def blank(self, row: Tensor) -> Tensor:
        # the same for all questions, so that a batch looks at it once
        if self._black is None:
            self._black = torch.zeros_like(row)
        return self._black

    def inquiry(self, questions: Sequence[list[str]], rows: Sequence[Tensor], linear: bool) -> Inquiry:
        distinct = {id(row): row for row in rows}
        number = {key: position for position, key in enumerate(distinct)}
        picture = torch.tensor([number[id(row)] for row in rows])
        return Inquiry(self.words.batch(questions), torch.stack([*distinct.values()]), picture=picture)

    def summary(self, row: Tensor, looks: Tensor) -> dict[str, Any]:
        """`looked`: the weight of each place, row by row; `place`: the pixel (down, across) in the middle of
        the heaviest.
        """
        rows, columns = looks.shape
        best = int(looks.argmax())
        height, width = row.shape[1:3]
        place = [
            round((best // columns + 0.5) * height / rows),
            round((best % columns + 0.5) * width / columns),
        ]
        return {"looked": looks.double().mul(1e4).round().div(1e4).tolist(), "place": place}

    def drawing(self, panels: Sequence[Panel], dark: bool) -> Any:
        return draw_places([panel._replace(body=panel.body[0]) for panel in panels], dark)

    def check(self, rows: Sequence[Tensor]) -> list[str]:
        distinct = len({id(row) for row in rows})
        return [f"train: {distinct:,} pictures, {len(rows) / distinct:.1f} questions about each"]

    def save(self, folder: Path) -> None:
        self.pictures.save(folder)
        self.words.save(folder)


def build_view_model(
    options: PictureQuestionModelOptions, reader: ViewReader, outputs: int
) -> PlaceAnswerer | RelationNetwork:
    """The network, with fresh weights, at the scale of the training pictures."""
    assert reader.pictures.shape is not None
    strides: list[int] = [layer.stride for layer in options.convolution]
    channels = [layer.channels for layer in options.convolution]
    convolution = PictureConvolution(*reader.pictures.shape, channels, strides, options.norm)
    convolution.learn(torch.cat(reader.train[:: len(reader.train) // _MEASURED + 1]))
    question: RowEncoder = build_row_encoder(options, reader.words, options.pool)
    places, width, dropout = PicturePlaces(convolution), options.width, options.dropout
    if options.kind == "places":
        hops, modulation = options.hops, options.modulation
        return PlaceAnswerer(places, question, outputs, width, dropout, hops, modulation)
    if options.hops > 1 or options.modulation:
        raise Fault(
            f"model.hops = {options.hops}, modulation = {options.modulation}, kind = 'relations': these two "
            f"are of kind = 'places': leave them out"
        )
    return RelationNetwork(places, question, outputs, width, dropout)
