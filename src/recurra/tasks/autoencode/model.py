"""The network of an auto-encoder."""

from __future__ import annotations

from torch import nn

from recurra.layers.pooling import ProjectedPool
from recurra.models import EncoderDecoder, TokenEmbedding, VectorAutoEncoder, VectorDecoder
from recurra.models.mirrored import SURE, mirror_
from recurra.models.orthogonal import make_orthogonal_
from recurra.tasks.autoencode.options import AutoencodeModelOptions
from recurra.tasks.parts.network import build_body, build_pool
from recurra.tasks.readers.vectors import VectorReader


def build_vector_model(options: AutoencodeModelOptions, reader: VectorReader) -> VectorAutoEncoder:
    """The network for rows of vectors, with fresh weights."""
    rows = reader.input()
    encoder = build_body(options.encoder, rows.output_size)
    pool = ProjectedPool(build_pool(options.pool, encoder), options.vector)
    decoder = build_body(options.decoder, options.vector)
    if options.start == "orthogonal":
        make_orthogonal_(encoder)
        make_orthogonal_(decoder)
    return VectorAutoEncoder(rows, encoder, pool, decoder, options.dropout)


def build_text_model(options: AutoencodeModelOptions, tokens: int) -> EncoderDecoder:
    """The network for texts over so many tokens, with fresh weights."""
    embedding = TokenEmbedding(tokens, options.embedding)
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
        embedding,
        decoder,
        tokens,
        dropout=options.dropout,
        input_dropout=options.decoder.input_dropout,
        tied=options.tied,
    )
    if options.start == "mirrored":
        mirror_(model)
    elif options.start == "orthogonal":
        make_orthogonal_(encoder)
        make_orthogonal_(body)
        nn.init.normal_(embedding.table.weight, 0, (SURE / options.embedding) ** 0.5)
    return model
