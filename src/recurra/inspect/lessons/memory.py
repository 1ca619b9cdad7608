"""Can one tell before training whether a network will remember?

Two LSTMs differ in one number, the forget gate's bias at the start: 0 and 1 (Gers et al., 2000; Jozefowicz
et al., 2015). How far back the gradient reaches is measured before the first update; then both are trained on
the adding problem until they solve it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from recurra.cells import LSTM
from recurra.inspect.finding import percent
from recurra.inspect.lessons.lesson import Lesson, Picture
from recurra.inspect.practice import Lap, backward_curve, reach, score, train
from recurra.inspect.problems import PROBLEMS, LastAnswer
from recurra.inspect.style import colours, legend, picture, png

PROBLEM = PROBLEMS["adding"]
STEPS, HIDDEN, UPDATES, RATE = 100, 32, 2000, 1e-2
BIASES = (0.0, 1.0)
SOLVED, CHECKED_EVERY = 0.95, 50


def network(bias: float) -> LastAnswer:
    """The same weights but for the forget gate's bias."""
    torch.manual_seed(0)
    return LastAnswer(LSTM(PROBLEM.inputs, HIDDEN, forget_bias=bias), PROBLEM.outputs)


def curve(model: LastAnswer) -> Tensor:
    """The gradient's norm by the state k steps back, as a share of that at the end."""
    x, _ = PROBLEM.batch(16, STEPS, torch.Generator().manual_seed(1))
    return backward_curve(model.layer.cell, x)


def practise(model: LastAnswer) -> list[Lap]:
    """Trains until 95 % of fresh rows are answered to 0.2."""

    def solved(number: int) -> bool:
        return number % CHECKED_EVERY == 0 and score(model, PROBLEM, STEPS)[1] >= SOLVED

    return train(model, PROBLEM, STEPS, UPDATES, rate=RATE, stop=solved)


def draw_curves(curves: dict[str, Tensor], dark: bool) -> bytes:
    c = colours(dark)
    figure, axes = picture(7.2, 4.0, dark, "steps back from the answer", "gradient's norm, share of the last")
    looks = zip(curves.items(), (c.red, c.blue, c.red, c.blue), ("--", "--", "-", "-"), strict=True)
    for (name, values), colour, line in looks:
        axes.plot(range(len(values)), values.clamp_min(1e-12), line, color=colour, lw=1.5, label=name)
    axes.axhline(0.01, color=c.ink, lw=0.8, ls=":", label="1 %: the reach")
    axes.set_yscale("log")
    legend(axes, dark, loc="lower left")
    return png(figure)


def draw_losses(laps: dict[float, list[Lap]], dark: bool) -> bytes:
    c = colours(dark)
    figure, axes = picture(7.2, 3.6, dark, "update", "mean squared error (mean of 25 updates)")
    for (bias, each), colour in zip(laps.items(), (c.red, c.blue), strict=True):
        losses = torch.tensor([lap.loss for lap in each])
        means = losses.unfold(0, min(25, len(losses)), 1).mean(-1)
        axes.plot(range(len(means)), means, color=colour, lw=1.4, label=f"forget bias {bias:g}")
    axes.axhline(1 / 6, color=c.ink, lw=0.9, ls=":", label="always answering 1")
    axes.set_yscale("log")
    legend(axes, dark, loc="lower left")
    return png(figure)


def result(laps: list[Lap], right: float) -> str:
    """How a training ended, in words."""
    if right >= SOLVED:
        return f"solved after {len(laps):,} updates"
    return f"not solved after {len(laps):,} updates ({percent(right)} right)"


def lesson(dark: bool = False) -> Lesson:
    """Measures, draws and says what one sees."""
    models = {bias: network(bias) for bias in BIASES}
    starts = {bias: curve(model) for bias, model in models.items()}
    laps = {bias: practise(model) for bias, model in models.items()}
    rights = {bias: score(model, PROBLEM, STEPS)[1] for bias, model in models.items()}
    ends = {bias: curve(model) for bias, model in models.items()}
    shut, opened = BIASES
    reaches = {bias: (reach(starts[bias]), reach(ends[bias])) for bias in BIASES}
    efforts = {bias: (rights[bias] < SOLVED, len(laps[bias])) for bias in BIASES}
    verdict = "it was so" if efforts[opened] < efforts[shut] else "here it was not so"
    sentences = (
        f"Before training the gradient reaches back {reaches[shut][0]} steps with forget bias 0 and "
        f"{reaches[opened][0]} with forget bias 1; the answer needs numbers up to {STEPS} steps back.",
        f"So neither sees the far number at once, but bias 1 starts nearer to it: it should learn sooner, "
        f"and {verdict}.",
        f"With bias 0 the problem was {result(laps[shut], rights[shut])}.",
        f"With bias 1 it was {result(laps[opened], rights[opened])}.",
        f"Trained, the gradient reaches back {reaches[shut][1]} and {reaches[opened][1]} steps: learning to "
        f"remember and opening the gradient's way back are one thing.",
    )
    numbers = {
        "steps": STEPS,
        "reach": {f"{bias:g}": list(each) for bias, each in reaches.items()},
        "updates": {f"{bias:g}": len(each) for bias, each in laps.items()},
        "right": {f"{bias:g}": each for bias, each in rights.items()},
    }
    curves = {f"forget bias {bias:g}, at the start": values for bias, values in starts.items()}
    curves |= {f"forget bias {bias:g}, trained": values for bias, values in ends.items()}
    pictures = (
        Picture("memory", "The gradient's norm before and after training", draw_curves(curves, dark)),
        Picture("memory-training", "Both trainings", draw_losses(laps, dark)),
    )
    return Lesson("Memory, told before training", sentences, numbers, pictures)
