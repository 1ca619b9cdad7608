"""What does truncated back-propagation hide?

A GRU reads 30 symbols and says at the end in which order two of them came, which stand in the first half
(temporal order, Hochreiter and Schmidhuber, 1997). Its gradient is taken in full, and truncated: the state k
steps before the end counts as a constant. How far the two point apart is measured for many k; then the same
network is trained with a few of them.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from recurra.cells import GRU
from recurra.inspect.finding import percent
from recurra.inspect.lessons.lesson import Lesson, Picture
from recurra.inspect.practice import score
from recurra.inspect.problems import PROBLEMS, LastAnswer
from recurra.inspect.style import colours, legend, picture, png

PROBLEM = PROBLEMS["temporal_order"]
STEPS, HIDDEN, UPDATES, RATE, ROWS = 30, 24, 400, 1e-2, 32
TRUNCATIONS = (8, 14, 30)


def network() -> LastAnswer:
    torch.manual_seed(0)
    return LastAnswer(GRU(PROBLEM.inputs, HIDDEN), PROBLEM.outputs)


def truncated_loss(model: LastAnswer, x: Tensor, targets: Tensor, steps: int) -> Tensor:
    """The loss, whose gradient goes back `steps` steps and no further."""
    cut = x.shape[1] - steps
    state = None
    if cut > 0:
        with torch.no_grad():
            _, state = model.layer(x[:, :cut])
    y, _ = model.layer(x[:, max(0, cut) :], state)
    return PROBLEM.cost(model.output(y[:, -1]), targets)


def recurrent_gradient(model: LastAnswer, x: Tensor, targets: Tensor, steps: int) -> Tensor:
    """By all weights of the recurrent layer, as one vector."""
    loss = truncated_loss(model, x, targets, steps)
    gradients = torch.autograd.grad(loss, list(model.layer.parameters()))
    return torch.cat([g.reshape(-1) for g in gradients])


def cosines(model: LastAnswer) -> list[float]:
    """Of the truncated gradient and the full one, for k = 1 to `STEPS`."""
    x, targets = PROBLEM.batch(256, STEPS, torch.Generator().manual_seed(5))
    full = recurrent_gradient(model, x, targets, STEPS)
    parts = [recurrent_gradient(model, x, targets, k) for k in range(1, STEPS + 1)]
    return [float(torch.nn.functional.cosine_similarity(part, full, dim=0)) for part in parts]


def learn(steps: int) -> tuple[LastAnswer, list[float]]:
    """Trains with the truncated gradient; the model and the loss at each update."""
    model, generator = network(), torch.Generator().manual_seed(0)
    updater = torch.optim.Adam(model.parameters(), lr=RATE)
    losses = []
    for _ in range(UPDATES):
        loss = truncated_loss(model, *PROBLEM.batch(ROWS, STEPS, generator), steps)
        updater.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        updater.step()
        losses.append(float(loss.detach()))
    return model, losses


def draw_cosines(curves: dict[str, list[float]], dark: bool) -> bytes:
    c = colours(dark)
    figure, axes = picture(7.2, 3.8, dark, "truncated after k steps", "cosine with the full gradient")
    for (name, values), colour in zip(curves.items(), (c.grey, c.blue), strict=True):
        axes.plot(range(1, len(values) + 1), values, "o-", ms=3, lw=1.2, color=colour, label=name)
    axes.axhline(1.0, color=c.ink, lw=0.7, ls=":")
    legend(axes, dark)
    return png(figure)


def draw_losses(losses: dict[int, list[float]], dark: bool) -> bytes:
    c = colours(dark)
    figure, axes = picture(7.2, 3.8, dark, "update", "cross-entropy in nats (mean of 25 updates)")
    for (steps, values), colour in zip(losses.items(), (c.red, c.grey, c.blue), strict=True):
        means = torch.tensor(values).unfold(0, min(25, len(values)), 1).mean(-1)
        name = "in full" if steps >= STEPS else f"truncated after {steps} steps"
        axes.plot(range(len(means)), means, lw=1.4, color=colour, label=name)
    axes.axhline(math.log(4), color=c.ink, lw=0.9, ls=":", label="guessing")
    axes.set_yscale("log")
    legend(axes, dark, loc="lower left")
    return png(figure)


def lesson(dark: bool = False) -> Lesson:
    """Measures, draws and says what one sees."""
    start = cosines(network())
    trainings = {steps: learn(steps) for steps in TRUNCATIONS}
    short, middle, full = TRUNCATIONS
    rights = {steps: score(model, PROBLEM, STEPS)[1] for steps, (model, _) in trainings.items()}
    end = cosines(trainings[full][0])
    sentences = (
        f"Each row has {STEPS} steps, and what is asked for stands at its second and fifth tenth: "
        f"truncated after {short} or {middle} steps a gradient never sees the inputs that the answer needs.",
        f"At the start a truncation seems to hide little: the gradient vanishes by itself, and after {short} "
        f"steps it has a cosine of {start[short - 1]:.2f} with the full one.",
        f"In the network that was trained in full it has {end[short - 1]:.2f} there, and "
        f"{end[middle - 1]:.2f} after {middle} steps: what is hidden grows with what has been learnt.",
        f"Trained with {short} steps {percent(rights[short])} of the answers are right, with {middle} "
        f"{percent(rights[middle])}; guessing gives 25 %.",
        f"In full {percent(rights[full])} are right after as many updates: truncate no shorter than the "
        f"distance that has to be bridged.",
    )
    numbers = {"cosine_start": start, "cosine_trained": end, "right": {str(k): r for k, r in rights.items()}}
    curves = {"at the start": start, "trained in full": end}
    losses = {steps: each for steps, (_, each) in trainings.items()}
    pictures = (
        Picture("truncation", "Truncated gradients against the full one", draw_cosines(curves, dark)),
        Picture("truncation-training", "Training with truncated gradients", draw_losses(losses, dark)),
    )
    return Lesson("Truncated back-propagation", sentences, numbers, pictures)
