from __future__ import annotations

import pytest
import torch
from torch import Tensor

from recurra.cells import GRU, LSTM, VanillaRNN, VariationalDropout
from recurra.errors import Fault
from recurra.layers import (
    Bidirectional,
    FeedForward,
    LatencyControlled,
    Layer,
    Recurrent,
    Residual,
    SkipStack,
    Stack,
    WeightNoise,
)
from recurra.ragged import Ragged
from recurra.registry import from_config, to_config
from recurra.state import named_leaves

LENGTHS = (4, 0, 9, 1, 6)


def both(merge: str = "concat") -> Bidirectional:
    return Bidirectional(Recurrent(LSTM(3, 4)), Recurrent(GRU(3, 4), reverse=True), merge)


def latency(chunk: int = 3, lookahead: int = 2, width: int = 3) -> LatencyControlled:
    return LatencyControlled(
        Recurrent(GRU(width, 4)), Recurrent(LSTM(width, 2), reverse=True), chunk, lookahead
    )


def examples() -> dict[str, Layer]:
    return {
        "recurrent": Recurrent(LSTM(3, 4)),
        "reversed": Recurrent(GRU(3, 4), reverse=True),
        "feed_forward": FeedForward(3, 5),
        "concat": both(),
        "sum": both("sum"),
        "latency": latency(),
        "latency_narrow": latency(1, 1),
        "latency_wide": latency(20, 20),
        "stack": Stack(Recurrent(LSTM(3, 4)), FeedForward(4, 5, "identity"), Recurrent(VanillaRNN(5, 2))),
        "stack_both": Stack(both(), Residual(Recurrent(GRU(8, 8)))),
        "stack_latency": Stack(latency(), Recurrent(GRU(6, 3)), latency(2, 1, 3), dropout=0.2),
        "skip": SkipStack(Recurrent(LSTM(3, 4)), Recurrent(GRU(7, 5)), FeedForward(8, 2), dropout=0.1),
        "skip_both": SkipStack(both(), Recurrent(GRU(11, 2), reverse=True)),
    }


NAMES = sorted(examples())
CAUSAL = sorted(name for name, layer in examples().items() if layer.causal)
STREAMED = sorted(name for name, layer in examples().items() if layer.delay is not None)


@pytest.fixture(params=NAMES)
def layer(request: pytest.FixtureRequest) -> Layer:
    return examples()[request.param].double().eval()


def rows(width: int = 3) -> list[Tensor]:
    return [torch.randn(n, width, dtype=torch.float64) for n in LENGTHS]


def test_a_ragged_batch_is_each_row_alone(layer: Layer) -> None:
    batch = rows()
    y, state = layer(Ragged.from_list(batch))
    assert y.data.shape == (sum(LENGTHS), layer.output_size)
    for k, (row, got) in enumerate(zip(batch, y.to_list(), strict=True)):
        alone, last = layer(row[None])
        torch.testing.assert_close(got, alone[0])
        for name, leaf in named_leaves(last).items():
            torch.testing.assert_close(named_leaves(state)[name][k], leaf[0])


def test_a_state_carries_on_where_the_layer_is_causal(layer: Layer) -> None:
    if not layer.causal:
        with pytest.raises(Fault, match="needs the whole row|no step of its own"):
            layer.step(torch.zeros(2, 3, dtype=torch.float64), layer.initial_state(2))
        return
    x = torch.randn(2, 7, 3, dtype=torch.float64)
    whole, final = layer(x)
    first, state = layer(x[:, :3])
    second, state = layer(x[:, 3:6], state)
    last, state = layer.step(x[:, 6], state)
    torch.testing.assert_close(torch.cat([first, second, last[:, None]], 1), whole)
    torch.testing.assert_close(named_leaves(state), named_leaves(final))
    assert named_leaves(layer.initial_state(2)).keys() == named_leaves(final).keys()


@pytest.mark.parametrize("name", STREAMED)
@pytest.mark.parametrize("cuts", [[1] * 17, [5, 0, 1, 11], [17], [16, 1], [2] * 8 + [1]])
def test_feeding_in_any_cut_is_the_batch_answer(name: str, cuts: list[int]) -> None:
    layer = examples()[name].double().eval()
    x = torch.randn(2, 17, 3, dtype=torch.float64)
    state, outputs = layer.initial_state(2), []
    for steps, piece in zip(torch.tensor(cuts).cumsum(0).tolist(), x.split(cuts, 1), strict=True):
        y, state = layer.feed(piece, state)
        outputs.append(y)
        assert sum(part.shape[1] for part in outputs) >= max(0, steps - (layer.delay or 0))
    rest = layer.finish(state)
    outputs += [] if rest is None else [rest]
    torch.testing.assert_close(torch.cat(outputs, 1), layer(x)[0])


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(STREAMED)))
def test_what_needs_the_whole_row_refuses_to_stream(name: str) -> None:
    layer = examples()[name]
    with pytest.raises(Fault, match="needs the whole row before its first output"):
        layer.feed(torch.zeros(1, 2, 3), layer.initial_state(1))


def test_configuration_and_weights_rebuild_the_layer(layer: Layer) -> None:
    again = from_config(to_config(layer)).double().eval()
    assert to_config(again) == to_config(layer)
    again.load_state_dict(layer.state_dict())
    x = Ragged.from_list(rows())
    torch.testing.assert_close(again(x)[0].data, layer(x)[0].data, rtol=0, atol=0)


