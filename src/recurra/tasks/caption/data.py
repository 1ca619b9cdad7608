"""Pictures, films or rows of features, and what is said of each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor

from recurra.data import Examples, Place, Tokenizer, check_lengths, columns, load_tokenizer
from recurra.data.pictures import Mode, PictureForm
from recurra.errors import Fault
from recurra.tasks.parts.rows import RowOptions, usable
from recurra.tasks.parts.tokens import TokenizerOptions
from recurra.tasks.readers.pictures import PictureReader
from recurra.tasks.readers.vectors import VectorReader
from recurra.tasks.seq2seq.batches import TokenPair
from recurra.tasks.seq2seq.pairs import TARGET_TOKENIZER, train_ended

SourceReader = PictureReader | VectorReader


class CaptionOptions(RowOptions):
    """Pictures and their captions.

    Attributes:
        image: the column of pictures: see `recurra.data.pictures.frames_of`. Lines that name the same picture
            are captions of one.
        caption: the column of captions: a text, or a list of texts.
        reads: "pictures", or "features": rows `[places, F]` or `[frames, F]` made elsewhere, in the same
            column.
        resize: height and width that pictures are brought to; None: they all have one size.
        mode: "RGB" or "L" (shades of grey) that pictures are turned into; None: they are one of them.
        unit: what captions are cut into. tokenizer: see there.
        max_length: tokens of a caption; a longer one is an error.
    """

    image: str = "image"
    caption: str = "caption"
    reads: Literal["pictures", "features"] = "pictures"
    resize: tuple[int, int] | None = None
    mode: Mode | None = None
    unit: Literal["word", "character", "subword"] = "word"
    tokenizer: TokenizerOptions = TokenizerOptions()
    max_length: int = Field(default=200, ge=1)


class Captioned(NamedTuple):
    """Each source (a picture, a film, a row of features) once, its captions, and where it stands first."""

    sources: list[Tensor]
    captions: list[list[str]]
    places: list[Place]

    def pairs(self) -> list[tuple[int, str]]:
        """Each caption by itself, and the index of its source."""
        return [(index, text) for index, texts in enumerate(self.captions) for text in texts]


class CaptionReader:
    """Sources to what the network reads, captions <-> ids; the end token opens and closes a caption."""

    def __init__(self, data: CaptionOptions, source: SourceReader, tokenizer: Tokenizer) -> None:
        self.data, self.source, self.tokenizer = data, source, tokenizer

    @classmethod
    def build(cls, data: CaptionOptions, train: Examples) -> tuple[CaptionReader, Captioned, list[str]]:
        """From the training part, whose captioned sources come with it, and notes on those left out."""
        source: SourceReader = PictureReader(data.image, PictureForm(data.resize, data.mode))
        if data.reads == "features":
            source = VectorReader.build(columns.vectors(train, data.image), data.image)
        rows, notes = read_captioned(train, data, source)
        texts = [text for _, text in rows.pairs()]
        return cls(data, source, train_ended(data.unit, texts, data.tokenizer.arguments())), rows, notes

    @classmethod
    def load(cls, data: CaptionOptions, folder: Path) -> CaptionReader:
        """What `save` wrote."""
        source: SourceReader
        if data.reads == "features":
            source = VectorReader.load(folder, data.image)
        else:
            source = PictureReader.load(folder, data.image, PictureForm(data.resize, data.mode))
        return cls(data, source, load_tokenizer(folder / TARGET_TOKENIZER))

    def save(self, folder: Path) -> None:
        """Writes what reading needs."""
        self.source.save(folder)
        self.tokenizer.save(folder / TARGET_TOKENIZER)

    @property
    def end(self) -> int:
        """The end token."""
        assert self.tokenizer.end is not None
        return self.tokenizer.end

    def check(self, train: Captioned, validation: Captioned) -> list[str]:
        """What is worth knowing of the sources."""
        if isinstance(self.source, PictureReader):
            return self.source.check(train.sources, validation.sources)
        return self.source.check(validation.sources)

    def read(self, examples: Examples) -> tuple[Captioned, list[str]]:
        """See `read_captioned`."""
        return read_captioned(examples, self.data, self.source)

    def pairs(self, rows: Captioned) -> list[TokenPair]:
        """Each caption by itself: its source, and its ids `[T]`; one that is too long is a Fault."""
        pairs = rows.pairs()
        ids = [torch.tensor(self.tokenizer.encode(text), dtype=torch.int64) for _, text in pairs]
        places = [rows.places[index] for index, _ in pairs]
        check_lengths([len(row) for row in ids], places, longest=self.data.max_length)
        return [(rows.sources[index], row) for (index, _), row in zip(pairs, ids, strict=True)]


def read_captioned(
    examples: Examples, data: CaptionOptions, reader: SourceReader
) -> tuple[Captioned, list[str]]:
    """The sources of examples with their captions, and notes on those without any."""
    texts = [
        _texts(entry, f"{place}: column {data.caption!r}")
        for entry, place in zip(examples[data.caption], examples.places, strict=True)
    ]
    counts = [len(each) for each in texts]
    indices, notes = usable(examples, counts, data.model_copy(update={"max_length": 10**6}))
    rows = reader.rows(examples.take(indices))
    entries = examples[data.image]
    captioned = Captioned([], [], [])
    numbers: dict[Any, int] = {}
    for index, row in zip(indices, rows, strict=True):
        place, entry = examples.places[index], entries[index]
        key = (place.file, entry) if isinstance(entry, str) else index
        if key not in numbers:
            numbers[key] = len(captioned.sources)
            captioned.sources.append(row)
            captioned.captions.append([])
            captioned.places.append(place)
        captioned.captions[numbers[key]].extend(texts[index])
    return captioned, notes


def _texts(entry: Any, where: str) -> list[str]:
    texts = [entry] if isinstance(entry, str) else entry
    if not isinstance(texts, Sequence) or not all(isinstance(text, str) for text in texts):
        content = repr(entry)
        content = content if len(content) <= 40 else f"{content[:37]}..."
        raise Fault(f"{where}: {content} found, expected a text, or a list of texts")
    return [text for text in texts if text.strip()]
