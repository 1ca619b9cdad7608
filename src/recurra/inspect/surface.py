"""The error surface of a model on a plane through its weights: plains, walls, and the way of a training."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import nn

from recurra.errors import Fault
from recurra.inspect import thresholds
from recurra.inspect.finding import Finding, gravest_first, percent, verdict
from recurra.inspect.planes import Loss, Plane, inner, loss_and_gradient, norm, random_plane
from recurra.inspect.surface_file import Grids, SurfaceFile
from recurra.inspect.surface_pictures import pictures

MOST_POINTS = 501
"""Of one side of a grid."""

_SAVED_EVERY = 10.0  # seconds
_TIMED = 3  # points that the estimate of the time is taken from

Grid = NDArray[np.float64]
Progress = Callable[[int, int], None]


class Wall(NamedTuple):
    """Where the loss jumps within one update.

    Attributes:
        a, b: between the two points of the grid.
        height: by how much the loss changes within one typical update, at least.
    """

    a: float
    b: float
    height: float


@dataclass(frozen=True)
class Surface:
    """Loss and norm of its gradient on a grid.

    Attributes:
        plane: where the grid lies.
        a, b: `[P]`, the coordinates of its points, across and up.
        loss: `[P, P]`, up first; not finite where the loss is not.
        gradient: `[P, P]`, the norm of the gradient by all weights.
        slopes: `[2, P, P]`, the derivative of the loss by a and by b.
        update: length of a typical update in the space of weights.
        centre_loss: the loss at a = b = 0.
    """

    plane: Plane
    a: Grid
    b: Grid
    loss: Grid
    gradient: Grid
    slopes: Grid
    update: float
    centre_loss: float

    @property
    def title(self) -> str:
        return f"Error surface along {self.plane.name}"

    def jumps(self) -> list[Wall]:
        """By how much the loss changes within one typical update, from every point across and up.

        Between two points of the grid that lie further apart than an update, an update can make the whole
        difference where the gradient is steep enough for it, and its share of the way otherwise: a bound from
        below, as what lies between the points is not seen.
        """
        steps = self.update / self.plane.across.length, self.update / self.plane.up.length
        up = _jumps(self.loss.T, self.slopes[1].T, self.b, self.a, steps[1])
        return [
            *_jumps(self.loss, self.slopes[0], self.a, self.b, steps[0]),
            *(Wall(a, b, height) for b, a, height in up),
        ]

    def walls(self) -> list[Wall]:
        """The jumps that are walls, highest first."""
        jumps = [jump for jump in self.jumps() if np.isfinite(jump.height)]
        finite = self.loss[np.isfinite(self.loss)]
        if not jumps or not len(finite):
            return []
        least = max(
            thresholds.WALL_SHARE * float(finite.max() - finite.min()),
            thresholds.WALL_RATIO * float(np.median([jump.height for jump in jumps])),
        )
        return sorted(
            (jump for jump in jumps if jump.height > 0 and jump.height >= least), key=lambda w: -w.height
        )

    @property
    def plain(self) -> float:
        """Share of the points where hardly any gradient is left."""
        steepest = max(self.gradient[np.isfinite(self.gradient)].tolist(), default=0.0)
        return float(np.mean(self.gradient < thresholds.PLAIN_GRADIENT * steepest)) if steepest > 0 else 1.0

    def findings(self) -> list[Finding]:
        finite = np.isfinite(self.loss)
        if not finite.any():
            text = "The loss is not finite anywhere on the slice: take a smaller span, or lower the weights."
            return [Finding("surface", "warning", text, {"finite": 0.0})]
        walls, plain = self.walls(), self.plain
        findings = []
        if walls:
            findings.append(self._wall(walls))
        if not finite.all():
            share = 1 - float(finite.mean())
            text = f"At {percent(share)} of the points the loss is not finite: an update there is lost."
            findings.append(Finding("surface", "warning", text, {"not_finite": share}))
        if plain > thresholds.PLAIN_SHARE:
            text = (
                f"{percent(plain)} of the slice is a flat plain: the gradient there is below "
                f"{percent(thresholds.PLAIN_GRADIENT)} of the steepest, so plain descent hardly moves; a "
                "rate for each weight (Adam, RMSProp) or another start helps."
            )
            findings.append(Finding("surface", "note", text, {"plain": plain}))
        if not findings:
            highest = max(jump.height for jump in self.jumps())
            text = (
                f"The surface is smooth: within one update of length {self.update:.3g} the loss changes by "
                f"{highest:.3g} at most, on a slice where it goes from {self.loss.min():.3g} to "
                f"{self.loss.max():.3g}."
            )
            findings.append(Finding("surface", "healthy", text, {"jump": highest, "plain": plain}))
        return gravest_first(findings)

    def to_dict(self) -> dict[str, Any]:
        return {
            "plane": self.plane.name,
            "note": self.plane.note,
            "across": self.plane.across.name,
            "up": self.plane.up.name,
            "a": self.a.tolist(),
            "b": self.b.tolist(),
            "loss": _plain(self.loss),
            "gradient": _plain(self.gradient),
            "path": [list(point) for point in self.plane.path],
            "update": self.update,
            "centre_loss": self.centre_loss if np.isfinite(self.centre_loss) else None,
            "walls": [wall._asdict() for wall in self.walls()],
            "plain": self.plain,
            "findings": [vars(finding) for finding in self.findings()],
        }

    def pictures(self, dark: bool = False) -> list[tuple[str, bytes]]:
        return pictures(self, dark)

    def __str__(self) -> str:
        note = f"\n{self.plane.note}" if self.plane.note else ""
        return f"{verdict(self.findings())}{note}"

    def _wall(self, walls: list[Wall]) -> Finding:
        wall, middle = walls[0], float(np.median([jump.height for jump in self.jumps()]))
        finite = self.gradient[np.isfinite(self.gradient)]
        clip = float(np.quantile(finite, 1 - thresholds.CLIPPED_SHARE))
        text = (
            f"There is a wall at ({wall.a:.3g}, {wall.b:.3g}): within one update of length {self.update:.3g} "
            f"the loss jumps by at least {wall.height:.3g} (the median point's changes by {middle:.2g}), so "
            f"one step can throw the weights far away: clip the gradient's norm at {clip:.2g}, which touches "
            f"{percent(thresholds.CLIPPED_SHARE)} of this slice."
        )
        numbers = {"a": wall.a, "b": wall.b, "height": wall.height, "median": middle, "clip": clip}
        return Finding("surface", "warning", text, numbers)


def surface(
    model: nn.Module,
    x: Any,
    loss: Loss,
    *,
    plane: Plane | None = None,
    points: int = 25,
    update: float | None = None,
    seed: int = 0,
    file: str | Path | None = None,
    progress: Progress | None = None,
    minutes: float = 60.0,
) -> Surface:
    """The loss and the norm of its gradient on a plane through a model's weights.

    Point after point, each on the fastest engine there is. (All points in one call of `torch.vmap`, which
    runs the plain loop, was measured against this: 25 points of a vanilla network of 16 units took 0.6 of the
    time, but those of an LSTM or GRU of 16 to 64 units 1.7 to 4 times the time, and 25 times the memory.)
    The model is lent the weights and never changed; it is in the mode that it is in, and what it draws at
    random is the same at every point.

    Args:
        model: any torch module.
        x: what the loss is taken on.
        loss: `loss(model, x)` -> a tensor of one number, or of one a row, which are summed.
        plane: as `random_plane` (the default), `gradient_plane` or `path_plane` lays it.
        points: of the grid, a side.
        update: length of a typical update in the space of weights (rate times gradient's norm, for plain
            descent); None: `thresholds.TYPICAL_UPDATE` of the weights' norm.
        seed: of what is drawn at random, the default plane's directions too.
        file: what has been computed is kept there every ten seconds and at an interrupt, and taken up from
            there by the next call.
        progress: called with the points computed and all points, after each.
        minutes: a grid that would take longer is refused, after its first points.

    Raises:
        Fault: a loss that is no number or depends on no weight; a batch or grid too large; a file of another
            surface.
    """
    if not 3 <= points <= MOST_POINTS:
        raise Fault(f"points = {points}: expected 3 to {MOST_POINTS} a side of the grid")
    plane = random_plane(model, seed=seed) if plane is None else plane
    if not isinstance(plane, Plane):
        raise Fault(f"plane is {type(plane).__name__}, expected what random_plane or the like gives")
    extra = sorted(plane.centre.keys() - dict(model.named_parameters()).keys())
    if extra:
        raise Fault(f"the plane has a weight {extra[0]!r} that the model lacks: lay it through this model")
    if update is None:
        extent = plane.across.length * (plane.across.high - plane.across.low)
        update = thresholds.TYPICAL_UPDATE * (norm(plane.centre) or extent)
    if not 0 < update < float("inf"):
        raise Fault(f"update = {update}: expected the length of an update, above 0")
    a = np.linspace(plane.across.low, plane.across.high, points)
    b = np.linspace(plane.up.low, plane.up.high, points)
    centre_loss, _ = loss_and_gradient(model, x, loss, plane.centre, seed)
    store = SurfaceFile(file, plane, points, centre_loss)
    grids = store.read()
    measure = _Measure(model, x, loss, plane, seed)
    try:
        _fill(measure, (a, b), grids, store, progress, minutes)
    finally:
        store.write(grids)
    return Surface(plane, a, b, grids.loss, grids.gradient, grids.slopes, update, centre_loss)


class _Measure(NamedTuple):
    """What is measured at each point."""

    model: nn.Module
    x: Any
    loss: Loss
    plane: Plane
    seed: int

    def at(self, a: float, b: float) -> tuple[float, float, tuple[float, float]]:
        """Loss, norm of the gradient, and the derivative by a and by b."""
        weights = self.plane.weights(a, b)
        value, gradient = loss_and_gradient(self.model, self.x, self.loss, weights, self.seed)
        slopes = (inner(gradient, axis.direction) for axis in (self.plane.across, self.plane.up))
        return value, norm(gradient), (next(slopes), next(slopes))


def _fill(
    measure: _Measure,
    axes: tuple[Grid, Grid],
    grids: Grids,
    store: SurfaceFile,
    progress: Progress | None,
    minutes: float,
) -> None:
    places = np.argwhere(~grids.mask)
    start = last = time.monotonic()
    for number, (row, column) in enumerate(places):
        value, length, slopes = measure.at(float(axes[0][column]), float(axes[1][row]))
        grids.loss[row, column], grids.gradient[row, column] = value, length
        grids.slopes[:, row, column] = slopes
        grids.mask[row, column] = True
        now = time.monotonic()
        if number + 1 == _TIMED:
            _require_time((now - start) / _TIMED, len(places), minutes)
        if now - last > _SAVED_EVERY:
            store.write(grids)
            last = now
        if progress is not None:
            progress(int(grids.mask.sum()), grids.mask.size)


def _require_time(seconds: float, points: int, minutes: float) -> None:
    if seconds * points > 60 * minutes:
        raise Fault(
            f"a surface too large: {points:,} points of {seconds:.2g} s take {seconds * points / 60:,.0f} "
            f"minutes, the limit is {minutes:g}: take fewer points or rows, or raise minutes"
        )


def _jumps(loss: Grid, slope: Grid, a: Grid, b: Grid, update: float) -> list[Wall]:
    """Jumps along a, the last axis of the grids; the update is in units of a."""
    spacing = float(a[1] - a[0])
    cells = max(1, min(len(a) - 1, int(update / spacing)))
    with np.errstate(invalid="ignore"):
        height = np.zeros((len(b), len(a) - 1))
        for lag in range(1, cells + 1):
            height[:, : len(a) - lag] = np.fmax(
                height[:, : len(a) - lag], np.abs(loss[:, lag:] - loss[:, :-lag])
            )
        if update < spacing:
            share = height * (update / spacing)
            steep = np.fmax(np.abs(slope[:, 1:]), np.abs(slope[:, :-1])) * update
            height = np.fmin(height, np.fmax(share, steep))
    middle = (a[1:] + a[:-1]) / 2
    return [
        Wall(float(middle[column]), float(b[row]), float(height[row, column]))
        for row in range(len(b))
        for column in range(len(a) - 1)
    ]


def _plain(grid: Grid) -> list[list[float | None]]:
    return [[value if np.isfinite(value) else None for value in row] for row in grid.tolist()]
