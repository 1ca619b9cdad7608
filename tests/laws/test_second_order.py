"""Gradients of gradients take the plain loop, and say so; truncated back-propagation ends where it is cut."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from recurra import scan, strict
from recurra.errors import Fault
from recurra.explanation import explain
from recurra.state import detach
from tests.laws.loops import assert_same
from tests.laws.table import REGISTERED, build, features


def second(y: Tensor, x: Tensor) -> Tensor:
    (first,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
    return torch.autograd.grad(first.square().sum(), x)[0]


def test_gradients_of_gradients_are_said_to_run_eagerly(engine: str) -> None:
    cell = build("gru")
    x = torch.stack(features(4, 4)).requires_grad_()
    assert ("gradients of gradients: eager engine" in str(explain(cell))) == (engine == "native")
    assert second(scan(cell, x)[0], x).isfinite().all()


def test_strict_refuses_them_as_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("recurra.engines.native.engine", reason="the native library is not built")
    monkeypatch.delenv("RECURRA_ENGINE", raising=False)
    cell = build("gru")
    x = torch.stack(features(4, 4)).requires_grad_()
    y, _ = scan(cell, x, strict=True)
    torch.autograd.grad(y.sum(), x, retain_graph=True)
    with pytest.raises(Fault, match="gradients of gradients follow the plain loop"):
        second(y, x)
    z, _ = scan(cell, x)
    with strict(), pytest.raises(Fault, match="gradients of gradients follow the plain loop"):
        second(z, x)


@pytest.mark.parametrize("name", REGISTERED)
def test_truncated_back_propagation(name: str, engine: str) -> None:
    """Segments with the state carried over, detached: a step's loss reaches its own segment alone."""
    cell = build(name)
    x = torch.stack(features(6, 6, 6)).requires_grad_()
    made: list[Tensor] = []
    wanted: list[Tensor] = []
    carried = by_step = cell.initial_state(3)
    for first in (0, 2, 5):
        piece = x[:, first : first + {0: 2, 2: 3, 5: 1}[first]]
        y, carried = scan(cell, piece, detach(carried))
        made.append(y)
        by_step = detach(by_step)
        for step in piece.unbind(1):
            out, by_step = cell.step(step, by_step)
            wanted.append(out)
    whole = list(torch.cat(made, 1)), carried
    assert_same(whole, (list(torch.stack(wanted, 1)), by_step), [x, *cell.parameters()])
