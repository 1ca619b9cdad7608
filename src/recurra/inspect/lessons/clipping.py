"""What does clipping the gradient do at a wall?

The unit of the lesson on surfaces (Pascanu et al., 2013, Figure 6) descends its own error surface twice from
the same start: once by the gradient as it comes, once with its norm clipped. Then the same from many starts.
"""

from __future__ import annotations

import torch
from torch import Tensor

from recurra.inspect.finding import percent
from recurra.inspect.lessons.lesson import Lesson, Picture
from recurra.inspect.lessons.surface import error, grid
from recurra.inspect.style import colours, legend, picture, png
from recurra.inspect.surface_pictures import contours

START, RATE, CLIP, UPDATES = (5.5, -2.4), 0.5, 0.1, 300
POINTS, STARTS = 151, 15
SOLVED = 0.01


def descend(weights: Tensor, clip: float | None) -> tuple[Tensor, Tensor, Tensor]:
    """Plain gradient descent, for many starts at once.

    Args:
        weights: `[N, 2]`, w and b. clip: the largest norm of a gradient; None: as it comes.

    Returns:
        the weights before each update and at the end `[U + 1, N, 2]`, the error there `[U + 1, N]`, and the
        norm of each gradient `[U, N]`, unclipped.
    """
    path, errors, norms = [weights], [], []
    for _ in range(UPDATES):
        leaf = weights.detach().requires_grad_()
        value = error(leaf[:, 0], leaf[:, 1])
        (gradient,) = torch.autograd.grad(value.sum(), leaf)
        size = gradient.norm(dim=1, keepdim=True)
        if clip is not None:
            gradient = gradient * (clip / size.clamp_min(1e-30)).clamp_max(1.0)
        weights = weights - RATE * gradient
        path.append(weights)
        errors.append(value.detach())
        norms.append(size[:, 0])
    errors.append(error(weights[:, 0], weights[:, 1]))
    return torch.stack(path), torch.stack(errors), torch.stack(norms)


def many_starts() -> Tensor:
    """`[N, 2]`: a grid of starts to the right of the wall, where the unit settles high."""
    w, b = (torch.linspace(*ends, STARTS, dtype=torch.float64) for ends in ((4.5, 6.5), (-2.4, -1.6)))
    return torch.cartesian_prod(w, b)


def draw_descents(paths: dict[str, Tensor], dark: bool) -> bytes:
    c = colours(dark)
    w, b, value, _ = grid(POINTS)
    figure, axes = picture(7.6, 5.2, dark, "w", "b")
    contours(axes, w, b, value.numpy(), dark, "error")
    for (name, path), colour in zip(paths.items(), ("#ff7b72", "white"), strict=True):
        inside = path.clamp(torch.tensor([1.9, -3.6]), torch.tensor([7.1, -0.9]))
        axes.plot(
            inside[:, 0], inside[:, 1], "o-", color=colour, mec="black", mew=0.3, ms=3, lw=1, label=name
        )
        axes.plot(*inside[-1:].T, "*", color=colour, mec="black", ms=13, zorder=4)
    axes.plot(*START, "s", color="white", mec="black", ms=8, label="start", zorder=4)
    axes.set_xlim(float(w[0]), float(w[-1]))
    axes.set_ylim(float(b[0]), float(b[-1]))
    axes.legend(loc="lower left", fontsize=9, facecolor="#555555", labelcolor="white", framealpha=0.8)
    axes.set_title("stars: where each ends", color=c.ink, fontsize=10)
    return png(figure)


def draw_errors(errors: dict[str, Tensor], dark: bool) -> bytes:
    c = colours(dark)
    figure, axes = picture(7.2, 3.4, dark, "update", "error")
    for (name, values), colour in zip(errors.items(), (c.red, c.blue), strict=True):
        axes.plot(range(len(values)), values, color=colour, lw=1.3, label=name)
    axes.set_yscale("log")
    legend(axes, dark)
    return png(figure)


def lesson(dark: bool = False) -> Lesson:
    """Measures, draws and says what one sees."""
    start = torch.tensor([START], dtype=torch.float64)
    ways = {"as it comes": None, f"clipped at {CLIP:g}": CLIP}
    runs = {name: descend(start, clip) for name, clip in ways.items()}
    starts = many_starts()
    solved = {
        name: float((descend(starts, clip)[1][-1] < SOLVED).double().mean()) for name, clip in ways.items()
    }
    (plain, clipped), norms = ways, {name: run[2][:, 0] for name, run in runs.items()}
    steepest = int(norms[plain].argmax())
    jump = RATE * float(norms[plain][steepest])
    ends = {name: float(run[1][-1, 0]) for name, run in runs.items()}
    touched = float((norms[clipped] > CLIP).double().mean())
    sentences = (
        f"From w = {START[0]:g}, b = {START[1]:g} both descents follow the plain to the wall.",
        f"There, at update {steepest + 1}, the gradient is {float(norms[plain][steepest]):.3g}, and one step "
        f"of rate {RATE:g} throws the weights {jump:.2g} away; after {UPDATES} updates the error is "
        f"{ends[plain]:.2g}.",
        f"Clipped at {CLIP:g} a step is never longer than {RATE * CLIP:g}: the descent slides down along the "
        f"wall and ends at an error of {ends[clipped]:.2g}.",
        f"Clipping touched {percent(touched)} of its updates; the direction of each stayed that of the "
        f"gradient.",
        f"Of {len(starts)} starts beside the wall {percent(solved[clipped])} come below an error of "
        f"{SOLVED:g} with clipping, {percent(solved[plain])} without.",
    )
    numbers = {"steepest": float(norms[plain][steepest]), "ends": ends, "touched": touched, "solved": solved}
    pictures = (
        Picture(
            "clipping",
            "Two descents over w and b",
            draw_descents({name: run[0][:, 0] for name, run in runs.items()}, dark),
        ),
        Picture(
            "clipping-errors",
            "The error of both descents",
            draw_errors({name: run[1][:, 0] for name, run in runs.items()}, dark),
        ),
    )
    return Lesson("Clipping the gradient", sentences, numbers, pictures)
