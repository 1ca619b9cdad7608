"""Back-propagation through time in less memory: the state is kept every so many steps, and what the backward
pass needs besides is computed again, one segment after the other (Chen et al., 2016).

What runs a segment, and what it keeps for its backward pass, is gone before the next one runs: the parts
before and after the loop are included.
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
from recurra.loop.run import Ready, run_ready
from recurra.program.ops import SOURCES
from recurra.state import named_leaves, replace_leaves


class Segment(NamedTuple):
    """Some steps of packed rows: their places in the data, and their batch sizes."""

    places: slice
    sizes: Sequence[int]


def segments(batch_sizes: Sequence[int], every: int, reverse: bool) -> list[Segment]:
    """Segments of `every` steps (the one at the end of time may be shorter), in the order of the run."""
    made, place = [], 0
    for first in range(0, len(batch_sizes), every):
        sizes = batch_sizes[first : first + every]
        made.append(Segment(slice(place, place + sum(sizes)), sizes))
        place += sum(sizes)
    return made[::-1] if reverse else made


def require_every(every: int | None) -> None:
    """Fault unless it is a number of steps, or None."""
    if every is not None and (isinstance(every, bool) or not isinstance(every, int) or every < 1):
        raise Fault(f"checkpoint_every is {every!r}, expected a number of steps of at least 1, or None")


def autocast_now(device: str) -> AbstractContextManager[None]:
    """Autocast as it is now, without its store of cast weights: a segment's belong to its own graph."""
    if not torch.amp.is_autocast_available(device):
        return nullcontext()
    kind, on = torch.get_autocast_dtype(device), torch.is_autocast_enabled(device)
    return torch.autocast(device, dtype=kind, enabled=on, cache_enabled=False)


def random_state(like: Tensor) -> tuple[Tensor, Tensor | None]:
    """Of the generator on the CPU, and of that on `like`'s device."""
    return torch.get_rng_state(), torch.cuda.get_rng_state(like.device) if like.is_cuda else None


@contextmanager
def drawing(state: tuple[Tensor, Tensor | None] | None, like: Tensor) -> Iterator[None]:
    """Random numbers as they were drawn from this state on; outside, none seem drawn."""
    if state is None:
        yield
        return
    with torch.random.fork_rng(devices=[like.device] if like.is_cuda else []):
        torch.set_rng_state(state[0])
        if state[1] is not None:
            torch.cuda.set_rng_state(state[1], like.device)
        yield


def run_checkpointed(
    ready: Ready,
    x: Tensor,
    flags: Tensor | None,
    states: Sequence[Tensor],
    batch_sizes: Sequence[int],
    reverse: bool,
    every: int,
) -> tuple[Tensor, list[Tensor]]:
    """As `run_ready`, segment by segment. What the program draws at random is drawn alike in backward."""
    program, values = ready.program, ready.program.values
    read = {arg for n in program.live if not values[n].fixed for arg in values[n].args}
    read |= {program.y, *program.next_states.values()}
    numbers = [n for n in sorted(read) if values[n].fixed]
    fixed = [ready.fixed[n] for n in numbers]
    tensors = (x, *states, *fixed)
    wanted = torch.is_grad_enabled() and any(t.requires_grad for t in tensors)
    # an exported graph has no backward pass of its own
    if not batch_sizes or not wanted or torch.compiler.is_compiling():
        return run_ready(ready, x, flags, states, batch_sizes, reverse)
    if transformed():
        raise Fault(
            "checkpoint_every: transforms of torch.func and forward-mode gradients follow a whole run alone; "
            "leave it out"
        )
    run = _Run(ready, numbers, flags, batch_sizes, reverse, every, len(states), autocast_now(x.device.type))
    y, *final = _Checkpointed.apply(run, *tensors)  # type: ignore[no-untyped-call]
    return y, final


class _Run(NamedTuple):
    """All of a run but its tensors: x, states, fixed values by their `numbers`."""

    ready: Ready
    numbers: Sequence[int]
    flags: Tensor | None
    batch_sizes: Sequence[int]
    reverse: bool
    every: int
    states: int
    autocast: AbstractContextManager[None]

    @property
    def parts(self) -> list[Segment]:
        return segments(self.batch_sizes, self.every, self.reverse)

    @property
    def draws(self) -> bool:
        """Whether the program draws random numbers."""
        return any(value.op in SOURCES and value.op != "fill" for value in self.ready.program.values)

    def of(self, part: Segment, x: Tensor, states: Sequence[Tensor], fixed: Sequence[Tensor]) -> list[Tensor]:
        """y and the states after a segment, from x's rows of it."""
        flags = None if self.flags is None else self.flags[part.places]
        ready = self.ready._replace(fixed=dict(zip(self.numbers, fixed, strict=True)))
        y, after = run_ready(ready, x, flags, states, part.sizes, self.reverse)
        return [y, *after]


