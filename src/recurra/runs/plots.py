"""Pictures of a run, as PNG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recurra.storage.figures import figure_bytes, new_figure

_INK, _BLUE, _RED = "#24292f", "#1f6feb", "#cf222e"


def learning_curve(log: Sequence[dict[str, Any]], metric: str) -> bytes:
    """Loss of the training batches, and the metric of each validation, over steps."""
    figure, axes = _figure(7.2, 3.4)
    steps = [entry for entry in log if "loss" in entry]
    axes.plot(
        [e["step"] for e in steps], [e["loss"] for e in steps], color=_BLUE, lw=1.2, label="training loss"
    )
    checks = [entry for entry in log if "validation" in entry]
    values = [entry["validation"][metric] for entry in checks]
    label = f"validation {metric}"
    axes.plot([e["step"] for e in checks], values, "o-", color=_RED, ms=4, lw=1.2, label=label)
    axes.set_xlabel("step")
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    return figure_bytes(figure)


def watched(log: Sequence[dict[str, Any]]) -> bytes:
    """What a watched training told: how far back gradients reach, the size of updates, units out of use."""
    figure = new_figure(7.2, 7.2, dpi=110)
    panels = figure.subplots(3, 1, sharex=True)
    titles = {
        "reach": "reach of a gradient (steps)",
        "update_ratio": "update / weight",
        "units": "share of units or steps",
    }
    lines: dict[str, dict[str, list[tuple[int, float]]]] = {panel: {} for panel in titles}
    for entry in log:
        for name, value in entry["watch"].items():
            layer, _, what = name.rpartition("/")
            if what == "reach":
                panel, label = "reach", layer
            elif layer == "update_ratio":
                panel, label = "update_ratio", what
            elif what in ("dead", "saturated", "clipped"):
                panel, label = "units", f"{what} {layer}".strip() + (" steps" if what == "clipped" else "")
            else:
                continue
            lines[panel].setdefault(label, []).append((entry["step"], value))
    for axes, (panel, title) in zip(panels, titles.items(), strict=True):
        axes.spines[["top", "right"]].set_visible(False)
        for label, points in lines[panel].items():
            axes.plot(*zip(*points, strict=True), "o-", ms=2.5, lw=1.2, label=label)
        axes.set_ylabel(title)
        axes.grid(alpha=0.25)
        if lines[panel]:
            axes.legend(frameon=False, fontsize=8)
    if any(value > 0 for points in lines["update_ratio"].values() for _, value in points):
        panels[1].set_yscale("log")
    panels[2].set_ylim(-0.02, 1.02)
    panels[2].set_xlabel("step")
    return figure_bytes(figure)


def surprisals(tokens: Sequence[str], bits: Sequence[float]) -> bytes:
    """How unexpected each token was: bars of bits over the text."""
    figure, axes = _figure(max(7.2, 0.17 * len(tokens)), 2.8)
    axes.bar(range(len(tokens)), bits, color=[_RED if b > 4 else _BLUE for b in bits], width=0.8)
    axes.set_xticks(range(len(tokens)), [_visible(token) for token in tokens], family="monospace", fontsize=8)
    axes.set_xlim(-0.8, len(tokens) - 0.2)
    axes.set_ylabel("surprisal (bits)")
    return figure_bytes(figure)


def next_tokens(tokens: Sequence[str], shares: Sequence[Sequence[tuple[str, float]]]) -> bytes:
    """After each token read (left to right), the likeliest next ones (top to bottom); darker is likelier."""
    figure, axes = _figure(max(7.2, 0.24 * len(tokens)), 2.4)
    depth = max(len(each) for each in shares)
    grid = [[each[row][1] if row < len(each) else 0.0 for each in shares] for row in range(depth)]
    image = axes.imshow(grid, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for column, each in enumerate(shares):
        for row, (token, share) in enumerate(each):
            ink = "white" if share > 0.55 else _INK
            axes.text(
                column,
                row,
                _visible(token),
                ha="center",
                va="center",
                color=ink,
                family="monospace",
                fontsize=9,
            )
    axes.set_xticks(range(len(tokens)), [_visible(token) for token in tokens], family="monospace", fontsize=9)
    axes.set_yticks(range(depth), [f"{row + 1}." for row in range(depth)])
    axes.set_xlabel("read so far, one token after another")
    figure.colorbar(image, ax=axes, label="probability", pad=0.01)
    return figure_bytes(figure)


def activity(tokens: Sequence[str], units: Sequence[Sequence[float]]) -> bytes:
    """Units of the hidden state (rows) while the text is read (columns): blue below 0, red above."""
    figure, axes = _figure(max(7.2, 0.17 * len(tokens)), 3.6)
    image = axes.imshow(units, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto", interpolation="nearest")
    axes.set_xticks(range(len(tokens)), [_visible(token) for token in tokens], family="monospace", fontsize=8)
    axes.set_ylabel("unit")
    figure.colorbar(image, ax=axes, label="activity", pad=0.01)
    return figure_bytes(figure)


def _figure(width: float, height: float) -> tuple[Any, Any]:
    figure = new_figure(width, height, dpi=110)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _visible(token: str) -> str:
    return {" ": "␣", "\n": "⏎", "\t": "⇥"}.get(token, token).replace("$", r"\$")
