"""The network of a translation, as a recipe describes it."""

from __future__ import annotations

from typing import Literal

from recurra.models import EncoderDecoder, TokenEmbedding
from recurra.tasks.parts.network import build_body, build_pool
from recurra.tasks.seq2seq.decoder import DecoderOptions, EncoderOptions, build_decoder
from recurra.tasks.seq2seq.pairs import PairReader
from recurra.tasks.seq2seq.search import SearchOptions


class TranslateModelOptions(DecoderOptions):
    """The network, its loss, and how answers are searched for.

    Attributes:
        encoder: the layers over the source.
        pool: how the encoder's steps become the vector that the decoder starts from.
        search: see there.
    """

    encoder: EncoderOptions = EncoderOptions()
    pool: Literal["last", "mean", "max", "attention"] = "last"
    search: SearchOptions = SearchOptions()


def build_model(options: TranslateModelOptions, reader: PairReader) -> EncoderDecoder:
    """The network, with fresh weights."""
    shared = reader.source is reader.target
    target = TokenEmbedding(len(reader.target), options.embedding)
    source = None if shared else TokenEmbedding(len(reader.source), options.embedding)
    encoder = build_body(options.encoder, options.embedding)
    pool = build_pool(options.pool, encoder)
    return EncoderDecoder(
        source,
        encoder,
        pool,
        target,
        build_decoder(options, encoder.output_size, pool.output_size),
        len(reader.target),
        dropout=options.dropout,
        input_dropout=options.decoder.input_dropout,
        tied=options.tied,
    )
