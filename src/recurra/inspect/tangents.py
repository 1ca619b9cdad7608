"""A step's derivative at given states, row by row, without its matrix, and its largest factors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

import recurra.cells  # noqa: F401
from recurra.cells.base import Cell
from recurra.inspect.visits import Walk
from recurra.state import flat_rows, named_leaves, replace_leaves
from recurra.tracing.side_effects import unmarked

Map = Callable[[Tensor], Tensor]
"""Row by row linear: `[R, D] -> [R, D]`."""


class Tangent:
    """J = d next state / d state of one step at R states, one matrix `[D, D]` a row, never made.

    Where the state starts afresh before the step, J is 0.
    D numbers are the leaves that a step changes, flat and side by side. `pull` is a backward pass. `push` is
    a backward pass through that one, which is linear in what it is given: so it does what forward mode does,
    for every step that can be differentiated twice, those with a derivative of their own included.

    Args:
        walk: a run, for its cell and the names of its leaves.
        places: `[R]` int64: where in the run.
    """

    def __init__(self, walk: Walk, places: Tensor) -> None:
        leaves = {name: leaf[places] for name, leaf in named_leaves(walk.states).items()}
        self._shapes = [leaves[name].shape for name in walk.moving]
        self._widths = list(walk.moving.values())
        flags = walk.visit.flags
        self._fresh = None if flags is None else flags[places].unsqueeze(1)
        with torch.enable_grad(), unmarked(walk.cell):
            self._inputs = [leaves[name].detach().clone().requires_grad_() for name in walk.moving]
            state = replace_leaves(walk.states, leaves | dict(zip(walk.moving, self._inputs, strict=True)))
            next_leaves = named_leaves(_step(walk.cell, walk.x[places], state))
            self._outputs = [next_leaves[name] for name in walk.moving]
            self._gradients: list[Tensor | None] | None = None
            self._probes: list[Tensor] = []

    def pull(self, v: Tensor) -> Tensor:
        """`J^T v`, `[R, D]`."""
        parts = self._parts(v)
        real = [(out, part) for out, part in zip(self._outputs, parts, strict=True) if out.requires_grad]
        if not real:
            return torch.zeros_like(v)
        outputs, cotangents = zip(*real, strict=True)
        gradients = torch.autograd.grad(
            outputs, self._inputs, cotangents, retain_graph=True, allow_unused=True
        )
        return self._cut(self._flat(gradients))

    def push(self, u: Tensor) -> Tensor:
        """`J u`, `[R, D]`."""
        if self._gradients is None:
            self._record()
        parts = self._parts(self._cut(u))
        assert self._gradients is not None
        real = [(g, part) for g, part in zip(self._gradients, parts, strict=True) if g is not None]
        if not real:
            return torch.zeros_like(u)
        gradients, tangents = zip(*real, strict=True)
        pushed = torch.autograd.grad(gradients, self._probes, tangents, retain_graph=True, allow_unused=True)
        return self._flat(pushed)

    def _cut(self, v: Tensor) -> Tensor:
        return v if self._fresh is None else v.masked_fill(self._fresh, 0.0)

    def _record(self) -> None:
        with torch.enable_grad():
            # linear in them: the point does not matter, but at zero some derivatives divide by it
            self._probes = [torch.ones_like(out, requires_grad=True) for out in self._outputs]
            real = [(out, p) for out, p in zip(self._outputs, self._probes, strict=True) if out.requires_grad]
            self._gradients = [None] * len(self._inputs)
            if real:
                outputs, probes = zip(*real, strict=True)
                gradients = torch.autograd.grad(
                    outputs, self._inputs, probes, create_graph=True, allow_unused=True
                )
                self._gradients = [g if g is not None and g.requires_grad else None for g in gradients]

    def _parts(self, v: Tensor) -> list[Tensor]:
        shaped = zip(torch.split(v, self._widths, 1), self._shapes, strict=True)
        return [part.reshape(shape) for part, shape in shaped]

    def _flat(self, parts: Sequence[Tensor | None]) -> Tensor:
        rows = self._shapes[0][0]
        like = self._inputs[0]
        pairs = zip(parts, self._widths, strict=True)
        return torch.cat([like.new_zeros(rows, w) if p is None else flat_rows(p) for p, w in pairs], 1)


def _step(cell: Cell, x: Tensor, state: object) -> object:
    _, next_state = cell.step(x, state)
    return next_state


def width_of(walk: Walk) -> int:
    """D: real numbers that one row hands on."""
    return sum(walk.moving.values())


def spread(count: int, most: int) -> Tensor:
    """At most so many of `count` places, evenly."""
    if count <= most:
        return torch.arange(count)
    return torch.linspace(0, count - 1, most).round().long()


def random_rows(walk: Walk, rows: int) -> Tensor:
    """`[rows, D]` of length 1, the same for the same run."""
    generator = torch.Generator().manual_seed(0)
    random = torch.randn(rows, width_of(walk), generator=generator, dtype=torch.float64)
    return _unit(random).to(walk.x)


def largest_singular(push: Map, pull: Map, u: Tensor, rounds: int, tolerance: float = 1e-5) -> Tensor:
    """The largest singular value of each row's matrix, `[R]`: power iteration on `J^T J` from u `[R, D]`.

    It comes from below, and ends where no row grows by more than the tolerance, or after so many rounds.
    """
    value = u.new_zeros(len(u))
    for _ in range(rounds):
        forth = push(u)
        length = forth.norm(dim=1)
        back = pull(_unit(forth))
        previous, value = value, torch.maximum(length, back.norm(dim=1))
        u = _unit(back)
        if bool(((value - previous).abs() <= tolerance * value).all()):
            break
    return value


def spectral_radius(push: Map, u: Tensor, burn_in: int = 30, space: int = 40) -> Tensor:
    """The largest size of an eigenvalue of each row's matrix, real or one of a pair, `[R]`.

    After some rounds of power iteration from u `[R, D]`, the eigenvalues of the matrix within a Krylov space
    (Arnoldi, 1951): exact where D is at most `space`, else from below.
    """
    rows, width = u.shape
    for _ in range(burn_in if width > space else 0):
        u = _unit(push(u), u)
    size = min(space, width)
    basis, small = [_unit(u)], u.new_zeros(rows, size, size)
    for k in range(size):
        vector = push(basis[k])
        scale = vector.norm(dim=1, keepdim=True)
        for _ in range(2):  # once more: what rounding leaves of the other directions
            for j in range(k + 1):
                part = (basis[j] * vector).sum(1, keepdim=True)
                small[:, j, k] += part[:, 0]
                vector = vector - part * basis[j]
        length = vector.norm(dim=1, keepdim=True)
        alive = length > 1e-12 * scale.clamp_min(torch.finfo(u.dtype).tiny)
        if k + 1 < size:
            # a space that is closed is gone on from a fresh direction, whose column stands apart
            fresh = _fresh(basis, k)
            small[:, k + 1, k] = torch.where(alive, length, torch.zeros_like(length))[:, 0]
            basis.append(torch.where(alive, vector / length.clamp_min(1e-300), fresh))
    eigenvalues: Tensor = torch.linalg.eigvals(small.double())
    return eigenvalues.abs().amax(1).to(u.dtype)


def _fresh(basis: list[Tensor], seed: int) -> Tensor:
    """`[R, D]` of length 1 across all of the basis; zeros where there is no room."""
    generator = torch.Generator().manual_seed(seed + 1)
    random = torch.randn(basis[0].shape, generator=generator, dtype=torch.float64).to(basis[0])
    for _ in range(2):
        for other in basis:
            random = random - (other * random).sum(1, keepdim=True) * other
    return _unit(random)


def _unit(rows: Tensor, instead: Tensor | None = None) -> Tensor:
    """Rows of length 1; of a row of zeros zeros, or another row."""
    length = rows.norm(dim=1, keepdim=True)
    unit = rows / torch.where(length > 0, length, torch.ones_like(length))
    return unit if instead is None else torch.where(length > 0, unit, instead)
