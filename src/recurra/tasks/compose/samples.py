"""New pieces."""

from __future__ import annotations

import torch
from torch import Tensor

from recurra.models.note_model import NoteModel
from recurra.streaming.runner import one_step, runner
from recurra.tasks.parts.contexts import device_of, evaluating


def sample_rolls(
    model: NoteModel, prompt: Tensor, *, count: int, length: int, temperature: float, seed: int
) -> Tensor:
    """`[count, T + length, keys]`: pieces that go on after a prompt, `[T, keys]`, T may be 0.

    Args:
        length: further steps.
        temperature: below 1 for likelier notes.
        seed: of the drawing.
    """
    device = device_of(model)
    generator = torch.Generator(device).manual_seed(seed)
    with evaluating(model):
        step = one_step(runner(model, count))
        inputs = torch.cat([prompt.new_zeros(1, prompt.shape[1]), prompt]).to(device)
        logits, state = model(inputs.expand(count, -1, -1))
        output, rows = logits[:, -1], []
        for _ in range(length):
            notes = torch.bernoulli((output / temperature).sigmoid(), generator=generator)
            rows.append(notes)
            output, state = step(notes, state)
    rolls = torch.stack(rows, 1).cpu() if rows else prompt.new_zeros(count, 0, prompt.shape[1])
    return torch.cat([prompt.expand(count, -1, -1), rolls], 1)