class _Checkpointed(torch.autograd.Function):
    """A run in segments; arguments: the run, then x, states, fixed values."""

    @staticmethod
    def forward(ctx: Any, run: _Run, *tensors: Tensor) -> Any:
        x, fixed = tensors[0], tensors[1 + run.states :]
        states: Sequence[Tensor] = tensors[1 : 1 + run.states]
        # in arrays of their own, made first: small ones among large ones would keep the allocator from
        # giving memory back
        borders = [state.new_empty(len(run.parts), *state.shape) for state in states]
        ctx.run, ctx.random, ctx.given = run, [], len(tensors)
        whole: Tensor | None = None
        with run.autocast:
            for k, part in enumerate(run.parts):
                for border, state in zip(borders, states, strict=True):
                    border[k] = state
                ctx.random.append(random_state(x) if run.draws else None)
                y, *states = run.of(part, x[part.places], states, fixed)
                if whole is None:
                    whole = y.new_empty(len(x), y.shape[1])
                whole[part.places] = y
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors, *borders)
        return (whole, *states)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        run: _Run = ctx.run
        tensors, borders = ctx.saved_tensors[: ctx.given], ctx.saved_tensors[ctx.given :]
        needs: Sequence[bool] = ctx.needs_input_grad[1:]
        if torch.is_grad_enabled():
            return (None, *_differentiable(run, tensors, needs, gradients, ctx.random))
        x, fixed = tensors[0], _leaves(tensors[1 + run.states :], needs[1 + run.states :])
        into, *after = gradients
        given_x = torch.zeros_like(x) if needs[0] else None
        given_fixed = [torch.zeros_like(t) if t.requires_grad else None for t in fixed]
        for k, part in reversed(list(enumerate(run.parts))):
            (piece,) = _leaves([x[part.places]], needs[:1])
            states = _leaves([border[k] for border in borders], [True] * run.states)
            with torch.enable_grad(), run.autocast, drawing(ctx.random[k], x):
                made = run.of(part, piece, states, fixed)
            arrived = [None if into is None else into[part.places], *after]
            shares = _gradients(made, arrived, [piece, *states, *fixed])
            if given_x is not None and shares[0] is not None:
                given_x[part.places] = shares[0]
            after = shares[1 : 1 + run.states]
            for held, share in zip(given_fixed, shares[1 + run.states :], strict=True):
                if held is not None and share is not None:
                    held += share
        return (None, given_x, *after, *given_fixed)


def _differentiable(
    run: _Run,
    tensors: Sequence[Tensor],
    needs: Sequence[bool],
    gradients: Sequence[Tensor | None],
    random: Any,
) -> list[Tensor | None]:
    """Gradients that can be differentiated again: they keep the whole run."""
    x, fixed = tensors[0], tensors[1 + run.states :]
    states: Sequence[Tensor] = tensors[1 : 1 + run.states]
    made: list[Tensor] = []
    for state, part in zip(random, run.parts, strict=True):
        with run.autocast, drawing(state, x):
            y, *states = run.of(part, x[part.places], states, fixed)
        made.append(y)
    ordered = made[::-1] if run.reverse else made
    wanted = [t for t, need in zip(tensors, needs, strict=True) if need]
    found = iter(_gradients([torch.cat(ordered), *states], gradients, wanted, again=True))
    return [next(found) if need else None for need in needs]


def _gradients(
    made: Sequence[Tensor], arrived: Sequence[Tensor | None], wanted: Sequence[Tensor], again: bool = False
) -> list[Tensor | None]:
    """Of what was made, by each of what is wanted; None where none reaches."""
    reached = [(out, g) for out, g in zip(made, arrived, strict=True) if g is not None and out.requires_grad]
    asked = [t for t in wanted if t.requires_grad]
    if not reached or not asked:
        return [None] * len(wanted)
    outs, given = zip(*reached, strict=True)
    found = iter(torch.autograd.grad(outs, asked, given, create_graph=again, allow_unused=True))
    return [next(found) if t.requires_grad else None for t in wanted]


def _leaves(tensors: Sequence[Tensor], needs: Sequence[bool]) -> list[Tensor]:
    return [t.detach().requires_grad_(need) for t, need in zip(tensors, needs, strict=True)]


def run_opaque_checkpointed(
    run: Callable[[Segment, Any], tuple[list[Tensor], Any]],
    state: Any,
    batch_sizes: Sequence[int],
    reverse: bool,
    every: int,
) -> tuple[list[Tensor], Any]:
    """As `run_opaque`; torch's own checkpoint runs the segments again, as it sees all that a step reads.

    Args:
        run: `(segment, state) -> (y of each of its steps, state)`.
    """
    made: list[Tensor] = []
    for part in segments(batch_sizes, every, reverse):
        names = list(named_leaves(state))

        def once(*leaves: Tensor, part: Segment = part, held: Any = state) -> tuple[Tensor, ...]:
            given = replace_leaves(held, dict(zip(named_leaves(held), leaves, strict=True)))
            steps, after = run(part, given)
            return (torch.cat(steps), *named_leaves(after).values())

        y, *after = checkpoint(once, *named_leaves(state).values(), use_reentrant=False)
        state = replace_leaves(state, dict(zip(names, after, strict=True)))
        made.append(y)
    return made[::-1] if reverse else made, state
