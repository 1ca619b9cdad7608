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
from recurra.tasks.parts.batches import RowOptions, usable
from recurra.tasks.parts.sources import TestedOptions
from recurra.tasks.readers.pictures import PictureReader
from recurra.tasks.readers.vectors import VectorReader
from recurra.tasks.seq2seq.pairs import TARGET_TOKENIZER, PairBatch, pair_batch, train_ended

SeenReader = PictureReader | VectorReader


class CaptionOptions(RowOptions, TestedOptions):
    """Pictures and their captions.

    Attributes:
        image: the column of pictures: see `recurra.data.pictures.frames_of`. Lines that name the same picture
            are captions of one.
        caption: the column of captions: a text, or a list of texts.
        reads: "pictures", or "features": rows `[places, F]` or `[frames, F]` made elsewhere, in the same
            column.
        resize: height and width that pictures are brought to; None: they all have one size.
        mode: "RGB" or "L" (shades of grey) that pictures are turned into; None: they are one of them.
        tokens: what captions are cut into. tokenizer: further options of that tokenizer.
        longest: tokens of a caption; a longer one is a fault.
    """

    image: str = "image"
    caption: str = "caption"
    reads: Literal["pictures", "features"] = "pictures"
    resize: tuple[int, int] | None = None
    mode: Mode | None = None
    tokens: Literal["word", "character", "subword"] = "word"
    tokenizer: dict[str, Any] = Field(default_factory=dict)
    longest: int = Field(default=200, ge=1)


class Captioned(NamedTuple):
    """Each picture once, its captions, and where it stands first."""

    seen: list[Tensor]
    captions: list[list[str]]
    places: list[Place]

    def pairs(self) -> list[tuple[int, str]]:
        """Each caption by itself, and the index of its picture."""
        return [(index, text) for index, texts in enumerate(self.captions) for text in texts]


class CaptionReader:
    """Pictures to what the network reads, captions <-> ids; the end token opens and closes a caption."""

    def __init__(self, data: CaptionOptions, seen: SeenReader, tokenizer: Tokenizer) -> None:
        self.data, self.seen, self.tokenizer = data, seen, tokenizer

    @classmethod
    def build(cls, data: CaptionOptions, train: Examples) -> tuple[CaptionReader, Captioned, list[str]]:
        """From the training part, whose captioned pictures come with it, and notes on those left out."""
        seen: SeenReader = PictureReader(data.image, PictureForm(data.resize, data.mode))
        if data.reads == "features":
            seen = VectorReader.build(columns.vectors(train, data.image), data.image)
        held, notes = captioned(train, data, seen)
        texts = [text for _, text in held.pairs()]
        return cls(data, seen, train_ended(data.tokens, texts, data.tokenizer)), held, notes

    @classmethod
    def load(cls, data: CaptionOptions, folder: Path) -> CaptionReader:
        """What `save` wrote."""
        seen: SeenReader
        if data.reads == "features":
            seen = VectorReader.load(folder, data.image)
        else:
            seen = PictureReader.load(folder, data.image, PictureForm(data.resize, data.mode))
        return cls(data, seen, load_tokenizer(folder / TARGET_TOKENIZER))

    def save(self, folder: Path) -> None:
        """Writes what reading needs."""
        self.seen.save(folder)
        self.tokenizer.save(folder / TARGET_TOKENIZER)

    @property
    def end(self) -> int:
        """The end token."""
        assert self.tokenizer.end is not None
        return self.tokenizer.end

    def check(self, train: Captioned, held: Captioned) -> list[str]:
        """What is worth knowing."""
        if isinstance(self.seen, PictureReader):
            return self.seen.check(train.seen, held.seen)
        return self.seen.check(held.seen)

    def pairs(self, held: Captioned) -> list[tuple[Tensor, Tensor]]:
        """Each caption by itself: what is seen, and its ids `[T]`; one that is too long is a Fault."""
        pairs = held.pairs()
        ids = [torch.tensor(self.tokenizer.encode(text), dtype=torch.int64) for _, text in pairs]
        places = [held.places[index] for index, _ in pairs]
        check_lengths([len(row) for row in ids], places, longest=self.data.longest)
        return [(held.seen[index], row) for (index, _), row in zip(pairs, ids, strict=True)]

    def batch(self, pairs: Sequence[tuple[Tensor, Tensor]], epoch: int = 0) -> PairBatch:
        """Of what `pairs` gives."""
        return pair_batch(pairs, self.end, epoch)


def captioned(examples: Examples, data: CaptionOptions, reader: SeenReader) -> tuple[Captioned, list[str]]:
    """The pictures of examples with their captions, and notes on those without any."""
    texts = [
        _texts(cell, f"{place}: column {data.caption!r}")
        for cell, place in zip(examples[data.caption], examples.places, strict=True)
    ]
    kept, notes = usable(examples, [len(each) for each in texts], data.model_copy(update={"longest": 10**6}))
    rows = reader.rows(examples.take(kept))
    cells = examples[data.image]
    held = Captioned([], [], [])
    known: dict[Any, int] = {}
    for index, row in zip(kept, rows, strict=True):
        place, cell = examples.places[index], cells[index]
        key = (place.file, cell) if isinstance(cell, str) else index
        if key not in known:
            known[key] = len(held.seen)
            held.seen.append(row)
            held.captions.append([])
            held.places.append(place)
        held.captions[known[key]].extend(texts[index])
    return held, notes


def _texts(cell: Any, where: str) -> list[str]:
    texts = [cell] if isinstance(cell, str) else cell
    if not isinstance(texts, Sequence) or not all(isinstance(text, str) for text in texts):
        shown = repr(cell)
        shown = shown if len(shown) <= 40 else f"{shown[:37]}..."
        raise Fault(f"{where}: {shown} found, expected a text, or a list of texts")
    return [text for text in texts if text.strip()]
