"""How far back does a gradient reach?

The gradient of an answer by a state k steps earlier is a product of k matrices, one a step. Such a product
shrinks or grows like a power: here the powers 0.99^k, 1^k and 1.01^k are drawn beside what is measured on
networks as they start.
"""

from __future__ import annotations

import torch
from torch import Tensor

from recurra.cells import LSTM, Cell, VanillaRNN
from recurra.cells.initializers import orthogonal_
from recurra.inspect.lessons.lesson import Lesson, Picture
from recurra.inspect.practice import backward_curve, reach
from recurra.inspect.style import colours, legend, picture, png

STEPS, HIDDEN, ROWS = 200, 32, 16


def half_identity() -> Cell:
    """A tanh network with W = 0.5 I: each step halves the gradient, or worse."""
    cell = VanillaRNN(2, HIDDEN)
    with torch.no_grad():
        cell.hidden.weight.copy_(0.5 * torch.eye(HIDDEN))
    return cell


def orthogonal() -> Cell:
    """A tanh network whose W keeps lengths, and whose input is small, so that tanh is nearly a line."""
    cell = VanillaRNN(2, HIDDEN)
    orthogonal_(cell.hidden.weight)
    with torch.no_grad():
        cell.input.weight.mul_(0.05)
        cell.input.bias.zero_()
        cell.hidden.bias.zero_()
    return cell


def networks() -> dict[str, Cell]:
    """Name -> a cell as it starts."""
    torch.manual_seed(0)
    return {
        "tanh, W = 0.5 I": half_identity(),
        "tanh, as torch starts it": VanillaRNN(2, HIDDEN),
        "tanh, W orthogonal": orthogonal(),
        "LSTM, forget bias 1": LSTM(2, HIDDEN, forget_bias=1.0),
    }


def measured() -> dict[str, Tensor]:
    """Name -> the norm of the gradient by the state k steps back, as a share of that at the end."""
    x = torch.rand(ROWS, STEPS, 2, generator=torch.Generator().manual_seed(1)) - 0.5
    return {name: backward_curve(cell, x) for name, cell in networks().items()}


def factor(curve: Tensor) -> float:
    """By what one step multiplies the gradient: the mean over the steps down to 1e-30."""
    alive = int((curve > 1e-30).nonzero().max())
    return float(curve[alive] ** (1 / max(1, alive)))


def draw_measured(curves: dict[str, Tensor], dark: bool) -> bytes:
    c = colours(dark)
    figure, axes = picture(7.2, 4.0, dark, "steps back from the answer", "gradient's norm, share of the last")
    for (name, curve), colour in zip(curves.items(), (c.red, c.grey, c.green, c.blue), strict=True):
        axes.plot(range(len(curve)), curve.clamp_min(1e-12), color=colour, lw=1.6, label=name)
    axes.axhline(0.01, color=c.ink, lw=0.8, ls=":")
    axes.text(
        len(curve) * 0.99, 0.012, "1 %: the reach", color=c.ink, ha="right", fontsize=9, in_layout=False
    )
    axes.set_yscale("log")
    axes.set_ylim(1e-9, 10)
    legend(axes, dark, loc="lower right")
    return png(figure)


def draw_powers(curves: dict[str, Tensor], dark: bool) -> bytes:
    c = colours(dark)
    figure, axes = picture(7.2, 4.0, dark, "steps back from the answer, k", "w^k, and the gradient's share")
    steps = torch.arange(1001)
    for w, colour in ((0.99, c.blue), (1.0, c.grey), (1.01, c.red)):
        value = w**1000
        label = f"{w:g}^k; {w:g}^1000 = {value:,.0f}" if value >= 1 else f"{w:g}^k; {w:g}^1000 = {value:.1e}"
        axes.plot(steps, w ** steps.double(), color=colour, lw=1.2, ls="--", label=label)
    name = "tanh, W orthogonal"
    axes.plot(range(len(curves[name])), curves[name], color=c.green, lw=2, label=f"measured: {name}")
    axes.set_yscale("log")
    legend(axes, dark, loc="upper left")
    return png(figure)


def lesson(dark: bool = False) -> Lesson:
    """Measures, draws and says what one sees."""
    curves = measured()
    reaches = {name: reach(curve) for name, curve in curves.items()}
    factors = {name: factor(curve) for name, curve in curves.items()}
    half, plain, kept_length, lstm = curves
    low, high = float(curves[kept_length].min()), float(curves[kept_length].max())
    sentences = (
        f"The gradient by a state k steps back is a product of k matrices, so it goes like a power: "
        f"0.99^1000 = {0.99**1000:.1e}, 1.01^1000 = {1.01**1000:,.0f}.",
        f"With W = 0.5 I every step multiplies it by {factors[half]:.2f}: below 1 % of the last one more "
        f"than {reaches[half]} steps back, so nothing further back can be learnt.",
        f"A tanh network as torch starts it multiplies it by {factors[plain]:.2f} a step and reaches back "
        f"{reaches[plain]} steps.",
        f"An orthogonal W keeps lengths: over {STEPS} steps the gradient stays between {low:.2f} and "
        f"{high:.2f} of the last one.",
        f"An LSTM with forget bias 1 carries it past the matrices, through the forget gates: "
        f"{factors[lstm]:.2f} a step, {reaches[lstm]} steps back; compare these numbers with the distance to "
        f"your answers.",
    )
    numbers = {"steps": STEPS, "reach": reaches, "factor": factors, "orthogonal": [low, high]}
    drawn_curves = Picture("vanishing", "The gradient's norm by steps back", draw_measured(curves, dark))
    powers = Picture("vanishing-powers", "w^k beside a measured curve", draw_powers(curves, dark))
    return Lesson("Vanishing gradients", sentences, numbers, (drawn_curves, powers))
