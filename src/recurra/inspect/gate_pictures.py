"""The pictures of gates: saturation, histograms, memory lengths, and units over the tokens of a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from recurra.inspect.style import colour_bar, colours, grid, picture, png, token_ticks
from recurra.inspect.thresholds import HIGH, LOW

if TYPE_CHECKING:
    from recurra.inspect.gates import LayerGates

_MOST_PANELS = 6
_MOST_TOKENS = 100


def pictures_of(layer: LayerGates, dark: bool) -> list[tuple[str, bytes]]:
    """Caption and PNG of each."""
    pictures = []
    if layer.gates:
        pictures += [_saturation(layer, dark), _histograms(layer, dark)]
    if layer.memory:
        pictures.append(_memory(layer, dark))
    states = [name for name in layer.traces if name.startswith("state ")]
    carriers = [gate.name for gate in layer.gates if gate.carries]
    pictures += [heat_map(layer, name, dark=dark) for name in [*states[-1:], *carriers[:1]]]
    return pictures


def _saturation(layer: LayerGates, dark: bool) -> tuple[str, bytes]:
    tint = colours(dark)
    gates = layer.gates[:_MOST_PANELS]
    figure, panels = picture(
        1 + 2.3 * len(gates), 3.3, dark, "share of steps\nleft-saturated", "", columns=len(gates)
    )
    for axes, gate in zip(_listed(panels), gates, strict=True):
        axes.plot([0, 1], [1, 0], color=tint.grey, linewidth=0.8)
        axes.scatter(
            gate.left.tolist(),
            gate.right.tolist(),
            s=14,
            color=tint.blue,
            alpha=0.5,
            linewidth=0,
            clip_on=False,
        )
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        axes.set_aspect("equal")
        axes.set_title(gate.name, color=tint.ink, fontsize=10)
        grid(axes, dark)
    _listed(panels)[0].set_ylabel("share of steps\nright-saturated")
    ends = f"below {LOW:g} and above {HIGH:g} of the range"
    return (f"{layer.title}: saturation of every unit ({ends}; on the slope: never out of it)", png(figure))


def _histograms(layer: LayerGates, dark: bool) -> tuple[str, bytes]:
    tint = colours(dark)
    gates = layer.gates[:_MOST_PANELS]
    figure, panels = picture(1 + 2.3 * len(gates), 2.7, dark, "value", "", columns=len(gates))
    for axes, gate in zip(_listed(panels), gates, strict=True):
        low, high = gate.range
        width = (high - low) / len(gate.histogram)
        middle = low + width * (torch.arange(len(gate.histogram)) + 0.5)
        share = gate.histogram / gate.histogram.sum().clamp_min(1)
        axes.bar(middle.tolist(), (100 * share).tolist(), width=width, color=tint.blue)
        axes.set_xlim(low, high)
        axes.set_title(gate.name, color=tint.ink, fontsize=10)
        grid(axes, dark)
    _listed(panels)[0].set_ylabel("share of all values (%)")
    return (f"{layer.title}: values of each gate over {layer.steps:,} steps", png(figure))


def _memory(layer: LayerGates, dark: bool) -> tuple[str, bytes]:
    tint = colours(dark)
    figure, axes = picture(6, 3.4, dark, "unit, by its memory", "memory 1 / (1 - f) (steps)")
    for (leaf, lengths), colour in zip(layer.memory.items(), tint.series, strict=False):
        ordered = lengths.sort(descending=True).values
        axes.plot(range(1, len(ordered) + 1), ordered.tolist(), ".-", color=colour, label=leaf)
    every = torch.cat(list(layer.memory.values()))
    if float(every.max()) > 10 * float(every.min()):
        axes.set_yscale("log")
    axes.set_title(", ".join(layer.memory), color=tint.ink, fontsize=10)
    grid(axes, dark)
    return (f"{layer.title}: how long each unit remembers, by the mean of its gate", png(figure))


def heat_map(
    layer: LayerGates, name: str, units: list[int] | None = None, dark: bool = False
) -> tuple[str, bytes]:
    """Units over the tokens of the layer's row, of its first hundred.

    Args:
        name: one of `layer.traces`: a gate, or `state h`.
        units: which; None: the ten that vary most over the row.
    """
    tint = colours(dark)
    trace: Tensor = layer.traces[name][:_MOST_TOKENS]
    numbers = units
    if numbers is None:
        numbers = trace.var(0, correction=0).topk(min(10, trace.shape[1])).indices.tolist()
    part = trace[:, numbers].T
    gate = next((gate for gate in layer.gates if gate.name == name), None)
    size = float(part.abs().max()) if part.numel() else 1.0
    low, high = (-(size or 1.0), size or 1.0) if gate is None else gate.range
    ramp = tint.poles if low < 0 else tint.ramp
    width = max(5.0, min(16.0, 2.5 + 0.16 * part.shape[1]))
    figure, axes = picture(width, 1.5 + 0.24 * len(numbers), dark, "token of the row", f"unit of {name}")
    image = axes.imshow(part.numpy(), aspect="auto", cmap=ramp, vmin=low, vmax=high, interpolation="nearest")
    axes.set_yticks(range(len(numbers)), [str(unit) for unit in numbers], fontsize=8)
    tokens = layer.tokens[:_MOST_TOKENS]
    if tokens == tuple(str(k) for k in range(len(tokens))):
        axes.set_xlabel("step of the row")
    else:
        token_ticks(axes, tokens)
    colour_bar(figure, image, axes, "value", dark)
    return (f"{layer.title}: units of {name} over one row", png(figure))


def _listed(panels: Any) -> list[Any]:
    return list(panels) if hasattr(panels, "__len__") else [panels]
