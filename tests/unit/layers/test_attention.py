"""Attention and the decoders against plain loops over single rows."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from recurra.cells import GRU, LSTM, Zoneout
from recurra.cells.variational_dropout import VariationalDropout
from recurra.errors import Fault
from recurra.explanation import explain
from recurra.layers import (
    AdditiveAttention,
    Attention,
    AttentionFed,
    Bidirectional,
    DotAttention,
    GeneralAttention,
    Layer,
    LocalAttention,
    Recurrent,
    Residual,
    ScaledDotAttention,
    Stack,
)
from recurra.layers.pooling import EndsPool
from recurra.models import (
    AttentionDecoder,
    Decoder,
    EncoderDecoder,
    FedDecoder,
    TokenEmbedding,
    VectorDecoder,
)
from recurra.ragged import Ragged
from recurra.registry import from_config, to_config

LENGTHS = (3, 0, 5, 1)


def _additive(a: AdditiveAttention, q: Tensor, m: Tensor) -> Tensor:
    return (a.total.weight @ torch.tanh(a.query.weight @ q + a.memory.weight @ m + a.memory.bias))[0]


SCORES = {
    "additive": (AdditiveAttention, _additive),
    "dot": (DotAttention, lambda a, q, m: q @ m),
    "scaled": (ScaledDotAttention, lambda a, q, m: q @ m / math.sqrt(len(q))),
    "general": (GeneralAttention, lambda a, q, m: q @ (a.memory.weight @ m)),
}


def _brute(score: object, attention: Attention, query: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
    scores = torch.stack([score(attention, query, m) for m in memory])  # type: ignore[operator]
    weights = torch.exp(scores - scores.max())
    weights = weights / weights.sum()
    return weights, sum(w * m for w, m in zip(weights, memory, strict=True))


@pytest.mark.parametrize("name", SCORES)
def test_each_score_is_its_formula_whatever_else_is_in_the_batch(name: str) -> None:
    cls, score = SCORES[name]
    attention = cls(4, 4).double()
    memories = [torch.randn(n, 4, dtype=torch.float64) for n in LENGTHS]
    queries = [torch.randn(n, 4, dtype=torch.float64) for n in (2, 3, 4, 0)]
    memory = attention.remember(Ragged.from_list(memories))
    means, weights = attention.over_rows(Ragged.from_list(queries), memory)
    for one, steps, mean, w in zip(queries, memories, means.to_list(), weights.to_list(), strict=True):
        for t, query in enumerate(one):
            if not len(steps):
                assert not mean[t].any()
                assert not w[t].any()
                continue
            expected, context = _brute(score, attention, query, steps)
            torch.testing.assert_close(w[t, : len(steps)], expected)
            assert not w[t, len(steps) :].any()
            torch.testing.assert_close(mean[t], context)


def test_local_attention_is_its_formula() -> None:
    attention = LocalAttention(GeneralAttention(4, 3), reach=2).double()
    steps, query = torch.randn(9, 3, dtype=torch.float64), torch.randn(4, dtype=torch.float64)
    memory = attention.remember(Ragged.from_list([steps, torch.randn(12, 3, dtype=torch.float64)]))
    _, weights = attention(torch.stack([query, query]).unsqueeze(1), memory)
    centre = 8 * torch.sigmoid(attention.place.weight @ torch.tanh(attention.hidden.weight @ query))
    near = [s for s in range(9) if abs(s - centre) <= 2]
    inner = torch.stack([query @ (attention.inner.memory.weight @ steps[s]) for s in near]).softmax(0)
    bell = torch.stack([torch.exp(-((s - centre[0]) ** 2) / (2 * (2 / 2) ** 2)) for s in near])
    expected = torch.zeros(12, dtype=torch.float64)
    expected[near] = inner * bell
    assert 3 <= len(near) <= 5
    torch.testing.assert_close(weights[0, 0], expected)


def test_attention_that_does_not_fit_is_refused() -> None:
    with pytest.raises(Fault, match="query of 4 numbers with a memory of 3"):
        DotAttention(4, 3)
    with pytest.raises(Fault, match="the memory has 5 numbers a step, expected 3"):
        GeneralAttention(4, 3).remember(Ragged.from_list([torch.zeros(2, 5)]))
    with pytest.raises(Fault, match="reach is 0"):
        LocalAttention(GeneralAttention(4, 3), reach=0)
    with pytest.raises(Fault, match="must be causal"):
        AttentionFed(Recurrent(GRU(9, 4), reverse=True), GeneralAttention(4, 3), 3)


def _body(width: int) -> Layer:
    return Stack(Recurrent(LSTM(width, 8)), Residual(Recurrent(Zoneout(GRU(8, 8), 0.1))))


def _trained() -> FedDecoder:
    """As after some training, which begins with nothing fed."""
    decoder = FedDecoder(_body(6 + 6), GeneralAttention(8, 8), 8, 6)
    nn.init.uniform_(decoder.fed.gain, 0.5, 1.5)
    return decoder


DECODERS = {
    "vector": lambda: VectorDecoder(_body(6 + 8), 8, 6),
    "attention": lambda: AttentionDecoder(_body(6), AdditiveAttention(8, 8, 3), 8, 6),
    "local": lambda: AttentionDecoder(_body(6), LocalAttention(DotAttention(8, 8), 2), 8, 6),
    "fed": _trained,
}


def _model(decoder: Decoder, tied: bool = True) -> EncoderDecoder:
    encoder = Bidirectional(Recurrent(GRU(5, 4)), Recurrent(GRU(5, 4), reverse=True))
    return EncoderDecoder(
        TokenEmbedding(9, 5), encoder, EndsPool(8, 4), TokenEmbedding(7, 6), decoder, 7, tied=tied
    )


@pytest.mark.parametrize("name", DECODERS)
def test_whole_rows_single_steps_and_rows_alone_agree(name: str) -> None:
    model = _model(DECODERS[name]()).double().eval()
    source = [torch.randint(0, 9, (n,)) for n in LENGTHS]
    target = [torch.randint(0, 7, (n,)) for n in (2, 4, 0, 6)]
    whole = model(Ragged.from_list(source), Ragged.from_list(target))
    state = model.begin(Ragged.from_list(source))
    logits = whole.logits.to_list()
    for t in range(6):
        ids = torch.tensor([int(row[t]) if t < len(row) else 0 for row in target])
        y, state = model.step(ids, state)
        for row, expected in enumerate(logits):
            if t < len(expected):
                torch.testing.assert_close(y[row], expected[t])
    for row, expected in enumerate(logits):
        alone = model(Ragged.from_list([source[row]]), Ragged.from_list([target[row]]))
        torch.testing.assert_close(alone.logits.data, expected)


@pytest.mark.parametrize("name", DECODERS)
def test_a_model_is_rebuilt_from_its_description(name: str) -> None:
    model = _model(DECODERS[name](), tied=False).eval()
    other = from_config(to_config(model)).eval()
    other.load_state_dict(model.state_dict())
    source = Ragged.from_list([torch.randint(0, 9, (n,)) for n in LENGTHS])
    target = Ragged.from_list([torch.randint(0, 7, (n,)) for n in (2, 4, 0, 6)])
    torch.testing.assert_close(other(source, target).logits.data, model(source, target).logits.data)


def test_attention_leaves_the_loop_unless_it_is_fed_back() -> None:
    free, fed = explain(_model(DECODERS["attention"]())), explain(_model(DECODERS["fed"]()))
    loops = {layer.name: layer.engine for layer in free.layers}
    assert [name for name in loops if name.startswith("decoder")] == [
        "decoder.body.layers.0",
        "decoder.body.layers.1.layer",
    ]
    assert "step" not in loops.values()
    assert "decoder: AdditiveAttention over the source, after the loop over time" in str(free)
    (report,) = (layer for layer in fed.layers if layer.name.startswith("decoder"))
    assert report.engine == "step"
    assert "memory" in report.reason
    assert "decoder: GeneralAttention over the source, inside the loop over time" in str(fed)


def test_what_was_taken_comes_back_as_its_gain_grows() -> None:
    fed = AttentionFed(Recurrent(GRU(3 + 2, 4)), GeneralAttention(4, 3), 2)
    state = fed.initial_state(1)
    other = state._replace(attended=torch.ones(1, 2))
    x = torch.randn(1, 3)
    assert torch.equal(fed.step(x, state)[0], fed.step(x, other)[0])
    fed.step(x, other)[0].sum().backward()
    assert fed.gain.grad is not None
    assert bool(fed.gain.grad.all())
    nn.init.ones_(fed.gain)
    h, _ = fed.body.step(torch.cat([x, other.attended], -1), other.body)
    assert torch.equal(fed.step(x, other)[1].body.h, h)
    assert not torch.equal(fed.step(x, state)[1].body.h, h)


def test_gradients_reach_every_weight_through_attention() -> None:
    for make in DECODERS.values():
        model = _model(make(), tied=False)
        rows = Ragged.from_list([torch.randint(0, 7, (4,)) for _ in range(3)])
        (model(rows, rows).logits.data ** 2).sum().backward()
        for name, weight in model.named_parameters():
            assert weight.grad is not None, name
            assert bool(torch.isfinite(weight.grad).all()), name
            assert bool(weight.grad.any()), name


def test_a_fed_body_draws_its_dropout_once_a_run() -> None:
    body = Recurrent(VariationalDropout(GRU(6 + 6, 8), recurrent=0.5))
    model = _model(FedDecoder(body, GeneralAttention(8, 8), 8, 6)).train()
    source = Ragged.from_list([torch.randint(0, 9, (4,)) for _ in range(2)])
    target = Ragged.from_list([torch.randint(0, 7, (5,)) for _ in range(2)])
    model.decoder.fed.make_room(4)
    start = model.decoder.fed.begin(model.begin(source))
    masks = start.body.masks["h"]
    assert set(masks.unique().tolist()) == {0.0, 2.0}
    first, second = model(source, target).logits.data, model(source, target).logits.data
    assert not torch.equal(first, second)
    model.eval()
    torch.testing.assert_close(model(source, target).logits.data, model(source, target).logits.data)


def test_parts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(Fault, match="must be causal"):
        AttentionDecoder(Recurrent(GRU(6, 8), reverse=True), GeneralAttention(8, 8), 8, 6)
    with pytest.raises(Fault, match="queries of 8 numbers, the body gives 5"):
        AttentionDecoder(Recurrent(GRU(6, 5)), GeneralAttention(8, 8), 8, 6)
    with pytest.raises(Fault, match="tied weights need vectors as wide"):
        _model(AttentionDecoder(Recurrent(GRU(6, 8)), GeneralAttention(8, 8), 8, 5))
    with pytest.raises(Fault, match="reads 5 numbers a step, a target vector has 6"):
        _model(AttentionDecoder(Recurrent(GRU(5, 8)), GeneralAttention(8, 8), 8, 6))
    model = _model(DECODERS["vector"]())
    one = Ragged.from_list([torch.tensor([1, 2])])
    with pytest.raises(Fault, match="1 source rows and 2 target rows"):
        model(one, Ragged.from_list([torch.tensor([1]), torch.tensor([2])]))


def test_input_feeding_over_memories_of_another_length_at_every_batch() -> None:
    """A setting that changes at every run is no longer traced for, but the state still has its shape."""
    decoder = FedDecoder(Recurrent(GRU(5 + 4, 6)), AdditiveAttention(6, 3, 4), 3, 4)
    rows = Ragged.from_list([torch.randn(2, 5) for _ in range(2)])
    for places in range(40, 1, -1):
        memory = Ragged.from_list([torch.randn(places, 3) for _ in range(2)])
        decoded = decoder.run(rows, decoder.begin(memory, torch.randn(2, 3)))
        assert decoded.weights is not None
        assert decoded.weights.data.shape == (4, places)
