"""Which module of a model a watched run was a part of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from recurra.cells.base import Cell
from recurra.loop.watch import RunNorms, Watch


@contextmanager
def named_runs(model: nn.Module, watch: Watch) -> Iterator[list[tuple[str, RunNorms]]]:
    """Within it, the runs that `watch` records are given names, in the order in which they ran.

    A name is the place in the model of the module whose cell ran, with the layer in it where it has several
    (`lstm l1_reverse`), and which run of it where it ran before (`rnn run 2`); that of the cell's class where
    no module has it. Runs without a state of real numbers are left out.
    """
    owners: dict[int, str] = {}

    def owned(name: str) -> Any:
        def name_runs(module: nn.Module, inputs: Any, output: Any) -> None:
            new = [run for run in watch.runs if id(run) not in owners]
            for number, run in enumerate(new):
                owners[id(run)] = f"{name or type(module).__name__}{_layer_within(module, number)}"

        return name_runs

    hooks = [
        module.register_forward_hook(owned(name))
        for name, module in model.named_modules()
        if not isinstance(module, Cell)
        and (isinstance(module, nn.RNNBase) or any(isinstance(part, Cell) for part in module.children()))
    ]
    runs: list[tuple[str, RunNorms]] = []
    try:
        yield runs
    finally:
        for hook in hooks:
            hook.remove()
        counts: dict[str, int] = {}
        for run in watch.runs:
            if run.leaf_names:
                name = owners.get(id(run), type(run.cell).__name__)
                counts[name] = counts.get(name, 0) + 1
                runs.append((f"{name} run {counts[name]}" if counts[name] > 1 else name, run))


def _layer_within(module: nn.Module, number: int) -> str:
    """Of a module like torch's, which of its layers a run was: as torch names their weights."""
    if not isinstance(module, nn.RNNBase) or (module.num_layers == 1 and not module.bidirectional):
        return ""
    layer, backward = divmod(number, 2) if module.bidirectional else (number, 0)
    return f" l{layer}{'_reverse' if backward else ''}"
