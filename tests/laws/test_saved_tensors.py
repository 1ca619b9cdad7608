"""What autograd saves for the backward pass may be put away, computed anew, or asked for twice: whatever of
torch's stands around a run, its gradients are those of the plain run.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import graph
from torch.utils.checkpoint import checkpoint

import recurra.nn
from recurra import cells
from recurra.layers import Bidirectional, Recurrent, Stack
from recurra.ragged import Ragged
from tests.laws.test_ragged_alone import assert_alike

Run = Callable[[Tensor], Tensor]

LAYERS: dict[str, Callable[[], nn.Module]] = {
    "lstm": lambda: Recurrent(cells.LSTM(3, 4)),
    "layer norm": lambda: Recurrent(cells.LayerNormGRU(3, 4)),
    "jordan": lambda: Recurrent(cells.Jordan(3, 4, output_size=2)),
    "checkpoint_every": lambda: Recurrent(cells.LSTM(3, 4), checkpoint_every=2),
    "both directions": lambda: Stack(
        Bidirectional(Recurrent(cells.GRU(3, 4)), Recurrent(cells.GRU(3, 4), reverse=True)),
        Recurrent(cells.VanillaRNN(8, 4), checkpoint_every=3),
    ),
    "drop-in": lambda: recurra.nn.LSTM(3, 4, num_layers=2, batch_first=True),
}


def _detour(run: Run, x: Tensor) -> Tensor:
    """Saved tensors leave the memory that they lay in, and come back with other strides."""

    def pack(t: Tensor) -> tuple[Tensor, tuple[int, ...]]:
        return t.detach().clone().reshape(-1), tuple(t.shape)

    def unpack(saved: tuple[Tensor, tuple[int, ...]]) -> Tensor:
        t = saved[0].reshape(saved[1])
        return t.t().contiguous().t() if t.dim() == 2 else t

    with graph.saved_tensors_hooks(pack, unpack):
        return run(x)


def _on_cpu(run: Run, x: Tensor) -> Tensor:
    with graph.save_on_cpu():
        return run(x)


def _nested(run: Run, x: Tensor) -> Tensor:
    def inner(x: Tensor) -> Tensor:
        return checkpoint(run, x, use_reentrant=False)

    return checkpoint(inner, x, use_reentrant=False)


AROUND: dict[str, Callable[[Run, Tensor], Tensor]] = {
    "checkpoint": lambda run, x: checkpoint(run, x, use_reentrant=False),
    "checkpoint to its end": lambda run, x: checkpoint(run, x, use_reentrant=False, early_stop=False),
    "reentrant checkpoint": lambda run, x: checkpoint(run, x, use_reentrant=True),
    "checkpoint in a checkpoint": _nested,
    "checkpoint of no gradient for x": lambda run, x: checkpoint(run, x.detach(), use_reentrant=False),
    "hooks": _detour,
    "save_on_cpu": _on_cpu,
    "hooks in a checkpoint": lambda run, x: checkpoint(partial(_detour, run), x, use_reentrant=False),
}


def gradients(y: Tensor, inputs: list[Tensor], **options: Any) -> list[Tensor]:
    shares = torch.autograd.grad(y.square().sum(), inputs, allow_unused=True, **options)
    return [torch.zeros_like(t) if share is None else share for t, share in zip(inputs, shares, strict=True)]


def layer_and_input(name: str) -> tuple[nn.Module, Tensor]:
    torch.manual_seed(0)
    return LAYERS[name]().double(), torch.randn(2, 5, 3, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("name", LAYERS)
def test_gradients_are_those_of_the_plain_run(name: str, around: str, engine: str) -> None:
    """Of a layer that was never run before, too: what is done once (tracing) is no part of what is saved."""
    layer, x = layer_and_input(name)
    inputs = [x, *layer.parameters()]
    y = AROUND[around](lambda x: layer(x)[0], x)
    for parameter in layer.parameters():
        parameter.grad = None
    x.grad = None
    y.square().sum().backward()  # autograd.grad can't follow a reentrant checkpoint
    shares = [torch.zeros_like(t) if t.grad is None else t.grad for t in inputs]
    expected = gradients(layer(x)[0], inputs)
    if around == "checkpoint of no gradient for x":
        expected[0] = torch.zeros_like(x)
    assert_alike(shares, expected)


@pytest.mark.parametrize("name", LAYERS)
def test_twice_over_a_graph_that_is_retained_and_never_over_one_that_is_gone(name: str, engine: str) -> None:
    layer, x = layer_and_input(name)
    inputs = [x, *layer.parameters()]
    y = layer(x)[0]
    first = gradients(y, inputs, retain_graph=True)
    assert_alike(gradients(y, inputs), first)
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        gradients(y, inputs)


@pytest.mark.parametrize("name", LAYERS)
def test_by_some_inputs_alone(name: str, engine: str) -> None:
    layer, x = layer_and_input(name)
    inputs = [x, *layer.parameters()]
    every = gradients(layer(x)[0], inputs)
    for k in range(len(inputs)):
        assert_alike(gradients(layer(x)[0], inputs[k : k + 1]), every[k : k + 1])
        for j, parameter in enumerate(layer.parameters()):
            parameter.requires_grad_(j == k)
        chosen = inputs[k : k + 1] if k == 0 or inputs[k].requires_grad else [x]
        assert_alike(gradients(layer(x)[0], chosen), [every[0] if t is x else every[k] for t in chosen])
        layer.requires_grad_(True)


@pytest.mark.parametrize("around", ["checkpoint", "hooks", "save_on_cpu"])
@pytest.mark.parametrize("name", ["lstm", "checkpoint_every", "drop-in"])
def test_gradients_of_gradients(name: str, around: str, engine: str) -> None:
    layer, x = layer_and_input(name)

    def second(y: Tensor) -> Tensor:
        (first,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
        return torch.autograd.grad(first.square().sum(), x)[0]

    expected = second(layer(x)[0])
    assert_alike(second(AROUND[around](lambda x: layer(x)[0], x)), expected)


def test_a_gradient_that_is_sparse() -> None:
    pytest.importorskip("recurra.engines.native.engine", reason="the native library is not built")
    layer, x = layer_and_input("lstm")
    y = layer(Ragged(x.reshape(10, 3), (2,) * 5))[0].data
    cotangent = torch.zeros_like(y)
    cotangent[3] = 1
    (expected,) = torch.autograd.grad(y, x, cotangent, retain_graph=True)
    (share,) = torch.autograd.grad(y, x, cotangent.to_sparse())
    assert_alike(share, expected)
