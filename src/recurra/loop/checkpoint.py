"""Back-propagation through time in less memory: the state is kept every so many steps, and what the backward
pass needs besides is computed again, one segment after the other (Chen et al., 2016).

A segment runs all of a step, the parts before and after the loop included, and what it leaves for its
backward pass is gone before the next one runs: memory beyond y grows with the length of a segment, not with
the time. A program's segments are one node of autograd, written here; those of an opaque step are torch's
own checkpoints, which see all that such a step reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from recurra.engines import transformed
from recurra.errors import Fault
from recurra.loop.run import Ready, Run, run_ready
from recurra.loop.watch import Recorder
from recurra.program.autograd import gradients_of
from recurra.program.ops import SOURCES
from recurra.state import named_leaves, replace_leaves


def require_every(every: int | None) -> None:
    """Fault unless it is a number of steps, or None."""
    if every is not None and (isinstance(every, bool) or not isinstance(every, int) or every < 1):
        raise Fault(f"checkpoint_every is {every!r}, expected a number of steps of at least 1, or None")


# segments


class Segment(NamedTuple):
    """Some steps of a run: their places in its data, their batch sizes, and what the run has there of flags
    and norms.
    """

    places: slice
    batch_sizes: Sequence[int]
    flags: Tensor | None
    norms: Recorder | None


def segments(run: Run, every: int) -> list[Segment]:
    """Segments of `every` steps (the one at the end of time may be shorter), in the order of the run."""
    parts, start = [], 0
    for first in range(0, len(run.batch_sizes), every):
        sizes = run.batch_sizes[first : first + every]
        places = slice(start, start + sum(sizes))
        flags = None if run.flags is None else run.flags[places]
        norms = None if run.norms is None else run.norms.part(places.start, sizes)
        parts.append(Segment(places, sizes, flags, norms))
        start = places.stop
    return parts[::-1] if run.reverse else parts


# a program

_Random = tuple[Tensor, Tensor | None]
"""State of the generator on the CPU, and of that on the GPU, where the tensors are there."""


def run_checkpointed(ready: Ready, run: Run, states: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """As `run_ready`, in segments of `run.every` steps. What is drawn at random is drawn alike in backward.

    Raises:
        Fault: within a transform of torch.func, or where forward-mode gradients are asked for.
    """
    program, values = ready.program, ready.program.values
    inputs = {arg for n in program.live if not values[n].fixed for arg in values[n].args}
    inputs |= {program.y, *program.next_states.values()}
    numbers = [n for n in sorted(inputs) if values[n].fixed]
    tensors = (run.x, *states, *(ready.fixed[n] for n in numbers))
    needs_grad = torch.is_grad_enabled() and any(t.requires_grad for t in tensors)
    # an exported graph has no backward pass of its own
    if run.every is None or not run.batch_sizes or not needs_grad or torch.compiler.is_compiling():
        return run_ready(ready, run, states)
    if transformed():
        raise Fault(
            "checkpoint_every: transforms of torch.func and forward-mode gradients follow a whole run alone; "
            "leave it out"
        )
    autocast = _autocast_of(run.x.device.type)
    frame = _Frame(ready, numbers, segments(run, run.every), run.reverse, len(states), autocast)
    y, *final = _Checkpointed.apply(frame, *tensors)  # type: ignore[no-untyped-call]
    return y, final


class _Frame(NamedTuple):
    """All of a run but the tensors that gradients are for: x, states, and the fixed values called `numbers`.

    Autograd keeps those, and this beside them.
    """

    ready: Ready
    numbers: Sequence[int]
    segments: Sequence[Segment]
    reverse: bool
    states: int
    autocast: AbstractContextManager[None]

    @property
    def draws(self) -> bool:
        """Whether the program draws random numbers."""
        return any(value.op in SOURCES and value.op != "fill" for value in self.ready.program.values)

    def of(self, part: Segment, x: Tensor, states: Sequence[Tensor], fixed: Sequence[Tensor]) -> list[Tensor]:
        """y and the states after a segment, from x's rows of it."""
        ready = self.ready._replace(fixed=dict(zip(self.numbers, fixed, strict=True)))
        norms = part.norms if torch.is_grad_enabled() else None
        run = Run(x, part.batch_sizes, self.reverse, part.flags, norms=norms)
        y, next_states = run_ready(ready, run, states)
        return [y, *next_states]


