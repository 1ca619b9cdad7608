"""What do gates learn?

An LSTM is trained on the adding problem: of a row of numbers, two are marked, and their sum is the answer.
Its forget gates f are read before and after training. A unit whose gate stays at f remembers for about
1 / (1 - f) steps; gates below 0.1 or above 0.9 are said to be saturated to the left and to the right.
"""

from __future__ import annotations

import torch
from torch import Tensor

from recurra.cells import LSTM
from recurra.inspect.finding import percent
from recurra.inspect.lessons.lesson import Lesson, Picture
from recurra.inspect.practice import score, train
from recurra.inspect.problems import PROBLEMS, LastAnswer
from recurra.inspect.style import colours, legend, picture, png

STEPS, HIDDEN, UPDATES, RATE = 30, 16, 1000, 1e-2


def gates(cell: LSTM, x: Tensor) -> tuple[Tensor, Tensor]:
    """Input and forget gates of every step, `[B, T, H]` each: the cell's own step, its sums kept."""
    state, inputs, forgets = cell.initial_state(len(x)), [], []
    with torch.no_grad():
        for t in range(x.shape[1]):
            i, f, _, _ = (cell.input(x[:, t]) + cell.hidden(state.h)).chunk(4, -1)
            inputs.append(i.sigmoid())
            forgets.append(f.sigmoid())
            _, state = cell.step(x[:, t], state)
    return torch.stack(inputs, 1), torch.stack(forgets, 1)


def saturation(gate: Tensor) -> tuple[Tensor, Tensor]:
    """Share of rows and steps at which each unit's gate is below 0.1, and above 0.9, `[H]` each."""
    return (gate < 0.1).float().mean((0, 1)), (gate > 0.9).float().mean((0, 1))


def memory(gate: Tensor) -> float:
    """Steps that the best unit remembers: the largest 1 / (1 - f), f a unit's mean."""
    return float(1 / (1 - gate.mean((0, 1)).max()).clamp_min(1e-6))


def draw_saturation(gates_by_time: dict[str, Tensor], dark: bool) -> bytes:
    c = colours(dark)
    figure, axes = picture(
        5.4, 5.0, dark, "share of steps with f above 0.9", "share of steps with f below 0.1"
    )
    for (name, gate), colour, mark in zip(gates_by_time.items(), (c.grey, c.blue), "so", strict=True):
        left, right = saturation(gate)
        # units at one place hide each other
        free = int(((left < 0.01) & (right < 0.01)).sum())
        label = f"a unit, {name} ({free} of {len(left)} lie at 0, 0)"
        axes.plot(right, left, mark, color=colour, ms=7, alpha=0.8, label=label)
    axes.plot([0, 1], [1, 0], color=c.ink, lw=0.7, ls=":")
    axes.set_xlim(-0.03, 1.03)
    axes.set_ylim(-0.03, 1.03)
    legend(axes, dark)
    return png(figure)


def draw_row(x: Tensor, inputs: Tensor, forgets: Tensor, dark: bool) -> bytes:
    c = colours(dark)
    figure, both = picture(11.0, 3.8, dark, "step", "unit", columns=2)
    for axes, gate, name in zip(both, (inputs, forgets), ("input gate", "forget gate"), strict=True):
        image = axes.imshow(
            gate.T.numpy(), vmin=0, vmax=1, cmap="viridis", aspect="auto", interpolation="nearest"
        )
        axes.plot(x[:, 1].nonzero()[:, 0], [-1, -1], "v", color=c.red, ms=9, clip_on=False)
        axes.set_title(f"{name}; red: the marked steps", color=c.ink, fontsize=10, pad=14)
    bar = figure.colorbar(image, ax=list(both), label="how far the gate is open", pad=0.01)
    bar.ax.tick_params(colors=c.ink)
    bar.set_label("how far the gate is open (0 to 1)", color=c.ink)
    return png(figure)


def lesson(dark: bool = False) -> Lesson:
    """Measures, draws and says what one sees."""
    torch.manual_seed(0)
    problem, cell = PROBLEMS["adding"], LSTM(2, HIDDEN)
    model = LastAnswer(cell, 1)
    x, _ = problem.batch(100, STEPS, torch.Generator().manual_seed(3))
    _, start = gates(cell, x)
    loss_start, _ = score(model, problem, STEPS)
    train(model, problem, STEPS, UPDATES, rate=RATE)
    loss_end, right = score(model, problem, STEPS)
    inputs, end = gates(cell, x)
    marked = x[..., 1] > 0
    opening = inputs[marked].mean(0) - inputs[~marked].mean(0)
    unit = int(opening.argmax())
    at_mark, elsewhere = float(inputs[marked][:, unit].mean()), float(inputs[~marked][:, unit].mean())
    open_start, open_end = (float((gate > 0.9).float().mean()) for gate in (start, end))
    sentences = (
        f"Training lowered the error on rows of {STEPS} steps from {loss_start:.3f} to {loss_end:.4f}, and "
        f"{percent(right)} of the sums are right to 0.2.",
        f"At the start the forget gates lie around {float(start.mean()):.2f}: a unit forgets within "
        f"{1 / (1 - float(start.mean())):.1f} steps.",
        f"Trained, they are above 0.9 at {percent(open_end)} of all steps, against {percent(open_start)}.",
        f"The unit that remembers longest implies a memory of {memory(end):.0f} steps, 1 / (1 - f), against "
        f"{memory(start):.1f}.",
        f"Input gates learnt the mark: that of unit {unit} is {at_mark:.2f} open at marked steps and "
        f"{elsewhere:.2f} at others.",
    )
    numbers = {
        "loss": [loss_start, loss_end],
        "right": right,
        "open": [open_start, open_end],
        "memory": [memory(start), memory(end)],
        "input_gate": [at_mark, elsewhere],
    }
    by_time = {"at the start": start, "trained": end}
    pictures = (
        Picture("gates", "Saturation of the forget gates", draw_saturation(by_time, dark)),
        Picture("gates-row", "Gates over one row", draw_row(x[0], inputs[0], end[0], dark)),
    )
    return Lesson("What gates learn", sentences, numbers, pictures)
