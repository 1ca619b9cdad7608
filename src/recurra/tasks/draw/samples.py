"""New drawings."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from recurra.models.outputs.strokes import PENS
from recurra.models.stroke_model import READ, StrokeModel
from recurra.state import map_state
from recurra.streaming.runner import one_step, runner
from recurra.tasks.draw.data import END, network_steps
from recurra.tasks.parts.contexts import device_of, evaluating


def sample_drawings(
    model: StrokeModel, prompt: Tensor, scale: float, *, count: int, length: int, bias: float, seed: int
) -> list[Tensor]:
    """`count` drawings `[T, 3]` in the data's unit that go on after a prompt.

    Args:
        prompt: `[T0, 3]`, T0 may be 0.
        scale: the network's unit in the data's.
        length: further steps at most.
        bias: above 0 for neater drawings; see `recurra.models.outputs.strokes.StrokeOutput`.
        seed: of the drawing.
    """
    device = device_of(model)
    generator = torch.Generator(device).manual_seed(seed)
    with evaluating(model):
        step = one_step(runner(model, count))
        inputs = torch.cat([torch.zeros(1, READ), network_steps(prompt, scale, ends=False)]).to(device)
        outputs, state = model(inputs.unsqueeze(0))
        state = map_state(lambda leaf: leaf.expand(count, *leaf.shape[1:]).contiguous(), state)
        output = outputs[:, -1].expand(count, -1)
        rows: list[Tensor] = []
        ended = torch.zeros(count, dtype=torch.bool, device=device)
        lengths = torch.zeros(count, dtype=torch.int64, device=device)
        for _ in range(length):
            moves, pens = model.strokes.draw(output, generator, bias)
            rows.append(torch.cat([moves * scale, (pens > 0).unsqueeze(1).to(moves)], 1))
            lengths += ~ended
            ended |= pens == END
            if bool(ended.all()):
                break
            output, state = step(torch.cat([moves, F.one_hot(pens, len(PENS)).to(moves)], 1), state)
    joined = torch.stack(rows, 1).cpu()
    return [torch.cat([prompt, row[:n]]) for row, n in zip(joined, lengths.tolist(), strict=True)]
