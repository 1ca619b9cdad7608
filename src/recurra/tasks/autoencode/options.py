"""What a recipe says of an auto-encoder."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from recurra.tasks.base import Options
from recurra.tasks.parts.network import BodyOptions
from recurra.tasks.parts.rows import RowOptions
from recurra.tasks.parts.tokens import TokenizerOptions
from recurra.tasks.seq2seq.decoder import EncoderOptions
from recurra.tasks.transcribe.options import SoundOptions


class AutoencodeDataOptions(RowOptions):
    """Texts, rows of vectors, or recordings.

    Attributes:
        text, vectors, audio: the column; one of the three. `audio` holds paths, which start from the folder
            of the file that names them, or what the format `audio` reads.
        sound: of recordings, see there.
        label: of recordings, a column: evaluate tells for how many the training recording with the nearest
            vector has the same label, as `neighbour_LABEL`.
        unit: what a text is cut into. tokenizer: see there.
        keep_up_to: examples of more tokens or steps are left out, and counted by `check`.
        replaced: share of the tokens of a training text that are replaced by others before it is read, so
            that whatever stands there has to be carried, likely or not.
        reversed: a text is read from its end, so that what comes back first was read last (Sutskever et al.,
            2014).
    """

    text: str | None = None
    vectors: str | None = None
    audio: str | None = None
    sound: SoundOptions = SoundOptions()
    label: str | None = None
    unit: Literal["word", "character", "subword"] = "word"
    tokenizer: TokenizerOptions = TokenizerOptions()
    keep_up_to: int | None = Field(default=None, ge=1)
    replaced: float = Field(default=0.0, ge=0, lt=1)
    reversed: bool = False

    @model_validator(mode="after")
    def _one_column(self) -> Self:
        if sum(column is not None for column in (self.text, self.vectors, self.audio)) != 1:
            raise ValueError("expected exactly one of text, vectors and audio, the column to read")
        if self.text is None and (self.replaced or self.reversed):
            raise ValueError("replaced and reversed are for texts alone")
        if self.audio is None and (self.label is not None or self.sound != SoundOptions()):
            raise ValueError("sound and label are for recordings alone: set audio, or leave them out")
        return self


class AutoencodeModelOptions(Options):
    """The network.

    Attributes:
        embedding: width of a token's vector (texts).
        encoder, decoder: the layers on either side of the vector.
        pool: how the encoder's steps become one. vector: width of the vector between the two sides.
        start: "drawn": weights start at random; "orthogonal": so, too, but recurrent matrices are
            orthogonal, so that a linear memory forgets nothing (White et al., 2004), and tokens' vectors as
            long as in the next one; "mirrored": as a linear memory that the decoder reads backwards, see
            `recurra.models.mirrored`; texts only, with data.reversed.
        tied: the output layer uses the tokens' vectors.
        dropout: share of the decoder's output dropped before the last layer.
    """

    embedding: int = Field(default=256, ge=1)
    encoder: EncoderOptions = EncoderOptions()
    decoder: BodyOptions = BodyOptions()
    pool: Literal["last", "mean", "max", "attention"] = "last"
    vector: int = Field(default=256, ge=1)
    start: Literal["drawn", "orthogonal", "mirrored"] = "drawn"
    tied: bool = False
    dropout: float = Field(default=0.0, ge=0, lt=1)
