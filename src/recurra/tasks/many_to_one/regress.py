"""Regression: one or several numbers for each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from pydantic import field_validator
from torch import Tensor
from torch.nn import functional as F

from recurra.data import Examples, columns
from recurra.data.sentinels import sentinel_notes
from recurra.models import Regressor
from recurra.tasks.base import TASKS, Example, Score
from recurra.tasks.many_to_one.data import ManyToOneDataOptions, build_reader, load_reader
from recurra.tasks.many_to_one.model import ManyToOneOptions, build_model
from recurra.tasks.many_to_one.plot import Course
from recurra.tasks.many_to_one.task import ManyToOneTask
from recurra.tasks.parts.contexts import seeded
from recurra.tasks.parts.counts import require_count
from recurra.tasks.parts.measurement import Measurement
from recurra.tasks.parts.metrics import regression_figures
from recurra.tasks.parts.sources import read_parts


class RegressDataOptions(ManyToOneDataOptions):
    """Rows with numbers to predict.

    Attributes:
        target: the column of numbers to predict, or several.
    """

    target: str | list[str] = "target"

    @field_validator("target")
    @classmethod
    def _some(cls, target: str | list[str]) -> str | list[str]:
        if not target:
            raise ValueError("expected the name of a column")
        return target

    @property
    def names(self) -> list[str]:
        """The target columns."""
        return [self.target] if isinstance(self.target, str) else self.target


@TASKS.register("regress")
class RegressTask(ManyToOneTask[Regressor, Tensor]):
    """Predicts numbers, in their own unit; the network learns them at the scale of the training part."""

    name = "regress"
    item_name = "rows"
    DataOptions = RegressDataOptions
    ModelOptions = ManyToOneOptions
    score = Score("mse", larger_is_better=False)
    axis = ("answer", False)
    options: RegressDataOptions

    @classmethod
    def prepare(cls, data: RegressDataOptions, model: ManyToOneOptions, *, seed: int) -> Self:
        examples, validation = read_parts(data, seed)
        if data.distinct and data.tokens is not None:
            examples = examples.distinct(data.tokens, *data.names)
        reader = build_reader(data, model, examples)
        count = len(data.names)
        with seeded(seed):
            task = cls(data, reader, Regressor(build_model(model, reader, count), count), seed)
        train, notes = task.read(examples)
        task.model.learn(train.answers)
        task.data.fill(train, notes, validation)
        return task

    @classmethod
    def restore(
        cls,
        data: RegressDataOptions,
        model: ManyToOneOptions,
        module: Regressor,
        folder: Path,
        *,
        seed: int = 0,
    ) -> Self:
        reader = load_reader(data, model, folder)
        reader.require_input(module.network.input, folder)
        require_count(len(data.names), module.mean.numel(), "targets", folder / "recipe.toml")
        return cls(data, reader, module, seed)

    def check(self) -> list[str]:
        lines = []
        for name, column in zip(self.options.names, self.data.train.answers.unbind(1), strict=True):
            low, high = float(column.min()), float(column.max())
            lines.append(
                f"target {name}: {low:.4g} to {high:.4g}, mean {float(column.mean()):.4g}"
                + ("; it never changes in training: nothing to learn" if low == high else "")
            )
        lines += sentinel_notes([f"target {name}" for name in self.options.names], self.data.train.answers)
        return [*lines, *super().check()]

    def evaluate(self, data: str | Path | None = None) -> Mapping[str, float]:
        """`mse` and `mae` over all numbers, and `r2`, the share of the variance explained."""
        return self.measure(data).scores

    def measure(self, data: str | Path | None = None) -> Measurement:
        selection = self.data.select(data)
        rows, answers = selection.examples
        return selection.measured(len(rows), "examples", regression_figures(answers, self.answer(rows)))

    def targets(self, answers: Tensor, indices: Sequence[int]) -> Tensor:
        return answers[list(indices)]

    def cost(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Squares of the scaled errors, the mean over the columns, summed over rows."""
        squares = F.mse_loss(self.model.scaled(outputs), self.model.scaled(targets), reduction="sum")
        return squares / targets.shape[1]

    def _answers(self, examples: Examples) -> Tensor:
        return columns.numbers(examples, *self.options.names)

    def mistake(self, answer: Mapping[str, Any], truth: Sequence[float]) -> float:
        """The mean distance of the numbers, each in deviations of the training part."""
        answers = torch.tensor([answer[name] for name in self.options.names])
        return float(((answers - torch.tensor(truth)) / self.model.deviation.cpu()).abs().mean())

    def _truths(self, answers: Tensor) -> list[list[float]]:
        numbers: list[list[float]] = answers.tolist()
        return numbers

    def _course(self, example: Example, movement: Sequence[dict[str, Any]]) -> Course:
        names, last = self.options.names, movement[-1]
        true = dict(zip(names, example.truth, strict=True)) if example.truth is not None else {}
        notes = {name: f" (true: {number:.4g})" for name, number in true.items()}
        title = ", ".join(f"{name} {last[name]:.4g}{notes.get(name, '')}" for name in names)
        lines = {name: [step[name] for step in movement] for name in names}
        return Course([step["step"] for step in movement], lines, title)

    def _table(self, outputs: Tensor) -> dict[str, Any]:
        return dict(zip(self.options.names, outputs.tolist(), strict=True))
