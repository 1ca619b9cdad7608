"""What happens when every step multiplies the gradient by a little more than 1?

Networks with W = g times a matrix of random numbers (variance 1/H) go from forgetting to chaos at about
g = 1 (Sompolinsky et al., 1988). The norm of the gradient by earlier states is measured for several g, beside
the powers 0.99^k, 1^k, 1.01^k; then the norms of the gradients by the weights on many batches.
"""

from __future__ import annotations

import torch
from torch import Tensor

from recurra.cells import VanillaRNN
from recurra.inspect.lessons.lesson import Lesson, Picture
from recurra.inspect.practice import backward_curve
from recurra.inspect.problems import PROBLEMS, LastAnswer
from recurra.inspect.style import colours, legend, picture, png

STEPS, HIDDEN, ROWS, BATCHES = 200, 64, 8, 60
GAINS = (0.8, 1.0, 1.5, 2.0)


def network(gain: float, seed: int = 0) -> VanillaRNN:
    """A tanh network whose recurrent weights are normal, of deviation gain / sqrt(H)."""
    torch.manual_seed(seed)
    cell = VanillaRNN(2, HIDDEN)
    with torch.no_grad():
        cell.hidden.weight.normal_(0, gain / HIDDEN**0.5)
        cell.input.weight.mul_(0.1)
    return cell


def measured() -> dict[float, Tensor]:
    """Gain -> the norm of the gradient by the state k steps back, as a share of that at the end."""
    x = torch.rand(ROWS, STEPS, 2, generator=torch.Generator().manual_seed(1)) - 0.5
    return {gain: backward_curve(network(gain), x) for gain in GAINS}


def batch_norms(gain: float) -> list[float]:
    """The norm of the gradient by all weights on each of many batches of the adding problem."""
    problem, generator = PROBLEMS["adding"], torch.Generator().manual_seed(2)
    model = LastAnswer(network(gain), 1)
    norms = []
    for _ in range(BATCHES):
        x, targets = problem.batch(ROWS, STEPS, generator)
        loss = problem.cost(model(x), targets)
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        norms.append(float(torch.stack([g.norm() for g in gradients]).norm()))
    return norms


def draw_curves(curves: dict[float, Tensor], dark: bool) -> bytes:
    c = colours(dark)
    figure, axes = picture(
        7.2, 4.0, dark, "steps back from the answer, k", "gradient's norm, share of the last"
    )
    for (gain, curve), colour in zip(curves.items(), (c.blue, c.green, c.grey, c.red), strict=True):
        axes.plot(
            range(len(curve)), curve.clamp_min(1e-12), color=colour, lw=1.6, label=f"measured, g = {gain:g}"
        )
    steps = torch.arange(STEPS + 1)
    for w, end in (
        (1.01, f"1.01^k; 1.01^1000 = {1.01**1000:,.0f}"),
        (0.99, f"0.99^k; 0.99^1000 = {0.99**1000:.1e}"),
    ):
        axes.plot(steps, w ** steps.double(), color=c.ink, lw=1, ls="--" if w > 1 else ":", label=end)
    axes.set_yscale("log")
    legend(axes, dark, loc="lower left")
    return png(figure)


def draw_norms(norms: dict[float, list[float]], dark: bool) -> bytes:
    c = colours(dark)
    figure, axes = picture(7.2, 3.6, dark, "batch", "norm of the gradient by the weights")
    for (gain, values), colour in zip(norms.items(), (c.blue, c.red), strict=True):
        axes.plot(range(len(values)), values, "o-", ms=3, lw=0.8, color=colour, label=f"g = {gain:g}")
    axes.set_yscale("log")
    legend(axes, dark)
    return png(figure)


def lesson(dark: bool = False) -> Lesson:
    """Measures, draws and says what one sees."""
    curves = measured()
    ends = {gain: float(curve[-1]) for gain, curve in curves.items()}
    factors = {gain: end ** (1 / STEPS) for gain, end in ends.items()}
    calm, wild = GAINS[0], GAINS[-1]
    norms = {gain: batch_norms(gain) for gain in (calm, wild)}
    middles = {gain: float(torch.tensor(values).median()) for gain, values in norms.items()}
    largest = max(norms[wild])
    sentences = (
        f"A little above 1 is enough: 1.01^1000 = {1.01**1000:,.0f}, where 0.99^1000 = {0.99**1000:.1e}.",
        f"At g = {calm:g} each step multiplies the gradient by {factors[calm]:.3f}, and {STEPS} steps back "
        f"{ends[calm]:.1e} of it is left.",
        f"At g = {wild:g} each step multiplies it by {factors[wild]:.3f}, and {STEPS} steps back it is "
        f"{ends[wild]:.1e} times what it is at the end; tanh saturates and slows this, but does not stop it.",
        f"So the gradient by the weights is {middles[wild]:.1e} in the median batch, against "
        f"{middles[calm]:.1e} at g = {calm:g}.",
        f"And it leaps: the largest of {BATCHES} batches is {largest / middles[wild]:.0f} times the median, "
        f"and one update of that size throws the weights away; clip it (see the lesson clipping).",
    )
    numbers = {
        "steps": STEPS,
        "end": {f"{gain:g}": end for gain, end in ends.items()},
        "factor": {f"{gain:g}": each for gain, each in factors.items()},
        "median": {f"{gain:g}": each for gain, each in middles.items()},
        "largest": largest,
    }
    pictures = (
        Picture("exploding", "The gradient's norm by steps back", draw_curves(curves, dark)),
        Picture("exploding-batches", "Gradients of many batches", draw_norms(norms, dark)),
    )
    return Lesson("Exploding gradients", sentences, numbers, pictures)
