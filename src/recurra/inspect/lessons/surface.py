"""What does the error surface of a recurrent network look like?

One unit without input, x_t = w s(x_(t-1)) + b with x_0 = 0.5 and s the sigmoid, runs 50 steps; its error is
(s(x_50) - 0.7)^2 (Pascanu et al., 2013, Figure 6). Two weights, so the whole surface can be drawn: a plain,
and a wall through it. Beside it, a slice through the surface of a real network.
"""

from __future__ import annotations

import torch
from torch import Tensor

from recurra.cells import VanillaRNN
from recurra.inspect import Surface, gradient_plane
from recurra.inspect import surface as slice_of
from recurra.inspect.finding import percent
from recurra.inspect.lessons.lesson import Lesson, Picture
from recurra.inspect.problems import PROBLEMS, LastAnswer
from recurra.inspect.style import picture, png
from recurra.inspect.surface_pictures import contours

STEPS, POINTS, RATE = 50, 201, 0.1
SLICE_POINTS, HIDDEN = 21, 16


def error(w: Tensor, b: Tensor) -> Tensor:
    """The unit's error, for as many pairs of weights at once as w and b hold."""
    x = torch.full_like(w, 0.5)
    for _ in range(STEPS):
        x = w * x.sigmoid() + b
    return (x.sigmoid() - 0.7) ** 2


def grid(points: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """w and b `[P]`, the error and the norm of its gradient `[P, P]`, b first."""
    count = points or POINTS
    w = torch.linspace(2, 7, count, dtype=torch.float64)
    b = torch.linspace(-3.5, -1, count, dtype=torch.float64)
    bb, ww = (each.requires_grad_() for each in torch.meshgrid(b, w, indexing="ij"))
    value = error(ww, bb)
    by_w, by_b = torch.autograd.grad(value.sum(), (ww, bb))
    return w, b, value.detach(), (by_w.square() + by_b.square()).sqrt()


def real_slice() -> Surface:
    """A tanh network on the adding problem, along its gradient and at a right angle to it."""
    torch.manual_seed(0)
    cell = VanillaRNN(2, HIDDEN)
    with torch.no_grad():
        cell.hidden.weight.normal_(0, 1.6 / HIDDEN**0.5)
    model, problem = LastAnswer(cell, 1), PROBLEMS["adding"]
    x, targets = problem.batch(16, STEPS, torch.Generator().manual_seed(1))

    def loss(network: LastAnswer, rows: Tensor) -> Tensor:
        return problem.cost(network(rows), targets)

    plane = gradient_plane(model, x, loss, span=0.3)
    return slice_of(model, x, loss, plane=plane, points=SLICE_POINTS)


def draw(w: Tensor, b: Tensor, value: Tensor, norms: Tensor, dark: bool) -> bytes:
    figure, both = picture(11.0, 4.4, dark, "w", "b", columns=2)
    contours(both[0], w, b, value.numpy(), dark, "error")
    contours(both[1], w, b, norms.clamp_min(1e-12).numpy(), dark, "norm of the gradient", "magma")
    return png(figure)


def lesson(dark: bool = False) -> Lesson:
    """Measures, draws and says what one sees."""
    w, b, value, norms = grid()
    steepest, middle = float(norms.max()), float(norms.median())
    place = divmod(int(norms.argmax()), len(w))
    plain = float((norms < 0.001 * steepest).double().mean())
    real = real_slice()
    sentences = (
        f"Over most of the surface hardly anything happens: on {percent(plain)} of it the gradient is below "
        f"0.1 % of the steepest one.",
        f"Through this plain runs one wall: at w = {float(w[place[1]]):.2f}, b = {float(b[place[0]]):.2f} "
        f"the gradient is {steepest:.3g}, {steepest / middle:,.0f} times its median of {middle:.2g}.",
        f"A step of rate {RATE:g} taken on the wall is {RATE * steepest:.2g} long, on a surface 5 wide and "
        f"2.5 high: it lands somewhere else.",
        f"For w above 4 the unit can settle in two states, and the wall is where its start lies just between "
        f"them: a small change of the weights decides to which of the two {STEPS} steps lead.",
        f"A tanh network of {HIDDEN} units on the adding problem, sliced along its gradient, goes from "
        f"{real.loss.min():.2g} to {real.loss.max():.3g}: {real.findings()[0].text}",
    )
    numbers = {
        "steepest": steepest,
        "median": middle,
        "plain": plain,
        "wall": [float(w[place[1]]), float(b[place[0]])],
        "slice": real.findings()[0].numbers,
    }
    pictures = (
        Picture("surface", "Error and gradient of one unit over w and b", draw(w, b, value, norms, dark)),
        Picture("surface-network", *real.pictures(dark)[0]),
    )
    return Lesson("The error surface", sentences, numbers, pictures)