class _Checkpointed(torch.autograd.Function):
    """A run in segments; arguments: its frame, then x, states, fixed values."""

    @staticmethod
    def forward(ctx: Any, frame: _Frame, *tensors: Tensor) -> Any:
        x, fixed = tensors[0], tensors[1 + frame.states :]
        states: Sequence[Tensor] = tensors[1 : 1 + frame.states]
        # in arrays of their own, made first: small ones among large ones would keep the allocator from
        # giving memory back
        borders = [state.new_empty(len(frame.segments), *state.shape) for state in states]
        ctx.frame, ctx.random, ctx.inputs = frame, [], len(tensors)
        whole: Tensor | None = None
        with frame.autocast:
            for k, part in enumerate(frame.segments):
                for border, state in zip(borders, states, strict=True):
                    border[k] = state
                ctx.random.append(_random_state(x) if frame.draws else None)
                y, *states = frame.of(part, x[part.places], states, fixed)
                if whole is None:
                    whole = y.new_empty(len(x), y.shape[1])
                whole[part.places] = y
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors, *borders)
        return (whole, *states)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor | None) -> Any:
        frame: _Frame = ctx.frame
        saved_tensors = ctx.saved_tensors  # once: a checkpoint of torch's gives them once
        tensors, borders = saved_tensors[: ctx.inputs], saved_tensors[ctx.inputs :]
        needs: Sequence[bool] = ctx.needs_input_grad[1:]
        if torch.is_grad_enabled():
            return (None, *_differentiable(frame, tensors, needs, cotangents, ctx.random))
        x, fixed = tensors[0], _leaves(tensors[1 + frame.states :], needs[1 + frame.states :])
        y_grad, *state_grads = cotangents
        x_grad = torch.zeros_like(x) if needs[0] else None
        fixed_grads = [torch.zeros_like(t) if t.requires_grad else None for t in fixed]
        for k, part in reversed(list(enumerate(frame.segments))):
            (piece,) = _leaves([x[part.places]], needs[:1])
            states = _leaves([border[k] for border in borders], [True] * frame.states)
            with torch.enable_grad(), frame.autocast, _drawing(ctx.random[k], x):
                outputs = frame.of(part, piece, states, fixed)
            arrived = [None if y_grad is None else y_grad[part.places], *state_grads]
            # a state that came out of one type is the next segment's of another under autocast
            arrived = [g if g is None else g.to(out.dtype) for g, out in zip(arrived, outputs, strict=True)]
            shares = gradients_of(outputs, arrived, [piece, *states, *fixed])
            if x_grad is not None and shares[0] is not None:
                x_grad[part.places] = shares[0]
            state_grads = shares[1 : 1 + frame.states]
            for total, share in zip(fixed_grads, shares[1 + frame.states :], strict=True):
                if total is not None and share is not None:
                    total += share
        return (None, x_grad, *state_grads, *fixed_grads)


def _differentiable(
    frame: _Frame,
    tensors: Sequence[Tensor],
    needs: Sequence[bool],
    cotangents: Sequence[Tensor | None],
    random: Sequence[_Random | None],
) -> list[Tensor | None]:
    """Gradients that can be differentiated again: they keep the whole run."""
    x, fixed = tensors[0], tensors[1 + frame.states :]
    states: Sequence[Tensor] = tensors[1 : 1 + frame.states]
    pieces: list[Tensor] = []
    for generator, part in zip(random, frame.segments, strict=True):
        with frame.autocast, _drawing(generator, x):
            y, *states = frame.of(part, x[part.places], states, fixed)
        pieces.append(y)
    outputs = [torch.cat(pieces[::-1] if frame.reverse else pieces), *states]
    inputs = [t for t, need in zip(tensors, needs, strict=True) if need]
    shares = iter(gradients_of(outputs, cotangents, inputs, create_graph=True))
    return [next(shares) if need else None for need in needs]


def _leaves(tensors: Sequence[Tensor], needs: Sequence[bool]) -> list[Tensor]:
    return [t.detach().requires_grad_(need) for t, need in zip(tensors, needs, strict=True)]


def _autocast_of(device: str) -> AbstractContextManager[None]:
    """Autocast as it is now, without its store of cast weights: a segment's belong to its own graph."""
    if not torch.amp.is_autocast_available(device):
        return nullcontext()
    kind, on = torch.get_autocast_dtype(device), torch.is_autocast_enabled(device)
    return torch.autocast(device, dtype=kind, enabled=on, cache_enabled=False)


def _random_state(like: Tensor) -> _Random:
    return torch.get_rng_state(), torch.cuda.get_rng_state(like.device) if like.is_cuda else None


@contextmanager
def _drawing(random: _Random | None, like: Tensor) -> Iterator[None]:
    """Random numbers as they were drawn from this state on; outside, none seem drawn."""
    if random is None:
        yield
        return
    with torch.random.fork_rng(devices=[like.device] if like.is_cuda else []):
        torch.set_rng_state(random[0])
        if random[1] is not None:
            torch.cuda.set_rng_state(random[1], like.device)
        yield


# an opaque step


def checkpoint_opaque(
    loop: Callable[[Run, Any], tuple[list[Tensor], Any]], run: Run, every: int, state: Any
) -> tuple[list[Tensor], Any]:
    """The loop around a step that has no program, in segments of `every` steps.

    Args:
        loop: `(run, state) -> (y of each of its steps, the state after them)`.
        state: a tree with leaves `[B, ...]`, in packed order.

    Returns:
        y of each segment in the order of time, and the state after the last one.
    """
    pieces: list[Tensor] = []
    for part in segments(run, every):

        def piece(*leaves: Tensor, part: Segment = part, tree: Any = state) -> tuple[Tensor, ...]:
            tree = replace_leaves(tree, dict(zip(named_leaves(tree), leaves, strict=True)))
            steps = Run(run.x[part.places], part.batch_sizes, run.reverse, part.flags, norms=part.norms)
            outputs, next_state = loop(steps, tree)
            return (torch.cat(outputs), *named_leaves(next_state).values())

        y, *leaves = checkpoint(piece, *named_leaves(state).values(), use_reentrant=False)
        state = replace_leaves(state, dict(zip(named_leaves(state), leaves, strict=True)))
        pieces.append(y)
    return pieces[::-1] if run.reverse else pieces, state