def test_every_weight_and_the_input_get_a_gradient(layer: Layer) -> None:
    x = Ragged.from_list([row.requires_grad_() for row in rows()])
    y, _ = layer(x)
    y.data.square().sum().backward()
    assert all(w.grad is not None and bool(w.grad.abs().sum() > 0) for w in layer.parameters())


def test_bidirectional_against_two_plain_runs() -> None:
    layer = both().eval()
    x = torch.randn(2, 5, 3)
    y, state = layer(x)
    there, _ = layer.forward_layer(x)
    turned, last = Recurrent(layer.backward_layer.cell)(x.flip(1))
    torch.testing.assert_close(y, torch.cat([there, turned.flip(1)], -1))
    torch.testing.assert_close(state["backward"].h, last.h)


def test_latency_controlled_sees_its_look_ahead_and_no_more() -> None:
    layer = latency(chunk=3, lookahead=2).eval()
    x = torch.randn(1, 12, 3)
    y, _ = layer(x)
    changed = x.clone()
    changed[:, 8:] += 1  # chunk 1 is steps 3 to 5 and looks at 6 and 7
    z, _ = layer(changed)
    torch.testing.assert_close(z[:, :6], y[:, :6], rtol=0, atol=0)
    assert not torch.allclose(z[:, 6], y[:, 6])
    near = x.clone()
    near[:, 7] += 1
    assert not torch.allclose(layer(near)[0][:, 3], y[:, 3])


def test_latency_controlled_with_all_in_one_chunk_is_bidirectional() -> None:
    controlled = latency(chunk=9, lookahead=0)
    plain = Bidirectional(controlled.forward_layer, controlled.backward_layer)
    x = Ragged.from_list([row.float() for row in rows()])
    torch.testing.assert_close(controlled(x)[0].data, plain(x)[0].data)


def test_dropout_falls_between_layers_in_training_alone() -> None:
    layer = Stack(FeedForward(3, 64, "identity"), FeedForward(64, 64, "identity"), dropout=0.5)
    with torch.no_grad():
        layer.layers[1].linear.weight.copy_(torch.eye(64))
        layer.layers[1].linear.bias.zero_()
    x = Ragged.from_list([torch.randn(n, 3) for n in LENGTHS])
    dropped = (layer(x)[0].data == 0).float().mean()
    assert 0.4 < float(dropped) < 0.6
    assert not (layer.eval()(x)[0].data == 0).any()


def test_what_cells_draw_once_a_run_is_drawn_in_every_layer_around_them() -> None:
    def drawing(width: int = 4) -> Recurrent:
        return Recurrent(VariationalDropout(GRU(width, 4), recurrent=0.5))

    around = (
        Stack(drawing(), FeedForward(4, 4), Residual(drawing())),
        SkipStack(drawing(), drawing(8)),
        WeightNoise(drawing(), 0.1),
    )
    for layer in around:
        start = layer.train().initial_state(8)
        masks = [m for name, m in named_leaves(layer.begin(start)).items() if "masks" in name]
        assert masks
        assert all(set(mask.unique().tolist()) == {0.0, 2.0} for mask in masks)
        assert all(
            torch.equal(leaf, named_leaves(start)[name])
            for name, leaf in named_leaves(layer.eval().begin(start)).items()
        )


def test_resets_start_every_layer_of_a_stack_afresh() -> None:
    layer = Stack(Recurrent(LSTM(3, 4)), Residual(Recurrent(GRU(4, 4)))).double()
    x = torch.randn(2, 6, 3, dtype=torch.float64)
    flags = torch.zeros(2, 6, dtype=torch.bool)
    flags[1, 4] = True
    y, _ = layer(x, resets=flags)
    torch.testing.assert_close(y[0], layer(x)[0][0])
    torch.testing.assert_close(y[1, 4:], layer(x[1:, 4:])[0][0])
    with pytest.raises(Fault, match="resets have a meaning in causal layers alone"):
        both().double()(x, resets=flags)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Stack(), "at least one layer"),
        (lambda: Stack(LSTM(3, 4)), "wrap a cell in Recurrent"),
        (lambda: Stack(FeedForward(3, 4), FeedForward(3, 4)), "layer 1 of the stack reads 3"),
        (lambda: Stack(FeedForward(3, 4), dropout=1.0), "dropout is 1.0"),
        (lambda: SkipStack(FeedForward(3, 4), FeedForward(4, 4)), "expected 7"),
        (lambda: Residual(FeedForward(3, 4)), "widths 3 and 4"),
        (lambda: both("concatenate"), "did you mean 'concat'"),
        (lambda: Bidirectional(Recurrent(GRU(3, 4)), Recurrent(GRU(3, 4))), "reverse=True"),
        (
            lambda: Bidirectional(Recurrent(GRU(3, 4)), Recurrent(GRU(3, 5), reverse=True), "sum"),
            "found 4 and 5",
        ),
        (lambda: latency(0, 1), "chunk is 0"),
        (lambda: latency(1, 0), "2 together"),
        (lambda: Recurrent(GRU(3, 4))(torch.zeros(3)), "expected a Ragged or a tensor"),
    ],
)
def test_what_does_not_fit_is_told(make: object, message: str) -> None:
    with pytest.raises(Fault, match=message):
        make()  # type: ignore[operator]
