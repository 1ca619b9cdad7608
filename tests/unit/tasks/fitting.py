"""Training without the trainer: enough to see whether a task learns."""

from __future__ import annotations

from pathlib import Path

import torch

from recurra.storage.models import load_model, save_model
from recurra.tasks import Task


def fit(task: Task, epochs: int, lr: float = 0.01) -> list[float]:
    """The mean loss of each epoch."""
    optimiser = torch.optim.Adam(task.model.parameters(), lr=lr)
    means = []
    for epoch in range(epochs):
        task.model.train()
        total, items, carry = 0.0, 0, None
        for batch in task.batches(epoch):
            loss = task.loss(batch, carry)
            carry = loss.carry
            optimiser.zero_grad()
            (loss.total / loss.items).backward()
            optimiser.step()
            total, items = total + float(loss.total.detach()), items + loss.items
        means.append(total / items)
    return means


def reloaded(task: Task, data: object, model: object, folder: Path) -> Task:
    """The same task out of a folder."""
    save_model(task.model, folder)
    task.save_assets(folder)
    return type(task).restore(data, model, load_model(folder), folder)
