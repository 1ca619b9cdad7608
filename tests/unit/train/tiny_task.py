"""A task small enough for tests of training: a sum over random rows, learnt by a GRU, the state carried on.

Run as a program it is `recurra` with this task known: `python tiny_task.py train ...`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from recurra.cells import GRU
from recurra.errors import Fault
from recurra.layers.recurrent import Recurrent
from recurra.registry import MODULES, Configured
from recurra.state import detach
from recurra.storage.files import write_json
from recurra.tasks.base import TASKS, Loss, Options, Score, Task


@MODULES.register("tiny_model")
class TinyModel(Configured):
    """A GRU with dropout and an output whose weight may be tied to nothing."""

    def __init__(self, hidden_size: int = 6, dropout: float = 0.25) -> None:
        self.recurrent = Recurrent(GRU(2, hidden_size))
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden_size, 1)

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        y, state = self.recurrent(x, state)
        return self.output(self.dropout(y)), state


class TinyData(Options):
    rows: int = 12
    batches: int = 5
    nan_at: int | None = None
    spike_at: int | None = None
    kill_at: int | None = None
    signal_in_validation: int | None = None
    signal_at: int | None = None
    signal: int = signal.SIGINT
    score: str = "error"
    dropout: float = 0.25


class TinyOptions(Options):
    hidden_size: int = 6


class _Batches(Sequence[Any]):
    def __init__(self, task: TinyTask, epoch: int, rank: int, world: int) -> None:
        self.task, self.epoch, self.rank, self.world = task, epoch, rank, world

    def __len__(self) -> int:
        return self.task.data.batches

    def __getitem__(self, index: Any) -> Any:
        number = self.epoch * len(self) + index
        if self.task.data.kill_at == number and not os.environ.get("TINY_RESUMED"):
            os.kill(os.getpid(), signal.SIGKILL)
        if self.task.data.signal_at == number and not os.environ.get("TINY_RESUMED"):
            os.kill(os.getpid(), self.task.data.signal)
        generator = torch.Generator().manual_seed(1000 * self.task.seed + number)
        x = torch.randn(self.task.data.rows, 3, 2, generator=generator)
        if self.task.data.nan_at == number:
            x[0, 0, 0] = float("nan")
        return number, x[self.rank :: self.world]


@TASKS.register("tiny")
class TinyTask(Task):
    name = "tiny"
    DataOptions = TinyData
    ModelOptions = TinyOptions
    score = Score("error", larger_is_better=False)

    def __init__(self, data: TinyData, model: nn.Module, seed: int) -> None:
        self.data, self.model, self.seed = data, model, seed
        self.evaluated = 0

    @classmethod
    def prepare(cls, data: TinyData, model: TinyOptions, *, seed: int) -> Self:
        if data.rows < 1:
            raise Fault(f"rows = {data.rows} found, expected at least 1")
        torch.manual_seed(seed)
        return cls(data, TinyModel(model.hidden_size, data.dropout), seed)

    def save_assets(self, folder: Path) -> None:
        write_json(folder / "asset.json", {"rows": self.data.rows})

    @classmethod
    def restore(cls, data: TinyData, model: TinyOptions, module: nn.Module, folder: Path) -> Self:
        json.loads((folder / "asset.json").read_text())
        return cls(data, module, 0)

    def check(self) -> list[str]:
        return [f"{self.data.batches} batches of {self.data.rows} rows"]

    def batches(self, epoch: int, rank: int = 0, world: int = 1) -> Sequence[Any]:
        return _Batches(self, epoch, rank, world)

    def loss(self, batch: Any, carry: Any) -> Loss:
        number, x = batch[0], batch[1].to(self.model.output.weight.device)
        if carry is not None and len(carry.h) != len(x):
            carry = None
        y, state = self.model(x, carry)
        error = ((y[..., 0] - x.sum(-1)) ** 2).sum()
        if self.data.spike_at == number:
            # nothing is added, but the root of 0 has no finite slope
            error = error + (0 * self.model.recurrent.cell.input.weight).sum().sqrt()
        return Loss(error, x.shape[0] * x.shape[1], detach(state))

    def evaluate(self, data: str | Path | None = None) -> Mapping[str, float]:
        self.evaluated += 1
        if self.data.signal_in_validation == self.evaluated and not os.environ.get("TINY_RESUMED"):
            os.kill(os.getpid(), signal.SIGINT)
        torch.rand(3)  # whatever a validation draws, training must not notice
        if self.data.score == "nan":
            return {"error": float("nan")}
        if self.data.score == "worse":
            return {"error": float(self.evaluated)}
        x = torch.randn(8, 3, 2, generator=torch.Generator().manual_seed(7)).to(
            self.model.output.weight.device
        )
        with torch.no_grad():
            y, _ = self.model(x)
        return {"error": float(((y[..., 0] - x.sum(-1)) ** 2).mean())}

    def row(self, item: Any) -> str:
        if not isinstance(item, str):
            raise Fault(f"{item!r} found, expected text")
        return item

    def answers(self, rows: Sequence[str]) -> Iterator[dict[str, Any]]:
        for item in rows:
            yield {"item": item, "length": len(item)}


if __name__ == "__main__":
    torch.set_num_threads(1)
    from recurra.cli.app import main

    sys.exit(main())
