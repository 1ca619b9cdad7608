"""Fed piece by piece, however it is cut, a causal cell, layer or model gives what it gives for the whole."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from recurra import scan
from recurra.errors import Fault
from recurra.ragged import Ragged
from recurra.state import map_state, named_leaves
from recurra.streaming.stream import Stream
from tests.laws.table import CELLS, build, features
from tests.laws.table_modules import MODULES, build_module, over
from tests.laws.test_ragged_alone import assert_alike

STREAMED = [
    name
    for name, example in MODULES.items()
    if example.run is over and hasattr(example.build(), "initial_state")
]
CUTS = ([7], [1] * 7, [3, 1, 3], [0, 5, 0, 2])


@pytest.mark.parametrize("name", CELLS)
def test_cells_step_by_step(name: str, engine: str) -> None:
    cell = build(name)
    x = torch.stack(features(5, 5, size=cell.input_size))
    with torch.no_grad():
        whole, final = scan(cell, x)
        state = cell.initial_state(2)
        for t in range(5):
            y, state = cell.step(x[:, t], state)
            assert_alike(y, whole[:, t])
        assert_alike(named_leaves(state), named_leaves(final))


@pytest.mark.parametrize("name", CELLS)
def test_cells_cut_anywhere(name: str, engine: str) -> None:
    cell = build(name)
    x = torch.stack(features(7, 7, size=cell.input_size))
    with torch.no_grad():
        whole, final = scan(cell, x)
        for cut in CUTS:
            made, state = [], None
            for piece in x.split(cut, 1):
                y, state = scan(cell, piece, state)
                made.append(y)
            assert_alike(torch.cat(made, 1), whole)
            assert_alike(named_leaves(state), named_leaves(final))


@pytest.mark.parametrize("name", STREAMED)
def test_layers_and_models(name: str, engine: str) -> None:
    module = build_module(name)
    rows = MODULES[name].rows(7, 7)
    if not getattr(module, "causal", False) and not getattr(module, "delay", None):
        with pytest.raises(Fault, match="whole row"):
            Stream(module, 2)
        return
    x = torch.stack(list(rows))
    with torch.no_grad():
        answer, _ = module(Ragged.from_list(rows))
    for cut in CUTS:
        if 0 in cut and not hasattr(module, "feed"):
            continue  # a model that has a step alone gives nothing for no step
        stream = Stream(module, 2)
        made = [stream.feed(piece) for piece in x.split(cut, 1)]
        rest = stream.finish()
        streamed = torch.cat([*made, rest] if rest is not None else made, 1)
        if isinstance(answer, Ragged):
            assert_alike(list(streamed), answer.to_list())
        else:  # one answer a row: the last
            assert_alike(streamed[:, -1], answer)


@pytest.mark.parametrize(
    "name", ["lstm", "elman order 2", "zoneout", "outward", "matrix state", "whole numbers"]
)
def test_states_move_between_streams(name: str) -> None:
    cell = build(name)
    x = torch.stack(features(6, 6, 6))
    with torch.no_grad():
        _, half = scan(cell, x[:, :3])
        swapped = map_state(lambda leaf: leaf[[2, 0]], half)
        y, _ = scan(cell, x[[2, 0], 3:], swapped)
        assert_alike(y, scan(cell, x)[0][[2, 0], 3:])


def test_a_reset_begins_a_row_anew(engine: str) -> None:
    for name in ("lstm", "outward", "learnt start", "data-dependent"):
        cell = build(name)
        first, second = features(3, 4)
        joined = torch.cat([first, second]).unsqueeze(0)
        flags = torch.zeros(1, 7, dtype=torch.bool)
        flags[0, 3] = True
        y, _ = scan(cell, joined, resets=flags)
        assert_alike(y[0, 3:], scan(cell, second.unsqueeze(0))[0][0])


def test_what_belongs_to_a_run_outlives_resets(engine: str) -> None:
    cell = build("zoneout of dropout").train()
    flags = torch.ones(2, 5, dtype=torch.bool)

    def masks(state: Any) -> dict[str, Tensor]:
        return {name: leaf for name, leaf in named_leaves(state).items() if name.startswith("masks")}

    torch.manual_seed(0)
    _, plain = scan(cell, torch.stack(features(5, 5)))
    torch.manual_seed(0)
    _, reset = scan(cell, torch.stack(features(5, 5)), resets=flags)
    assert_alike(masks(reset), masks(plain))
    assert not all((mask == 1).all() for mask in masks(reset).values())
