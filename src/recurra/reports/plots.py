"""Pictures of runs, as PNG, on light or dark ground."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from recurra.storage.colours import colours
from recurra.storage.figures import figure_bytes
from recurra.storage.panels import (
    caption,
    colour_bar,
    grid,
    legend,
    panels,
    step_ticks,
    text_width,
    token_text,
    token_ticks,
)

MOST_POINTS = 2000
"""Of a line: of a longer log every so many entries are drawn."""


def learning_curve(log: Sequence[dict[str, Any]], metric: str, dark: bool = False) -> bytes:
    """Loss of the training batches, and below it the metric of each validation, over steps."""
    tint = colours(dark)
    figure, (above, below) = panels(7.2, [1.9, 1.9], dark)
    losses = _thinned([(entry["step"], entry["loss"]) for entry in log if "loss" in entry])
    checks = _checks(log, metric)
    best = [entry["step"] for entry in log if entry.get("best")][-1:]
    for axes, points, name, colour in (
        (above, losses, "training loss", tint.blue),
        (below, checks, f"validation {metric}", tint.red),
    ):
        style = "o-" if len(points) < 40 else "-"
        axes.plot(*_columns(points), style, color=colour, ms=3, lw=1.2)
        axes.set_ylabel(name.replace("$", r"\$"))
        grid(axes, dark)
        for step in best:
            axes.axvline(step, color=tint.grey, lw=0.8, ls=":")
    last = max((entry["step"] for entry in log), default=1)
    for axes in (above, below):
        step_ticks(axes)
        axes.set_xlim(0, 1.02 * last)
    return figure_bytes(figure)


def watched(log: Sequence[dict[str, Any]], dark: bool = False) -> bytes:
    """What a watched training told: how far back gradients reach, the size of updates, units out of use."""
    titles = {
        "reach": "reach of a gradient (steps)",
        "update_ratio": "update / weight",
        "units": "share of units or steps",
    }
    figure, column = panels(7.2, [2.3] * len(titles), dark)
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
    for axes, (panel, title) in zip(column, titles.items(), strict=True):
        for label, points in lines[panel].items():
            axes.plot(*_columns(points), "o-", ms=2.5, lw=1.2, label=label)
        axes.set_ylabel(title)
        grid(axes, dark)
        if lines[panel]:
            legend(axes, dark, fontsize=8)
    if any(value > 0 for points in lines["update_ratio"].values() for _, value in points):
        column[1].set_yscale("log")
    column[2].set_ylim(-0.02, 1.02)
    step_ticks(column[2])
    return figure_bytes(figure)


def confusion(pairs: Mapping[tuple[str, str], int], labels: Sequence[str], dark: bool = False) -> bytes:
    """Shares of each true label (rows) that were answered as each label (columns)."""
    tint = colours(dark)
    counts = [[pairs.get((true, answer), 0) for answer in labels] for true in labels]
    shares = [[cell / max(1, sum(row)) for cell in row] for row in counts]
    side = 0.42 * len(labels)
    figure, (axes,) = panels(max(4.2, side + 2.4), [max(2.6, side + 1.4)], dark)
    image = axes.imshow(shares, cmap=tint.ramp, vmin=0, vmax=1)
    names = [token_text(label) for label in labels]
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("answered")
    axes.set_ylabel("true")
    for row, line in enumerate(counts):
        for column, count in enumerate(line):
            strong = shares[row][column] > 0.55
            ink = "#1f2328" if dark and strong else tint.ground if strong else tint.ink
            if count:
                axes.text(column, row, str(count), ha="center", va="center", color=ink, fontsize=7)
    colour_bar(figure, image, axes, "share of the true label", dark)
    return figure_bytes(figure)


def activity(tokens: Sequence[str], units: Sequence[Sequence[float]], dark: bool = False) -> bytes:
    """Units of the hidden state (rows) while the text is read (columns), from below 0 to above it."""
    figure, (axes,) = panels(text_width(tokens, 7.2, 0.068), [3.6], dark)
    style = {"vmin": -1, "vmax": 1, "aspect": "auto", "interpolation": "nearest"}
    image = axes.imshow(units, cmap=colours(dark).poles, **style)
    token_ticks(axes, tokens)
    axes.set_ylabel("unit")
    colour_bar(figure, image, axes, "activity", dark)
    return figure_bytes(figure)


def curves(
    runs: Mapping[str, Sequence[dict[str, Any]]], metrics: Mapping[str, str], dark: bool = False
) -> Any:
    """A figure of the validation scores of runs over steps, a panel for each metric.

    Args:
        runs: name -> its log. metrics: name -> the metric that is its score.
    """
    tint = colours(dark)
    kinds = list(dict.fromkeys(metrics.values()))
    figure, column = panels(9.0, [3.2] * len(kinds), dark)
    for axes, metric in zip(column, kinds, strict=True):
        names = [name for name in runs if metrics[name] == metric]
        for number, name in enumerate(names):
            points = [
                (e["step"], e["validation"][metric]) for e in runs[name] if metric in e.get("validation", {})
            ]
            style = {"color": tint.series[number % len(tint.series)], "lw": 1.3, "ms": 3}
            dash = "-" if number < len(tint.series) else "--"
            axes.plot(
                *_columns(_thinned(points)), f"o{dash}" if len(points) < 40 else dash, label=name, **style
            )
        axes.set_ylabel(metric.replace("$", r"\$"))
        caption(axes, f"validation {metric}", dark)
        step_ticks(axes)
        grid(axes, dark)
        legend(axes, dark, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def _checks(log: Sequence[dict[str, Any]], metric: str) -> list[tuple[int, float]]:
    """The validations' steps and values of a metric."""
    checks = [(entry["step"], entry.get("validation", {})) for entry in log]
    return [(step, validation[metric]) for step, validation in checks if metric in validation]


def _thinned(points: Sequence[tuple[int, float]]) -> Sequence[tuple[int, float]]:
    return points[:: 1 + len(points) // MOST_POINTS]


def _columns(points: Sequence[tuple[int, float]]) -> tuple[list[int], list[float]]:
    return [step for step, _ in points], [value for _, value in points]
