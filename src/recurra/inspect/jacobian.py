"""Why a gradient vanishes or explodes: the derivative of a step by the state before it, and its products."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from recurra.inspect.finding import Finding, LayerInspection, percent
from recurra.inspect.step_values import recurrent_weights, step_values
from recurra.inspect.style import colours, grid, legend, picture, png
from recurra.inspect.tangents import Tangent, largest_singular, random_rows, spectral_radius, spread
from recurra.inspect.thresholds import PRODUCT_GROWTH, REACH_SHARE
from recurra.inspect.visits import Call, Walk, walks


@dataclass(frozen=True)
class LayerJacobian:
    """J = d state after a step / d state before it, of one run over time.

    Attributes:
        title: the layer and its cell.
        steps: of the longest row.
        rows, width: how many rows have a step, and real numbers that a row's state hands on: J is
            `[width, width]`.
        step: `[P]`: which step of the run each of P places is.
        singular: `[P]`: J's largest singular value there: by how much the best direction grows.
        radius: `[P]`: J's spectral radius.
        products: k -> `[W]`: the largest singular value of the product of k steps, over W windows of rows.
        weights: name of a recurrent weight -> its spectral radius.
        carries: leaves that their next value takes over without a weight between (an LSTM's c).
    """

    title: str
    steps: int
    rows: int
    width: int
    step: Tensor
    singular: Tensor
    radius: Tensor
    products: dict[int, Tensor]
    weights: dict[str, float]
    carries: tuple[str, ...]

    @property
    def reach(self) -> float | None:
        """Steps until the median product is below `REACH_SHARE`; None: it is not within the rows."""
        points = [(0, 1.0), *((k, float(values.median())) for k, values in self.products.items())]
        for (start, high), (end, low) in pairwise(points):
            if low < REACH_SHARE:
                if low <= 0:
                    return float(end)
                slope = math.log(low / high) / (end - start)
                return start + math.log(REACH_SHARE / high) / slope
        return None

    def findings(self) -> list[Finding]:
        """One sentence, and its numbers."""
        last = max(self.products)
        growth = float(self.products[last].median())
        numbers = {
            "layer": self.title,
            "singular": float(self.singular.median()),
            "radius": float(self.radius.median()),
            "reach": self.reach,
            "product": _number(growth),
            "product_steps": last,
        }
        one = f"one step's Jacobian has largest singular value {_text(self.singular.median())}"
        one += f", spectral radius {_text(self.radius.median())}"
        if self.weights:
            name, radius = max(self.weights.items(), key=lambda pair: pair[1])
            one += f"; {name} itself {_text(radius)}"
        if growth > PRODUCT_GROWTH or not math.isfinite(growth):
            text = (
                f"{self.title}: over {last} steps the best direction of the state grows {_text(growth)}-fold "
                f"({one}): clip gradients, and start recurrent weights smaller or orthogonal"
            )
            return [Finding("exploding", "warning", text, numbers)]
        if self.reach is not None:
            text = (
                f"{self.title}: after {self.reach:.0f} of {self.steps} steps even the best direction of the "
                f"state has fallen to {percent(REACH_SHARE)} ({one}): {self._cure()}"
            )
            return [Finding("vanishing", "warning", text, numbers)]
        text = f"{self.title}: over {last} steps the best direction of the state is multiplied by "
        text += f"{_text(growth)} ({one})"
        return [Finding("gradient", "healthy", text, numbers)]

    def _cure(self) -> str:
        if self.carries:
            return f"gates that keep {' and '.join(self.carries)} longer (a higher bias) reach further"
        return "orthogonal recurrent weights, an LSTM with forget bias 1 or a GRU reach further"

    def to_dict(self) -> dict[str, Any]:
        """Everything that was measured."""
        return {
            "layer": self.title,
            "steps": self.steps,
            "width": self.width,
            "step": self.step.tolist(),
            "singular": _list(self.singular),
            "radius": _list(self.radius),
            "products": {str(k): _list(values) for k, values in self.products.items()},
            "weights": self.weights,
            "reach": self.reach,
        }


@dataclass(frozen=True)
class JacobianInspection(LayerInspection[LayerJacobian]):
    """What `jacobian` measured of each layer."""

    title: str = "The step's Jacobian"

    def pictures(self, dark: bool = False) -> list[tuple[str, bytes]]:
        """For each layer, products over k steps, and every step's own numbers."""
        return [each for layer in self.layers for each in _pictures(layer, dark)]


def jacobian(
    model: nn.Module,
    x: Any,
    state: Any = None,
    *,
    call: Call | None = None,
    places: int = 128,
    windows: int = 16,
    longest: int | None = None,
) -> JacobianInspection:
    """The step's Jacobian at states that real input leads to, out of training, in double where a cell can be.

    Pascanu et al. (2013): the gradient over k steps is multiplied by a product of k such matrices, so it
    vanishes where their largest singular value stays below 1. No matrix is made: J u and J^T v come from
    torch's backward pass, singular values from power iteration on J^T J, spectral radii from Arnoldi's. Both
    come from below.

    Args:
        model: a cell, a layer, or any torch module that holds some.
        x: what it reads: of a cell or layer a Ragged or `[B, T, input_size]`.
        state: what the first step starts from, of a cell or a layer.
        call: `(model, x)`: how to run it (a loss will do); None: `model(x)`.
        places: how many steps of all rows are looked at, spread evenly.
        windows: over how many stretches of rows each product is taken, spread evenly.
        longest: of the products, in steps; None: the longest row.

    Raises:
        Fault: no recurrent layer ran, none hands a real number on, or a state is not finite.
    """
    return JacobianInspection(
        tuple(_layer(walk, places, windows, longest) for walk in walks(model, x, state, call))
    )


def _layer(walk: Walk, places: int, windows: int, longest: int | None) -> LayerJacobian:
    rows = walk.visit.rows
    some = spread(len(walk.x), places)
    tangent, start = Tangent(walk, some), random_rows(walk, len(some))
    singular = largest_singular(tangent.push, tangent.pull, start, rounds=100)
    radius = spectral_radius(tangent.push, start)
    most = min(rows.steps, longest or rows.steps)
    products = {2**e: product(walk, 2**e, windows) for e in range(most.bit_length()) if 2**e <= most}
    values = step_values(walk)
    weights, carries = {}, tuple[str, ...]()
    if values is not None:
        square = recurrent_weights(values)
        weights = {name: float(torch.linalg.eigvals(w.double()).abs().max()) for name, w in square}
        carries = tuple(values.carries())
    width = sum(walk.moving.values())
    count = rows.batch_sizes[0]
    step = rows.step_of[some]
    return LayerJacobian(
        walk.title, rows.steps, count, width, step, singular, radius, products, weights, carries
    )


def product(walk: Walk, steps: int, windows: int) -> Tensor:
    """`[W]`: largest singular values of the product of so many steps."""
    rows = walk.visit.rows
    offsets = torch.tensor(rows.offsets, device=walk.x.device)
    left = rows.packed_lengths.to(walk.x.device)[rows.row_of] - rows.step_of
    first = (left >= steps).nonzero()[:, 0]
    first = first[spread(len(first), windows)]
    row, step = rows.row_of[first], rows.step_of[first]
    chain = [Tangent(walk, offsets[step + k] + row) for k in range(steps)]

    def push(u: Tensor) -> Tensor:
        for tangent in chain:
            u = tangent.push(u)
        return u

    def pull(v: Tensor) -> Tensor:
        for tangent in reversed(chain):
            v = tangent.pull(v)
        return v

    return largest_singular(push, pull, random_rows(walk, len(first)), rounds=30, tolerance=1e-3)


def _pictures(layer: LayerJacobian, dark: bool) -> list[tuple[str, bytes]]:
    tint = colours(dark)
    figure, axes = picture(
        7, 4, dark, "length of the product, k (steps)", "largest singular value\n(factor over k steps)"
    )
    ks = list(layer.products)
    quantiles = torch.tensor([0.05, 0.5, 0.95], dtype=torch.float64)
    bands = [
        torch.quantile(_finite(values).double(), quantiles).tolist() for values in layer.products.values()
    ]
    low, median, high = zip(*bands, strict=True)
    floor = 1e-12
    axes.fill_between(ks, _above(low, floor), _above(high, floor), color=tint.blue, alpha=0.25, linewidth=0)
    axes.plot(ks, _above(median, floor), color=tint.blue, marker="o", markersize=4, label="median of windows")
    axes.axhline(1.0, color=tint.ink, linewidth=0.8)
    axes.axhline(REACH_SHARE, color=tint.red, linestyle="--", linewidth=1, label=percent(REACH_SHARE))
    axes.set_xscale("log", base=2)
    axes.set_xticks(ks, [str(k) for k in ks])
    axes.set_yscale("log")
    axes.set_title(layer.title, color=tint.ink)
    grid(axes, dark)
    legend(axes, dark)
    first = (
        f"{layer.title}: largest singular value of the product of k steps, 5th to 95th percentile",
        png(figure),
    )

    figure, axes = picture(7, 4, dark, "step of the row", "factor per step")
    for name, values, colour in (
        ("largest singular value", layer.singular, tint.blue),
        ("spectral radius", layer.radius, tint.amber),
    ):
        axes.plot(layer.step.tolist(), values.tolist(), ".", color=colour, label=name, alpha=0.7)
    if layer.weights:
        name, radius = max(layer.weights.items(), key=lambda pair: pair[1])
        axes.axhline(radius, color=tint.red, linestyle="--", linewidth=1, label=f"spectral radius of {name}")
    axes.axhline(1.0, color=tint.ink, linewidth=0.8)
    axes.set_ylim(bottom=0)
    axes.set_title(layer.title, color=tint.ink)
    grid(axes, dark)
    legend(axes, dark, fontsize=8)
    return [first, (f"{layer.title}: the Jacobian of single steps", png(figure))]


def _finite(values: Tensor) -> Tensor:
    return torch.nan_to_num(values, posinf=1e300)


def _above(values: Any, floor: float) -> list[float]:
    return [max(value, floor) for value in values]


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _list(values: Tensor) -> list[float | None]:
    return [_number(value) for value in values.tolist()]


def _text(value: Any) -> str:
    number = float(value)
    return f"{number:,.0f}" if 100 <= number < 1e7 else f"{number:.2g}"
