"""What runs where, and why: every recurrent layer of a model, in words."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

import recurra.cells
import recurra.loop  # noqa: F401
import recurra.nn as dropin
from recurra.cells.base import Cell
from recurra.cells.tree import TreeCell
from recurra.errors import Fault
from recurra.loop.fold_run import fold_engine_for
from recurra.loop.plan import plan_of
from recurra.loop.run import engine_for
from recurra.loop.tree_plan import tree_plan_of
from recurra.program import Program

_PARTS = ("before", "inside", "after")


@dataclass(frozen=True)
class LayerReport:
    """One recurrent layer.

    Attributes:
        name: its place in the model; empty for the model itself.
        cell: class of the cell (`Zoneout(LSTM)` for one around another), and its widths (`LSTM 64 -> 128`).
        engine: `native`, `eager`, ...; `step` for the plain loop around a step that has no program; `torch`
            for a layer of torch's own.
        refusals: for each faster engine, why it does not run this layer.
        reason: why the step has no program, or the layer is not Recurra's; empty otherwise.
        shares: of one step's arithmetic, by part: `before` the loop over time (one pass over all of it),
            `inside` it and `after` it; empty without a program.
        products: matrix products of one step by part, as `[in, out]`.
        padding: share of the arithmetic that is spent on padding.
        loop: what the loop goes over: `time`, or the `levels` of trees.
        precision: type of the weights; with what products are rounded to, where that is less.
        device: where the weights are.
    """

    name: str
    cell: str
    engine: str
    refusals: dict[str, str]
    reason: str
    shares: dict[str, float]
    products: dict[str, list[list[int]]]
    padding: float
    precision: str
    device: str
    loop: str = "time"

    @property
    def fastest(self) -> bool:
        """Whether no faster path exists."""
        return not self.refusals and not self.reason

    def lines(self) -> Iterator[str]:
        """The report as text."""
        yield f"{self.name or 'model'}: {self.cell}, {self.engine}, {self.precision} on {self.device}"
        if self.engine == "torch":
            yield f"  {self.reason}"
            return
        if self.shares:
            parts = []
            for part in _PARTS:
                shapes = " ".join(f"{rows}x{columns}" for rows, columns in self.products[part])
                parts.append(f"{self.shares[part]:.0%} {part}{f' ({shapes})' if shapes else ''}")
            yield f"  arithmetic relative to the loop over {self.loop}: {', '.join(parts)}"
        else:
            yield f"  nothing leaves the loop, and each step runs by itself in Python: {self.reason}"
        for engine, why in self.refusals.items():
            yield f"  not {engine}: {why}"
        if self.engine == "native":
            yield "  gradients of gradients: eager engine"
        yield f"  padding: {'none is computed' if not self.padding else f'{self.padding:.0%}'}"


@dataclass(frozen=True)
class Explanation:
    """The report on a model; its text is for people.

    Attributes:
        layers: the recurrent ones.
        notes: what other parts of the model say of where they run (a method `explain_lines` of theirs).
    """

    layers: tuple[LayerReport, ...]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.layers:
            return "no recurrent layer"
        return "\n".join([*(line for layer in self.layers for line in layer.lines()), *self.notes])

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "layers": [{**asdict(layer), "fastest": layer.fastest} for layer in self.layers],
            "notes": list(self.notes),
        }


def explain(model: nn.Module, strict: bool = False) -> Explanation:
    """Every recurrent layer of a model as it is now (its mode, type and device), and what runs it.

    Args:
        model: a cell, a layer, a model, or any torch module that holds some.
        strict: a Fault when a layer is not on the fastest path there is.

    Raises:
        Fault: with strict, naming the layer, what runs it and why nothing faster does.
    """
    report = Explanation(tuple(_reports(model, "")), tuple(_notes(model)))
    slow = next((layer for layer in report.layers if not layer.fastest), None)
    if strict and slow is not None:
        reasons = [slow.reason] if slow.reason else [f"{name}: {why}" for name, why in slow.refusals.items()]
        raise Fault(
            f"{slow.name or 'model'} ({slow.cell}) is not on the fastest path, it runs on {slow.engine}: "
            f"{'; '.join(reasons)}"
        )
    return report


def _reports(module: nn.Module, name: str) -> Iterator[LayerReport]:
    if isinstance(module, Cell):
        yield of_cell(module, name.removesuffix(".cell") if name != "cell" else "")
    elif isinstance(module, TreeCell):
        yield of_tree_cell(module, name.removesuffix(".cell") if name != "cell" else "")
    elif isinstance(module, (dropin.RNN, dropin.GRU, dropin.LSTM)):
        yield from of_dropin(module, name)
    elif isinstance(module, (nn.RNNBase, nn.RNNCellBase)):
        yield _of_torch(module, name)
    else:
        for child_name, child in module.named_children():
            yield from _reports(child, f"{name}.{child_name}" if name else child_name)


def _notes(model: nn.Module) -> Iterator[str]:
    for name, part in model.named_modules():
        explain_lines = getattr(part, "explain_lines", None)
        if callable(explain_lines):
            yield from (f"{name or 'model'}: {line}" for line in explain_lines())


def of_cell(cell: Cell, name: str) -> LayerReport:
    """What runs a cell over time."""
    plan, like = plan_of(cell), cell.example()
    engine, refusals = engine_for(plan, like)
    return LayerReport(
        name,
        f"{_kind(cell)} {cell.input_size} -> {cell.output_size}",
        engine.name if engine else "step",
        refusals if engine else {},
        plan.reason,
        *_shares([plan.program] if plan.program else []),
        0.0,
        _precision(like),
        str(like.device),
    )


def of_tree_cell(cell: TreeCell, name: str) -> LayerReport:
    """What runs a cell over forests; of a cell of any arity, the work at a node and for one child."""
    plan, like = tree_plan_of(cell), cell.example()
    engine, refusals = fold_engine_for(plan, like)
    arity = "any number of children" if cell.slots is None else f"{cell.slots} children"
    return LayerReport(
        name,
        f"{type(cell).__name__} {cell.input_size} -> {cell.output_size} of {arity}",
        engine,
        refusals,
        plan.reason,
        *_shares([program for program in (plan.edge, plan.node) if program is not None]),
        0.0,
        _precision(like),
        str(like.device),
        "levels",
    )


def _kind(cell: Cell) -> str:
    """`LSTM`; `Zoneout(LSTM)` for a cell around a cell."""
    inner = getattr(cell, "cell", None)
    return f"{type(cell).__name__}({_kind(inner)})" if isinstance(inner, Cell) else type(cell).__name__


def of_dropin(module: nn.RNNBase, name: str) -> Iterator[LayerReport]:
    """One report for each layer of a drop-in; both directions are alike."""
    width = module.input_size
    for layer in range(module.num_layers):
        cell = dropin.template(module, width)
        part = f"layer {layer}, both directions" if module.bidirectional else f"layer {layer}"
        alone = module.num_layers == 1 and not module.bidirectional
        yield of_cell(cell, name if alone else f"{name} {part}".strip())
        width = (module.proj_size or module.hidden_size) * (2 if module.bidirectional else 1)


def _of_torch(module: nn.RNNBase | nn.RNNCellBase, name: str) -> LayerReport:
    like = next(module.parameters())
    kind = f"torch.nn.{type(module).__name__} {module.input_size} -> {module.hidden_size}"
    why = "torch's own loop runs it: recurra.accelerate(model) says whether it can be swapped"
    return LayerReport(name, kind, "torch", {}, why, {}, {}, 0.0, _precision(like), str(like.device))


def _shares(programs: list[Program]) -> tuple[dict[str, float], dict[str, list[list[int]]]]:
    """Of the arithmetic of some programs each part's share, and the shapes of its products."""
    if not programs:
        return {}, {}
    works = [_work(program) for program in programs]
    costs = {part: sum(work[part][0] for work in works) for part in _PARTS}
    total = sum(costs.values()) or 1
    shapes = {part: [shape for work in works for shape in work[part][1]] for part in _PARTS}
    return {part: cost / total for part, cost in costs.items()}, shapes


def _work(program: Program) -> dict[str, tuple[int, list[list[int]]]]:
    """For each part, the multiply-adds of one step (1 for each number that other operations make) and the
    shapes of its products.
    """
    work = {}
    for part in _PARTS:
        cost, shapes = 0, []
        for number in program.of_part(part):
            value = program.values[number]
            if value.op == "product":
                size = program.values[value.args[1]].shape
                shapes.append(list(size))
                cost += math.prod(size)
            elif not value.is_leaf and value.op != "slice":
                cost += value.width
        work[part] = (cost, shapes)
    return work


def _precision(like: Tensor) -> str:
    name = str(like.dtype).removeprefix("torch.")
    if like.dtype is torch.float32 and torch.get_float32_matmul_precision() != "highest":
        return f"{name}, products rounded ({torch.get_float32_matmul_precision()} precision)"
    return name
