"""An auto-encoder that starts as a linear memory, which its decoder reads backwards."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from recurra.cells.initializers import orthogonal_
from recurra.cells.vanilla import VanillaRNN
from recurra.errors import Fault
from recurra.layers.pooling import LastPool, ProjectedPool
from recurra.layers.recurrent import Recurrent
from recurra.layers.stack import Stack
from recurra.models.decoders import VectorDecoder
from recurra.models.encoder_decoder import EncoderDecoder

GAIN = 0.5
"""Of what the encoder reads: small, so that the tanh between the vector and the first state bends little."""
SURE = 11.5
"""The length, squared, of a token's vector: by how many nats a token read is likelier than another one."""


def mirror_(model: EncoderDecoder) -> None:
    """Sets the weights of a linear auto-encoder so that it restores before it has learnt anything, in place.

    The encoder keeps `v = sum_k A^k W e_k` over its tokens, the last one read first (k = 1): A is orthogonal,
    so that no token fades (White, Lee and Sompolinsky, 2004), W has orthonormal columns. The decoder turns
    it back by the transpose of A each step and reads off `W^T`, which gives e_k and, of each other token,
    about 1/sqrt(hidden) of it. Linear auto-encoders as a start: Pasa and Sperduti (2014).

    Args:
        model: encoder and decoder of one `vanilla` layer with `identity`, as wide as the vector and no
            narrower than a token's vector; tied; one direction; pooled by `last`.

    Raises:
        Fault: another model.
    """
    encoder, decoder, pool = _linear(model.encoder, "encoder"), model.decoder, model.pool
    if not isinstance(pool, ProjectedPool) or not isinstance(pool.inner, LastPool):
        raise Fault("a mirrored start needs what the encoder holds at its end: pool = 'last'")
    if not isinstance(decoder, VectorDecoder) or model.weight is not None:
        raise Fault("a mirrored start needs a decoder that has one vector, and tied = true")
    back = _linear(decoder.body, "decoder")
    table, into, turn = model.target.table.weight, encoder.input.weight, encoder.hidden.weight
    width, embedding = into.shape
    widths = (pool.inner.output_size, pool.output_size, len(back.hidden.weight))
    if widths != (width,) * 3 or embedding > width:
        raise Fault(
            f"a mirrored start needs encoder, vector and decoder of one width, at least the {embedding} of "
            f"the embedding, found {width}, {pool.output_size} and {len(back.hidden.weight)}"
        )
    with torch.no_grad():
        for layer in (encoder, back, pool.linear, decoder.bridge.linear, decoder.mix):
            _clear_biases_(layer)
        orthogonal_(turn)
        nn.init.orthogonal_(into, GAIN)
        pool.linear.weight.copy_(turn)
        nn.init.eye_(decoder.bridge.linear.weight)
        back.hidden.weight.copy_(turn.T)
        back.input.weight.zero_()
        decoder.mix.weight.zero_()
        decoder.mix.weight[:, -width:] = into.T / GAIN**2
        table.normal_(0, (SURE / embedding) ** 0.5)


def _linear(body: Any, which: str) -> VanillaRNN:
    layers = list(body.layers) if isinstance(body, Stack) else [body]
    cell = layers[0].cell if len(layers) == 1 and isinstance(layers[0], Recurrent) else None
    if not isinstance(cell, VanillaRNN) or cell.config.get("nonlinearity") != "identity":
        raise Fault(
            f"a mirrored start needs a linear {which} of one layer in one direction: cell = 'vanilla', "
            f"cell_options = {{ nonlinearity = 'identity' }}"
        )
    return cell


def _clear_biases_(module: nn.Module) -> None:
    for part in module.modules():
        if isinstance(part, nn.Linear) and part.bias is not None:
            part.bias.zero_()
