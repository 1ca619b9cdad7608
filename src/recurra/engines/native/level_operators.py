"""A fold as torch operators, for graphs that torch records: `torch.compile` sees one node.

As in `operators`; how the trees hang together comes in as tensors, so that a graph holds for other trees.
"""

from __future__ import annotations

import json
import weakref
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from recurra.engines.levels import FoldLoop
from recurra.engines.native.level_plan import LevelPlan, NativeFold, fold_or_refusal
from recurra.engines.native.level_run import backward, forward, fresh_of, parts_of, sides_of
from recurra.engines.native.plan import Needs
from recurra.engines.native.serial import encoded, loop_of
from recurra.errors import Fault
from recurra.program import Untraceable
from recurra.wiring import Wiring

_TEXTS: weakref.WeakKeyDictionary[FoldLoop, str] = weakref.WeakKeyDictionary()
_LOOPS: weakref.WeakValueDictionary[str, FoldLoop] = weakref.WeakValueDictionary()
"""By text: of folds that live in this process, which a graph need not have lowered again."""
_RANGES = ("reads", "own", "edge_reads", "edge_own")


def text_of(loop: FoldLoop) -> str:
    """A fold's loops as JSON. Made once."""
    if loop not in _TEXTS:
        ranges = {name: [getattr(loop, name).start, getattr(loop, name).stop] for name in _RANGES}
        edge = None if loop.edge is None else encoded(loop.edge)
        _TEXTS[loop] = json.dumps({"node": encoded(loop.node), "edge": edge, "slots": loop.slots, **ranges})
    _LOOPS[_TEXTS[loop]] = loop
    return _TEXTS[loop]


@lru_cache(maxsize=256)
def _fold_loop_of(text: str) -> FoldLoop:
    description = json.loads(text)
    reads, own, edge_reads, edge_own = (range(*description[name]) for name in _RANGES)
    edge = None if description["edge"] is None else loop_of(description["edge"])
    return FoldLoop(
        loop_of(description["node"]), reads, own, description["slots"], edge, edge_reads, edge_own
    )


def _plan(text: str) -> NativeFold:
    loop = _LOOPS.get(text)
    fold = fold_or_refusal(_fold_loop_of(text) if loop is None else loop)
    if isinstance(fold, str):
        raise Untraceable(fold)
    return fold


def _needs(
    fold: NativeFold, needs: str, counts: Sequence[int]
) -> tuple[tuple[Needs, Needs | None] | None, Sequence[bool]]:
    """Of the programs' arguments, and of what is missing."""
    if "1" not in needs:
        return None, []
    flags = parts_of([flag == "1" for flag in needs], counts)
    return fold.needs_of(flags), flags[4]


@torch.library.custom_op("recurra::fold", mutates_args=())
def fold_operator(
    program: str, needs: str, counts: Sequence[int], wiring: Sequence[Tensor], tensors: Sequence[Tensor]
) -> list[Tensor]:
    """Runs a fold: the outputs of the node's step, then what its backward run needs.

    Args:
        program: see `text_of`.
        needs: one `0` or `1` for each of the tensors: whether its gradient will be wanted; empty: none.
        counts: how many of the tensors are the node's inputs, its fixed values, those of the edge; the rest
            is what is in empty slots.
        wiring: see `Wiring.tensors`.
    """
    fold = _plan(program)
    of_programs, _ = _needs(fold, needs, counts)
    trees = Wiring.of(wiring, fold.slots)
    if not trees.nodes:
        return _empty(program, needs, counts, wiring, tensors)
    sides = forward(fold, of_programs, trees, *parts_of(tensors, counts))
    return fresh_of(fold, *sides)


@fold_operator.register_fake
def _(
    program: str, needs: str, counts: Sequence[int], wiring: Sequence[Tensor], tensors: Sequence[Tensor]
) -> list[Tensor]:
    return _empty(program, needs, counts, wiring, tensors)


