"""Forecasts of measurements: many to many over real vectors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from recurra.errors import Fault
from recurra.models.forecaster import Forecaster
from recurra.storage.fields import Fields
from recurra.storage.files import read_json, write_json
from recurra.tasks.base import CHANGEABLE, TASKS, Loss, Score, Task
from recurra.tasks.forecast.ahead import Ahead, answer, read_item
from recurra.tasks.forecast.columns import read_sizes
from recurra.tasks.forecast.data import ForecastData
from recurra.tasks.forecast.model import ForecastModelOptions, build_model
from recurra.tasks.forecast.options import PARTS, ForecastOptions, TableFormat
from recurra.tasks.forecast.plot import plot_windows
from recurra.tasks.forecast.scores import back_test, majority_signs
from recurra.tasks.parts.contexts import device_of, seeded
from recurra.tasks.parts.counts import require_count
from recurra.tasks.parts.sizes import activations_line, parameters_line

ASSETS = "forecast.json"
_WINDOWS_TO_LEARN = 2048


@TASKS.register("forecast")
class ForecastTask(Task[Forecaster]):
    """Forecasts the next `horizon` steps of series from the last `context` ones."""

    name = "forecast"
    tables = True
    DataOptions = ForecastOptions
    ModelOptions = ForecastModelOptions
    changeable = (*CHANGEABLE, "data.season", "data.direction", "data.interval")
    score = Score("loss", larger_is_better=False)

    def __init__(self, data: ForecastData, model: Forecaster, majority: Tensor) -> None:
        self.data, self.options = data, data.options
        self.model = model
        self.majority = majority

    @classmethod
    def prepare(cls, data: ForecastOptions, model: ForecastModelOptions, *, seed: int) -> Self:
        series = ForecastData(data, seed)
        rows = series.training_rows()
        windows = series.part("train")
        _ = series.part("validation")  # what is wrong with it is told now
        known = windows.series[0].known.shape[1]
        with seeded(seed):
            forecaster = build_model(model, data, known)
        context, future, _ = windows.take(windows.spaced_numbers(_WINDOWS_TO_LEARN))
        forecaster.frame.learn(rows, context, future)
        return cls(series, forecaster, majority_signs(windows, len(data.targets)))

    @classmethod
    def restore(
        cls,
        data: ForecastOptions,
        model: ForecastModelOptions,
        module: Forecaster,
        folder: Path,
        *,
        seed: int = 0,
    ) -> Self:
        assets = read_json(folder / ASSETS)
        signs = Fields(assets, str(folder / ASSETS)).table("majority")
        fields = Fields(signs, f"{folder / ASSETS}: majority")
        majority = torch.tensor([fields.number(name) for name in data.targets])
        require_count(len(data.targets), module.frame.targets, "targets", folder / "recipe.toml")
        require_count(data.horizon, module.horizon.horizon, "steps ahead", folder / "recipe.toml")
        try:  # earlier runs say nothing of it
            form = TableFormat.from_table(assets["format"]) if "format" in assets else None
        except (KeyError, TypeError, ValueError, OverflowError, ZeroDivisionError):
            raise Fault(
                f"{folder / ASSETS}: holds no format of a table: it is damaged or from another version"
            ) from None
        sizes = read_sizes(assets.get("sizes", {}), data.width, str(folder / ASSETS))
        return cls(ForecastData(data, seed, form, sizes), module, majority)

    def save_assets(self, folder: Path) -> None:
        signs = dict(zip(self.options.targets, self.majority.tolist(), strict=True))
        assets = {"majority": signs, "format": self.data.format.to_table()}
        if self.data.sizes:
            assets["sizes"] = {name: row.tolist() for name, row in self.data.sizes.items()}
        write_json(folder / ASSETS, assets)

    def check(self) -> list[str]:
        options = self.options
        parts = {name: self.data.part(name) for name in PARTS if name != "test" or options.split[2] > 0}
        rows = sum(len(each.values) for each in parts["train"].series)
        first = self.batches(0)
        steps = (options.context + options.horizon) * min(options.batch_size, len(parts["train"]))
        width = self.model.frame.targets * self.model.output.size
        step = parts["train"].series[0].step
        return [
            f"series: {len(parts['train'].series):,} of {rows:,} rows in all, {len(options.targets)} "
            f"targets, {len(options.covariates)} covariates, "
            f"{parts['train'].series[0].known.shape[1]} known ahead"
            + (f", steps of {step.describe()}" if options.time and step is not None else ""),
            *(f"{name}: {len(windows):,} windows" for name, windows in parts.items()),
            f"epoch: {len(first):,} batches of up to {options.batch_size} windows of "
            f"{options.context} + {options.horizon} steps",
            parameters_line(self.model),
            activations_line(self.model, steps, width),
            *self.data.notes,
        ]

    def batches(self, epoch: int, rank: int = 0, world: int = 1) -> Sequence[Any]:
        return self.data.batches(epoch, rank, world)

    def read_training_data(self) -> bool:
        _ = self.data.part("train")
        return True

    def loss(self, batch: tuple[Tensor, Tensor, Tensor], carry: Any) -> Loss:
        context, future, known = (part.to(device_of(self.model)) for part in batch)
        truth = future[..., : self.model.frame.targets]
        costs = self.model.loss(self.model(context, known), truth)
        return Loss(costs.sum(), costs.numel())

    def evaluate(self, data: str | Path | None = None) -> Mapping[str, float]:
        """A rolling back-test over every window of the validation part, of `"test"`, or of another file; see
        `recurra.tasks.forecast.scores.back_test` and, with `direction`, `recurra.tasks.forecast.direction`.
        """
        options = self.options
        return back_test(
            self.model,
            self.data.evaluation(data),
            options.interval,
            options.season,
            self.majority if options.direction else None,
        )

    def row(self, item: Any) -> list[Ahead]:
        """Of a file, or a table `{column: [cells]}`: each of its series."""
        return read_item(self.data, item)

    def answers(self, rows: Sequence[list[Ahead]]) -> Iterator[dict[str, Any]]:
        """What follows the last row of each series; see `recurra.tasks.forecast.ahead.answer`."""
        for series in rows:
            yield answer(self.model, self.data, series)

    def plot(self, path: str | Path, data: str | Path | None = None, count: int = 4) -> None:
        """Draws `count` windows, evenly spaced, of what `evaluate(data)` measures: context, truth, forecast
        and interval. The kind of picture follows from the path's ending.
        """
        windows = self.data.evaluation(data)
        plot_windows(self.model, windows.only(windows.spaced_numbers(count)), self.options, Path(path))
