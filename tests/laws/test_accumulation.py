"""The gradient gathered over the batches of an epoch is that of one batch of all its rows, in every task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from recurra.tasks import Task
from recurra.train.distributed import Processes
from recurra.train.gathering import Gathering
from recurra.train.options import TrainOptions
from recurra.train.recipe import recipe_of
from tests.laws.table_tasks import TASKS, table_of
from tests.laws.test_tasks import name

__all__ = ["name"]

EVERYTHING = 10_000
NOISY = ("autoencode",)
"""Whose batches draw which words to leave out."""
DRAWN = ("algorithm",)
"""Whose rows are drawn, as many as a batch has."""


def prepared(name: str, **data: Any) -> Task:
    table = table_of(name)
    torch.manual_seed(0)
    task = recipe_of({**table, "data": {**table["data"], **data}}, name).prepare()
    task.model.double()
    return task


def losses(task: Task, batches: Sequence[Any]) -> list[Any]:
    """Of each batch, the state carried on."""
    task.model.eval()
    results, carry = [], None
    for batch in batches:
        results.append(task.loss(batch, carry))
        carry = results[-1].carry
    return results


def gathered(task: Task, batches: Sequence[Any]) -> dict[str, Tensor]:
    task.model.zero_grad()
    gathering = Gathering(task.model, Processes(TrainOptions()))
    for loss in losses(task, batches):
        if loss.items:
            gathering.add(loss, loss.items, float(loss.total.detach()))
    gathering.finish()
    return gradients(task)


def at_once(task: Task, batches: Sequence[Any]) -> dict[str, Tensor]:
    task.model.zero_grad()
    every = losses(task, batches)
    (sum(loss.total for loss in every) / sum(loss.items for loss in every)).backward()
    return gradients(task)


def gradients(task: Task) -> dict[str, Tensor]:
    return {
        name: weight.grad.clone() for name, weight in task.model.named_parameters() if weight.grad is not None
    }


def assert_same(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    assert one
    for weight, gradient in one.items():
        torch.testing.assert_close(gradient, other[weight], rtol=1e-6, atol=1e-9)


def test_sum_of_batches(name: str) -> None:
    task = prepared(name)
    batches = list(task.batches(0))
    assert_same(gathered(task, batches), at_once(task, batches))


def test_one_batch_of_all_rows(name: str) -> None:
    if "batch_size" not in TASKS[name].data or "window" in TASKS[name].data:
        pytest.skip("its batches have no size in rows, or are cut from streams")
    if name in NOISY:
        pytest.skip("its batches draw which words are left out")
    if name.split()[0] in DRAWN:
        pytest.skip("a larger batch has other rows")
    size = min(2, TASKS[name].data["batch_size"])
    few, all_rows = prepared(name, batch_size=size), prepared(name, batch_size=EVERYTHING)
    batches = list(few.batches(0))
    assert len(batches) > 1
    (whole,) = all_rows.batches(0)
    assert_same(gathered(few, batches), at_once(all_rows, [whole]))