def _empty(
    program: str, needs: str, counts: Sequence[int], wiring: Sequence[Tensor], tensors: Sequence[Tensor]
) -> list[Tensor]:
    """What `fold_operator` gives, its numbers not set."""
    fold, like = _plan(program), tensors[-1]
    of_programs, _ = _needs(fold, needs, counts)
    nodes, edges = wiring[1].shape[0], wiring[4].shape[0]

    def of(plan: LevelPlan, own: Needs | None, count: Any) -> list[Tensor]:
        call = plan.forward(own)
        widths = [*call.outputs, *(plan.inputs[k] for k in plan.reads)]
        return [like.new_empty(count, width) for width in [*widths, *([call.width] if call.width else [])]]

    own, own_edge = (None, None) if of_programs is None else of_programs
    return of(fold.node, own, nodes) + ([] if fold.edge is None else of(fold.edge, own_edge, edges))


@torch.library.custom_op("recurra::fold_backward", mutates_args=())
def backward_operator(
    program: str,
    needs: str,
    incoming: str,
    counts: Sequence[int],
    wiring: Sequence[Tensor],
    tensors: Sequence[Tensor],
    results: Sequence[Tensor],
    gradients: Sequence[Tensor],
) -> list[Tensor]:
    """The gradients of those tensors that need one, in order.

    Args:
        incoming: one `0` or `1` for each output: whether `gradients` has one for it.
        results: all that the forward run gave.
    """
    fold = _plan(program)
    of_programs, of_missing = _needs(fold, needs, counts)
    assert of_programs is not None
    trees = Wiring.of(wiring, fold.slots)
    if not trees.nodes:
        return [torch.zeros_like(t) for t, need in zip(tensors, needs, strict=True) if need == "1"]
    groups, arriving = parts_of(tensors, counts), iter(gradients)
    into = [next(arriving) if flag == "1" else None for flag in incoming]
    side, edges = sides_of(fold, groups, fold.forward_arrays(of_programs), results)
    shares = backward(fold, of_programs, trees, side, edges, groups[4], of_missing, into)
    return [
        torch.zeros_like(t) if g is None else g.contiguous()
        for t, g, need in zip(tensors, shares, needs, strict=True)
        if need == "1"
    ]


@backward_operator.register_fake
def _(
    program: str,
    needs: str,
    incoming: str,
    counts: Sequence[int],
    wiring: Sequence[Tensor],
    tensors: Sequence[Tensor],
    results: Sequence[Tensor],
    gradients: Sequence[Tensor],
) -> list[Tensor]:
    return [
        torch.empty_like(t, memory_format=torch.contiguous_format)
        for t, need in zip(tensors, needs, strict=True)
        if need == "1"
    ]


def _setup(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    program, needs, counts, wiring, tensors = inputs
    ctx.constants = program, needs, counts
    ctx.sizes = len(wiring), len(tensors), _plan(program).results
    ctx.save_for_backward(*wiring, *tensors, *output)


def _gradients(ctx: Any, gradients: Sequence[Tensor | None]) -> Any:
    program, needs, counts = ctx.constants
    wires, arguments, outputs = ctx.sizes
    saved = ctx.saved_tensors  # once: a checkpoint of torch's gives them once
    wiring, tensors, results = (
        saved[:wires],
        saved[wires : wires + arguments],
        saved[wires + arguments :],
    )
    gradients = gradients[:outputs]
    incoming = "".join("01"[g is not None] for g in gradients)
    shares = iter(
        torch.ops.recurra.fold_backward(
            program,
            needs,
            incoming,
            counts,
            list(wiring),
            list(tensors),
            list(results),
            [g for g in gradients if g is not None],
        )
    )
    return (
        None,
        None,
        None,
        [None] * wires,
        [next(shares) if flag == "1" else None for flag in needs],
    )


fold_operator.register_autograd(_gradients, setup_context=_setup)


@fold_operator.register_vmap
def _(info: Any, in_dims: Any, *args: Any) -> Any:
    raise Fault(
        "torch.vmap can't run over a recorded native fold: set RECURRA_ENGINE=eager, or batch the trees"
    )
