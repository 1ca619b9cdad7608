"""By which roads a gradient goes back: within a leaf of the state, through its gates, through others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from recurra.inspect.finding import Finding, LayerInspection, percent
from recurra.inspect.step_values import step_values
from recurra.inspect.style import colours, grid, legend, picture, png
from recurra.inspect.tangents import Tangent, spread
from recurra.inspect.thresholds import REACH_SHARE
from recurra.inspect.visits import Call, Walk, walks


@dataclass(frozen=True)
class LayerRoads:
    """How much of a gradient at a row's last state arrives k steps earlier, of one run over time.

    L leaves, R rows, K the most steps back; a row without so many steps is NaN there. A factor is the root
    of the mean square over the units of the leaf where the gradient begins: a gradient of length 1 and of
    random direction comes out with about this length.

    Attributes:
        title: the layer and its cell.
        leaves: names of the state's real-valued leaves.
        blocks: `[L, L, K + 1, R]`: factor from leaf a (first) back to leaf b, by all roads.
        own: `[L, K + 1, R]`: by the road that is never in another leaf: the product of the steps' own blocks
            (of an LSTM's c: through the memory alone).
        others: `[L, K + 1, R]`: what comes back to the leaf by all other roads (of c: through h).
        gates: leaf -> `[K + 1, R]`: by the road that passes no weight, the product of the gates alone (f of
            an LSTM's c, z of a GRU's h); absent where the step has none, or no program.
    """

    title: str
    leaves: tuple[str, ...]
    blocks: Tensor
    own: Tensor
    others: Tensor
    gates: dict[str, Tensor]

    def shares(self, steps: int) -> Tensor:
        """`[L, L]`: of the squared gradient that began at leaf a, the share that is at leaf b so many steps
        earlier, over all rows; rows of the matrix sum to 1, or are 0 where nothing arrives.
        """
        squares = self.blocks[:, :, steps].square().nanmean(-1)
        total = squares.sum(1, keepdim=True)
        return torch.where(total > 0, squares / total, torch.zeros_like(squares))

    @property
    def whole(self) -> Tensor:
        """`[L, K + 1, R]`: factor from leaf a back to all leaves together."""
        return self.blocks.square().sum(1).sqrt()

    @property
    def reach(self) -> int:
        """The most steps back at which the best leaf's median factor is at least `REACH_SHARE`."""
        best = self.whole.nanmedian(-1).values.amax(0)
        far = (best >= REACH_SHARE).nonzero()
        return int(far[-1]) if len(far) else 0

    def findings(self) -> list[Finding]:
        """One sentence, and its numbers."""
        longest = self.blocks.shape[2] - 1
        reach = max(1, min(self.reach, longest))
        parts, numbers = [], dict[str, Any]()
        for index, leaf in enumerate(self.leaves):
            own, others = (_median(road[index, reach]) for road in (self.own, self.others))
            numbers[leaf] = {"own": own, "others": others}
            words = f"{leaf} alone {_text(own)}"
            if leaf in self.gates:
                numbers[leaf]["gates"] = _median(self.gates[leaf][reach])
                words += f" (its gates' product {_text(numbers[leaf]['gates'])})"
            parts.append(
                words if len(self.leaves) == 1 else f"{words}, to {leaf} by other roads {_text(others)}"
            )
        text = (
            f"{self.title}: what is left of a gradient {reach} steps back: through {'; through '.join(parts)}"
        )
        gravity = "healthy" if self.reach >= longest else "note"
        values = {"layer": self.title, "steps": reach, "reach": self.reach, "leaves": numbers}
        return [Finding("gradient", gravity, text, values)]  # type: ignore[arg-type]

    def to_dict(self) -> dict[str, Any]:
        """Medians over rows, and the shares over 1, 2, 4, ... steps."""
        ks = [2**e for e in range(self.blocks.shape[2].bit_length()) if 2**e < self.blocks.shape[2]]
        return {
            "layer": self.title,
            "leaves": list(self.leaves),
            "whole": _medians(self.whole),
            "own": _medians(self.own),
            "others": _medians(self.others),
            "gates": {leaf: road.nanmedian(-1).values.tolist() for leaf, road in self.gates.items()},
            "shares": {str(k): self.shares(k).tolist() for k in ks},
            "reach": self.reach,
        }


@dataclass(frozen=True)
class RoadsInspection(LayerInspection[LayerRoads]):
    """What `roads` measured of each layer."""

    title: str = "The roads of the gradient"

    def pictures(self, dark: bool = False) -> list[tuple[str, bytes]]:
        """For each layer every road, and the shares from leaf to leaf where it has several."""
        return [each for layer in self.layers for each in _pictures(layer, dark)]


def roads(
    model: nn.Module,
    x: Any,
    state: Any = None,
    *,
    call: Call | None = None,
    rows: int = 8,
    probes: int = 8,
    longest: int | None = None,
) -> RoadsInspection:
    """How a gradient at the last state of each row goes back, leaf by leaf, out of training.

    The LSTM's two roads (Hochreiter and Schmidhuber, 1997): through c its gradient is multiplied by the
    forget gates alone, through h by weights and slopes of squashing functions. For any cell the roads are
    those of its state's leaves. Factors come from random directions pushed back through the steps (of a leaf
    of at most `probes` units, from each unit).

    Args:
        model: a cell, a layer, or any torch module that holds some.
        x: what it reads: of a cell or layer a Ragged or `[B, T, input_size]`.
        state: what the first step starts from, of a cell or a layer.
        call: `(model, x)`: how to run it; None: `model(x)`.
        rows: how many rows are looked at, from the longest to the shortest.
        probes: directions a leaf.
        longest: how many steps back; None: to the first.

    Raises:
        Fault: no recurrent layer ran, none hands a real number on, or a state is not finite.
    """
    return RoadsInspection(
        tuple(layer_roads(walk, rows, probes, longest) for walk in walks(model, x, state, call))
    )


def layer_roads(walk: Walk, most_rows: int, most_probes: int, longest: int | None) -> LayerRoads:
    """Of one run: see `roads`."""
    rows = walk.visit.rows
    some = spread(rows.batch_sizes[0], most_rows)
    lengths = rows.packed_lengths[some]
    most = min(rows.steps, longest or rows.steps)
    widths = list(walk.moving.values())
    names = tuple(walk.moving)
    count = len(names)
    within = _masks(widths, walk.x)
    starts, owners = _directions(widths, most_probes, walk.x)
    amount = len(starts)
    # both kinds of every direction: by all roads, and never in another leaf
    vectors = torch.cat([starts, starts]).expand(len(some), -1, -1).clone()
    mask = within[owners]

    blocks = torch.full((count, count, most + 1, len(some)), float("nan"), dtype=torch.float64)
    own, others = blocks[:, 0].clone(), blocks[:, 0].clone()
    values = step_values(walk)
    carries = {} if values is None else values.carries()
    products = {name: torch.ones_like(carry[: len(some)]) for name, carry in carries.items()}
    gates = {name: blocks[0, 0].clone() for name in carries}

    def note(row: int, age: int) -> None:
        whole, alone = vectors[row, :amount], vectors[row, amount:]
        for a, name in enumerate(names):
            own_rows = owners == a
            for b in range(count):
                blocks[a, b, age, row] = _length(whole[own_rows] * within[b])
            own[a, age, row] = _length(alone[own_rows])
            others[a, age, row] = _length((whole[own_rows] - alone[own_rows]) * within[a])
            if name in products:
                gates[name][age, row] = products[name][row].square().mean().sqrt()

    for row in range(len(some)):
        note(row, 0)
    for t in reversed(range(rows.steps)):
        active = ((lengths > t) & (lengths - t <= most)).nonzero()[:, 0]
        if not len(active):
            continue
        places = rows.offsets[t] + some[active]
        tangent = Tangent(walk, places.repeat_interleave(2 * amount))
        pulled = tangent.pull(vectors[active].flatten(0, 1)).reshape(len(active), 2 * amount, -1)
        pulled[:, amount:] *= mask
        vectors[active] = pulled
        for name, carry in carries.items():
            products[name][active] *= carry[places]
            if walk.visit.flags is not None:
                products[name][active] *= ~walk.visit.flags[places].unsqueeze(1)
        for row in active.tolist():
            note(row, int(lengths[row]) - t)
    return LayerRoads(walk.title, names, blocks, own, others, gates)


def _masks(widths: list[int], like: Tensor) -> Tensor:
    """`[L, D]`: 1 at a leaf's numbers."""
    owner = torch.repeat_interleave(torch.arange(len(widths)), torch.tensor(widths))
    return torch.nn.functional.one_hot(owner, len(widths)).T.to(like)


def _directions(widths: list[int], most: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """`[M, D]` of length 1, each within one leaf, and `[M]`: which."""
    generator = torch.Generator().manual_seed(0)
    parts, owners, first = [], [], 0
    for index, width in enumerate(widths):
        if width <= most:
            inside = torch.eye(width, dtype=torch.float64)
        else:
            inside = torch.randint(0, 2, (most, width), generator=generator).double() * 2 - 1
            inside = inside / width**0.5
        part = torch.zeros(len(inside), sum(widths), dtype=torch.float64)
        part[:, first : first + width] = inside
        parts.append(part)
        owners += [index] * len(inside)
        first += width
    return torch.cat(parts).to(like), torch.tensor(owners)


def _length(vectors: Tensor) -> Tensor:
    """Root of the mean square length of `[M, D]`."""
    return vectors.double().square().sum(-1).mean().sqrt()


def _median(factors: Tensor) -> float:
    return float(factors.nanmedian())


def _text(factor: float) -> str:
    return percent(factor, 1) if factor < 10 else f"{factor:.3g} times it"


def _medians(factors: Tensor) -> list[list[float]]:
    medians: list[list[float]] = factors.nanmedian(-1).values.tolist()
    return medians


def _pictures(layer: LayerRoads, dark: bool) -> list[tuple[str, bytes]]:
    tint = colours(dark)
    figure, axes = picture(7, 4.2, dark, "steps back from the row's last state", "factor of the gradient")
    floor, age = 1e-12, range(layer.blocks.shape[2])
    for index, leaf in enumerate(layer.leaves):
        colour = tint.series[index % len(tint.series)]
        for road, style, words in (
            (layer.own[index], "-", f"within {leaf} alone"),
            (layer.others[index], ":", f"to {leaf} by other roads"),
            (layer.gates.get(leaf), "--", f"{leaf}: product of its gates"),
        ):
            if road is not None and bool((road[1:] > 0).any()):
                width = 4 if style == "--" else 1.6
                alpha = 0.45 if style == "--" else 1.0
                middle = road.nanmedian(-1).values
                middle = middle.masked_fill(middle < floor, float("nan"))
                axes.plot(
                    age, middle.tolist(), style, color=colour, label=words, linewidth=width, alpha=alpha
                )
    axes.axhline(REACH_SHARE, color=tint.grey, linestyle="-.", linewidth=0.8, label=percent(REACH_SHARE))
    axes.set_yscale("log")
    axes.set_title(layer.title, color=tint.ink)
    grid(axes, dark)
    legend(axes, dark)
    first = (f"{layer.title}: what each road leaves of a gradient, median over rows", png(figure))
    if len(layer.leaves) == 1:
        return [first]

    steps = max(1, layer.reach)
    shares = layer.shares(steps)
    side = 2.6 + 0.5 * len(layer.leaves)
    figure, axes = picture(
        side + 1.2, side, dark, f"leaf {steps} steps earlier", "leaf where the gradient begins"
    )
    axes.imshow(shares.numpy(), cmap=tint.ramp, vmin=0, vmax=1)
    for a in range(len(layer.leaves)):
        for b in range(len(layer.leaves)):
            strong = float(shares[a, b]) > 0.5
            ink = ("black" if dark else "white") if strong else tint.ink
            axes.text(b, a, percent(float(shares[a, b])), ha="center", va="center", color=ink)
    axes.set_xticks(range(len(layer.leaves)), layer.leaves)
    axes.set_yticks(range(len(layer.leaves)), layer.leaves)
    axes.set_title(layer.title, color=tint.ink)
    caption = f"{layer.title}: share of the squared gradient from leaf to leaf over {steps} steps"
    return [first, (caption, png(figure))]
