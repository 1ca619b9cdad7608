"""On an NVIDIA GPU every cell, layer and model gives what it gives on the CPU, gradients included."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from recurra import scan
from recurra.ragged import Ragged
from recurra.state import map_state, named_leaves
from tests.laws.loops import assert_same, random_state
from tests.laws.table import CELLS, build, features
from tests.laws.table_modules import MODULES, build_module

pytestmark = pytest.mark.gpu

LENGTHS = (2, 0, 5, 1, 5, 3)
TOLERANCES = {
    "mixed precision": {"rtol": 0.05, "atol": 0.05},  # of bfloat16, whose step is 0.4 %
    "parametrised": {"rtol": 1e-5, "atol": 1e-6},  # torch's weight_norm rounds to float32 there
}


def moved(tree: Any, device: str) -> Any:
    """A copy of a tree of tensors on the device, of its own in the graph."""
    if isinstance(tree, Tensor):
        return tree.detach().to(device).requires_grad_(tree.requires_grad)
    return type(tree)(moved(part, device) for part in tree)


def tensors(tree: Any) -> list[Tensor]:
    """The tensors of a tree, in order, on the CPU."""
    if isinstance(tree, Tensor):
        return [tree.cpu()]
    parts = tree.values() if isinstance(tree, dict) else tree
    return [tensor for part in parts for tensor in tensors(part)]


@pytest.mark.parametrize("way", ["forward", "reverse resets"])
@pytest.mark.parametrize("name", [name for name in CELLS if name != "plain tensor"])  # that stays where it is
def test_cells(name: str, way: str) -> None:
    cell = build(name)
    rows = [row.requires_grad_() for row in features(*LENGTHS, size=cell.input_size)]
    state = random_state(cell, len(rows))
    flags = [torch.rand(len(row)) < 0.4 for row in rows]
    found = []
    for device in ("cpu", "cuda"):
        cell.to(device)
        here = [moved(row, device) for row in rows]
        held = map_state(lambda leaf, device=device: moved(leaf, device), state)
        resets = Ragged.from_list([flag.to(device) for flag in flags]) if "resets" in way else None
        y, final = scan(cell, Ragged.from_list(here), held, reverse="reverse" in way, resets=resets)
        assert y.data.device.type == device
        inputs = [*here, *named_leaves(held).values(), *cell.parameters()]
        made = [*y.to_list(), *named_leaves(final).values()]
        total = sum(tensor.sum() * (k + 1) for k, tensor in enumerate(made))
        wanted = [tensor for tensor in inputs if tensor.requires_grad]
        grads = torch.autograd.grad(total, wanted, allow_unused=True, materialize_grads=True)
        found.append(([tensor.cpu() for tensor in (*made, *grads)], {}))
    assert_same(*found, **TOLERANCES.get(name, {}))


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", MODULES)
def test_modules(name: str, training: bool) -> None:
    """In training where noise is drawn the two differ, so that there only what is run through counts."""
    example = MODULES[name]
    rows = example.rows(*LENGTHS)
    found = []
    for device in ("cpu", "cuda"):
        module = build_module(name).to(device).train(training)
        made = tensors(example.run(module, moved(rows, device)))
        total = sum(tensor.double().sum() for tensor in made if tensor.is_floating_point())
        learnt = [p for p in module.parameters() if p.requires_grad]
        grads = []
        if learnt and isinstance(total, Tensor) and total.requires_grad:
            grads = torch.autograd.grad(total, learnt, allow_unused=True, materialize_grads=True)
        found.append([tensor.detach().cpu() for tensor in (*made, *grads)])
    assert all(tensor.isfinite().all() for tensor in found[1])
    if not training:
        torch.testing.assert_close(found[0], found[1], rtol=1e-9, atol=1e-10)
