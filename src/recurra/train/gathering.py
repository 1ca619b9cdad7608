"""The gradient of one update, from one batch or from several, over all processes."""

from __future__ import annotations

from typing import Any

from torch import nn

from recurra.storage.fields import Fields
from recurra.tasks.base import Loss
from recurra.train.distributed import Processes
from recurra.train.nests import to_device


class Gathering:
    """Of the batches since the last update: the gradient of their mean loss over all items, so that how items
    are shared out among batches and processes makes no difference.

    Attributes:
        batches: since the last update, those that were left out, too.
        items, total: of the batches that count, over all processes.
    """

    def __init__(self, model: nn.Module, processes: Processes) -> None:
        self._model, self._processes = model, processes
        self.batches = 0
        self.items = self.total = self._divisor = 0.0

    def add(self, loss: Loss, items: float, total: float) -> None:
        """Takes the gradient of a batch in.

        Args:
            items, total: of the batch, over all processes.
        """
        # what is gathered is of the size of a mean from the first batch on, whatever follows
        self._divisor = self._divisor or items
        (loss.total / self._divisor).backward()  # type: ignore[no-untyped-call]
        self.items += items
        self.total += total

    def finish(self) -> float:
        """All weights have their gradient; the mean loss."""
        self._processes.sum_gradients(self._model)
        if self.items != self._divisor:
            for weight in self._model.parameters():
                if weight.grad is not None:
                    weight.grad.mul_(self._divisor / self.items)
        return self.total / self.items

    def forget(self) -> None:
        """Begins anew; the optimiser drops the gradients themselves."""
        self.batches = 0
        self.items = self.total = self._divisor = 0.0

    def state(self) -> dict[str, Any] | None:
        """What `restore` takes back in the same process; None after an update."""
        if not self.batches:
            return None
        gradients = {
            name: weight.grad for name, weight in self._model.named_parameters() if weight.grad is not None
        }
        numbers = {"items": self.items, "total": self.total, "divisor": self._divisor}
        return {"batches": self.batches, "gradients": gradients, **numbers}

    def restore(self, state: dict[str, Any] | None, where: str) -> None:
        """Goes on from there."""
        if state is None:
            return
        self.batches = Fields(state, where).whole("batches")
        self.items, self.total, self._divisor = (state[name] for name in ("items", "total", "divisor"))
        for name, gradient in state["gradients"].items():
            self._model.get_parameter(name).grad = to_device(gradient, self._processes.device)
