"""Pictures of an error surface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from recurra.inspect.style import colours, picture, png

if TYPE_CHECKING:
    from recurra.inspect.surface import Surface

_DECADES = 2.0  # from there on colours go by the logarithm
_LOWEST = 0.02  # this share of the points may lie below the scale
_SHOWN_WALLS = 200


def pictures(surface: Surface, dark: bool) -> list[tuple[str, bytes]]:
    """The loss with walls and path, and the norm of the gradient."""
    return [
        (f"Loss along {surface.plane.name}", _loss(surface, dark)),
        (f"Norm of the gradient along {surface.plane.name}", _gradient(surface, dark)),
    ]


def contours(
    axes: Any, a: Any, b: Any, grid: NDArray[np.float64], dark: bool, label: str, cmap: str = "viridis"
) -> None:
    """Filled contours with their colour bar; by the logarithm where the numbers go over `_DECADES` decades.

    What is not finite stays empty.
    """
    from matplotlib.colors import LogNorm

    values = np.ma.masked_invalid(grid)
    low, high = float(values.min()), float(values.max())
    positive = values[values > 0].compressed()
    bottom = float(np.quantile(positive, _LOWEST)) if len(positive) else 0.0
    wide = bottom > 0 and np.log10(high / bottom) > _DECADES
    ink = colours(dark).ink
    if wide:
        low = max(bottom, high * 1e-8)
        levels = np.geomspace(low, high, 25)
        image = axes.contourf(
            a, b, np.ma.maximum(values, low), levels, cmap=cmap, norm=LogNorm(low, high), extend="min"
        )
        decades = 10.0 ** np.arange(np.ceil(np.log10(low)), np.floor(np.log10(high)) + 1)
        step = max(1, -(-len(decades) // 8))
        bar = axes.figure.colorbar(image, ax=axes, pad=0.02, ticks=decades[::step], format="%.0e")
    else:
        levels = np.linspace(low, high if high > low else low + 1.0, 25)
        image = axes.contourf(a, b, values, levels, cmap=cmap)
        bar = axes.figure.colorbar(image, ax=axes, pad=0.02, ticks=levels[::6], format="%.3g")
    bar.set_label(label, color=ink)
    bar.ax.tick_params(colors=ink, which="both")
    bar.outline.set_edgecolor(ink)


def _loss(surface: Surface, dark: bool) -> bytes:
    figure, axes = picture(7.2, 5.4, dark, surface.plane.across.name, surface.plane.up.name)
    c = colours(dark)
    if np.isfinite(surface.loss).any():
        contours(axes, surface.a, surface.b, surface.loss, dark, "loss")
    walls = surface.walls()
    if walls:
        some = walls[:_SHOWN_WALLS]
        axes.plot([w.a for w in some], [w.b for w in some], "s", color=c.red, ms=2.5, label="wall", zorder=3)
        axes.annotate(
            f"wall, {walls[0].height:.3g} high",
            (walls[0].a, walls[0].b),
            xytext=(12, 12),
            textcoords="offset points",
            color=c.ink,
            fontsize=9,
            bbox={"facecolor": c.ground, "edgecolor": c.red, "boxstyle": "round,pad=0.3"},
            arrowprops={"arrowstyle": "-", "color": c.red},
            zorder=5,
        )
    if surface.plane.path:
        a, b = zip(*surface.plane.path, strict=True)
        axes.plot(a, b, "o-", color="white", mec="black", ms=5, lw=1.2, label="training", zorder=4)
        axes.plot(a[-1:], b[-1:], "*", color="white", mec="black", ms=13, label="its end", zorder=4)
    else:
        axes.plot([0], [0], "*", color="white", mec="black", ms=13, label="the model", zorder=4)
    axes.legend(loc="lower left", fontsize=8, facecolor="#888888", labelcolor="white", framealpha=0.8)
    return png(figure)


def _gradient(surface: Surface, dark: bool) -> bytes:
    figure, axes = picture(7.2, 5.4, dark, surface.plane.across.name, surface.plane.up.name)
    if np.isfinite(surface.gradient).any():
        contours(axes, surface.a, surface.b, surface.gradient, dark, "norm of the gradient", "magma")
    return png(figure)
