"""Drawings and handwriting, step by step of a pen."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from recurra.errors import Fault
from recurra.models.stroke_model import StrokeModel
from recurra.ragged import Ragged
from recurra.storage.fields import Fields
from recurra.storage.files import read_json, write_json
from recurra.tasks.base import TASKS, Example, Loss, Score, Task
from recurra.tasks.draw.data import (
    DrawOptions,
    Steps,
    as_steps,
    drawing_of,
    independent_nats,
    read_drawings,
)
from recurra.tasks.draw.model import DrawModelOptions, build_model
from recurra.tasks.draw.plot import draw_drawings, plot_drawings
from recurra.tasks.draw.samples import sample_drawings
from recurra.tasks.parts.batches import answer_in_batches, shuffled_batches
from recurra.tasks.parts.contexts import device_of, evaluating, seeded
from recurra.tasks.parts.measurement import Measurement, ratios
from recurra.tasks.parts.sampling import check_sampling
from recurra.tasks.parts.sizes import activations_line, lengths_line, parameters_line
from recurra.tasks.parts.sources import read_parts
from recurra.tasks.parts.splits import LazySplits

ASSETS = "strokes.json"


@TASKS.register("draw")
class DrawTask(Task[StrokeModel]):
    """Predicts each step of a pen from all before it, the first from nothing, and when the drawing ends.

    Attributes:
        scale: deviation of the training steps, the network's unit.
        data: drawings `[T, 3]`, in the data's unit.
    """

    name = "draw"
    item_name = "steps"
    DataOptions = DrawOptions
    ModelOptions = DrawModelOptions
    score = Score("nll", larger_is_better=False)

    def __init__(self, options: DrawOptions, model: StrokeModel, scale: float, seed: int) -> None:
        self.options, self.seed, self.scale = options, seed, scale
        self.model = model
        self.data: LazySplits[list[Tensor]] = LazySplits(
            options, seed, lambda examples: read_drawings(examples, options)
        )

    @classmethod
    def prepare(cls, data: DrawOptions, model: DrawModelOptions, *, seed: int) -> Self:
        parts = read_parts(data, seed)
        train, notes = read_drawings(parts.train, data)
        # one size for both directions, so that no drawing is stretched
        scale = float(torch.cat(train)[:, :2].std(correction=0))
        if not scale > 0:
            raise Fault("the training drawings never move: every dx and dy is the same")
        with seeded(seed):
            task = cls(data, build_model(model), scale, seed)
        task.data.fill(train, notes, parts.validation)
        return task

    @classmethod
    def restore(
        cls, data: DrawOptions, model: DrawModelOptions, module: StrokeModel, folder: Path, *, seed: int = 0
    ) -> Self:
        scale = Fields(read_json(folder / ASSETS), str(folder / ASSETS)).number("scale")
        if not scale > 0:
            raise Fault(f"{folder / ASSETS}: scale = {scale} found, expected one above 0")
        return cls(data, module, scale, seed)

    def save_assets(self, folder: Path) -> None:
        write_json(folder / ASSETS, {"scale": self.scale})

    def check(self) -> list[str]:
        train = self.data.train
        lengths = [len(drawing) for drawing in train]
        longest = sum(sorted(lengths, reverse=True)[: self.options.batch_size])
        return [
            lengths_line("train", lengths, "steps"),
            lengths_line("validation", [len(drawing) for drawing in self.data.validation], "steps"),
            f"steps: deviation {self.scale:g}, the pen is lifted after {torch.cat(train)[:, 2].mean():.0%}",
            parameters_line(self.model),
            activations_line(self.model, longest, self.model.strokes.size),
            *self.data.notes,
        ]

    def batches(self, epoch: int, rank: int = 0, world: int = 1) -> Sequence[Steps]:
        train = self.data.train

        def make(indices: Sequence[int]) -> Steps:
            return as_steps([train[i] for i in indices], self.scale)

        lengths, size = [len(drawing) for drawing in train], self.options.batch_size
        return shuffled_batches(lengths, size, make, seed=self.seed, epoch=epoch, rank=rank, world=world)

    def read_training_data(self) -> bool:
        self.data.read_train()
        return True

    def loss(self, batch: Steps, carry: Any) -> Loss:
        moves, pens = self._costs(batch)
        return Loss(moves.sum() + pens.sum(), len(moves))

    def evaluate(self, data: str | Path | None = None) -> Mapping[str, float]:
        """Nats a step: `nll` of where the pen goes (a density, in deviations of the training steps) and what
        it does (`pen_nll` alone); `nll_independent` is that of one normal distribution and fixed shares, the
        same for every step, fitted to the very data that is measured.
        """
        return self.measure(data).scores

    def measure(self, data: str | Path | None = None) -> Measurement:
        selection = self.data.select(data)
        drawings = selection.examples
        steps = [len(drawing) for drawing in drawings]
        costs = answer_in_batches(drawings, steps, self.options.batch_size, self._sums)
        moves, pens = torch.stack(costs).unbind(1)
        return selection.measured(
            len(drawings),
            "drawings",
            ratios({"nll": (moves + pens, steps), "pen_nll": (pens, steps)}),
            {"nll_independent": independent_nats(as_steps(drawings, self.scale))},
        )

    def row(self, item: Any) -> Tensor:
        """Of a drawing: a list of [dx, dy, lifted]."""
        return drawing_of(item)

    def answers(self, rows: Sequence[Tensor]) -> Iterator[dict[str, Any]]:
        """For each drawing: its `nll` a step."""
        lengths = [len(drawing) for drawing in rows]
        costs = answer_in_batches(rows, lengths, self.options.batch_size, self._sums)
        for steps, (moves, pens) in zip(lengths, costs, strict=True):
            yield {"steps": steps, "nll": float(moves + pens) / steps}

    def examples(self, data: str | Path | None = None) -> Sequence[Example]:
        return [Example(drawing) for drawing in self.data.evaluation(data)]

    def drawing(self, examples: Sequence[Example], dark: bool = False) -> Any:
        """Each drawing, its steps in the colour of what they cost."""
        drawings = [each.row for each in examples]
        with evaluating(self.model):
            pairs = [self._costs(as_steps([each], self.scale)) for each in drawings]
        return draw_drawings(drawings, [(moves + pens).cpu() for moves, pens in pairs], dark)

    def sample(self, prompt: str = "", **options: Any) -> Iterator[str]:
        """New drawings: all in one picture, or as JSON, a list of [dx, dy, lifted] each.

        Args:
            prompt: how they begin: such JSON.
            options: `count`, `length` (steps at most), `temperature` (at most 1; below neater, by a bias of
                `1 / temperature - 1`), `seed`, and `output`, the picture's file.
        """
        return self._sample(prompt, **options)

    def _sample(
        self,
        prompt: str,
        *,
        count: int = 1,
        length: int | None = None,
        temperature: float = 1.0,
        seed: int = 0,
        output: str | Path | None = None,
    ) -> Iterator[str]:
        length = self.options.max_length if length is None else length
        check_sampling(count, length, temperature)
        if temperature > 1:
            raise Fault(f"temperature = {temperature}, expected above 0 and at most 1")
        begin = drawing_of(prompt) if prompt else torch.zeros(0, 3)
        drawings = self.drawn(begin, count, length, 1 / temperature - 1, seed)
        if output is not None:
            plot_drawings(drawings, Path(output))
            yield str(output)
            return
        for drawing in drawings:
            yield json.dumps([[round(x, 2), round(y, 2), int(up)] for x, y, up in drawing.tolist()])

    def drawn(self, begin: Tensor, count: int, length: int, bias: float = 0.0, seed: int = 0) -> list[Tensor]:
        """`count` drawings `[T, 3]` in the data's unit that go on after `begin`, `[T0, 3]`."""
        return sample_drawings(
            self.model, begin, self.scale, count=count, length=length, bias=bias, seed=seed
        )

    def _sums(self, drawings: Sequence[Tensor]) -> list[Tensor]:
        """Nats of the moves and of the pen of each drawing, `[2]`."""
        with evaluating(self.model):
            costs = torch.stack(self._costs(as_steps(drawings, self.scale)), 1).double().cpu()
        return [row.sum(0) for row in Ragged.from_list(list(drawings)).with_data(costs).to_list()]

    def _costs(self, batch: Steps) -> tuple[Tensor, Tensor]:
        device = device_of(self.model)
        outputs, _ = self.model(batch.inputs.to(device))
        return self.model.strokes.losses(outputs.data, batch.steps.to(device), batch.pens.to(device))
