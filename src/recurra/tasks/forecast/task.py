"""Forecasts of measurements: many to many over real vectors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from recurra.errors import Fault
from recurra.models.forecaster import Forecaster
from recurra.models.patch_forecaster import PatchForecaster
from recurra.storage.fields import Fields
from recurra.storage.files import read_json, write_json
from recurra.tasks.base import CHANGEABLE, TASKS, Example, Loss, Score, Task
from recurra.tasks.forecast.ahead import Ahead, ahead_of, answers, forecast, read_item, step_rows
from recurra.tasks.forecast.anomalies import AnomalyFinder
from recurra.tasks.forecast.columns import read_sizes
from recurra.tasks.forecast.data import ForecastData
from recurra.tasks.forecast.model import ForecastModelOptions, build_model
from recurra.tasks.forecast.options import PARTS, ForecastOptions, TableFormat
from recurra.tasks.forecast.plot import band, draw_forecasts
from recurra.tasks.forecast.scores import back_test, blocks, interval_levels, majority_signs
from recurra.tasks.parts.batches import Epoch
from recurra.tasks.parts.contexts import device_of, seeded
from recurra.tasks.parts.counts import require_count
from recurra.tasks.parts.measurement import Measurement
from recurra.tasks.parts.sizes import activations_line, parameters_line
from recurra.tasks.parts.units import Unit

ASSETS = "forecast.json"
_WINDOWS_TO_LEARN = 2048


@TASKS.register("forecast")
class ForecastTask(Task[Forecaster]):
    """Forecasts the next `horizon` steps of series from the last `context` ones."""

    name = "forecast"
    item_name = "numbers"
    tables = True
    DataOptions = ForecastOptions
    ModelOptions = ForecastModelOptions
    changeable = (*CHANGEABLE, "data.season", "data.direction", "data.interval")
    units: ClassVar[Mapping[str, Unit]] = {
        "mse": Unit("squared deviations", False),
        "mae": Unit("deviations", False),
        "crps": Unit("deviations", False),
        "width": Unit("deviations", None),
        "nll": Unit("nats a number", False),
        "mase": Unit("naive errors", False),
    }
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
        count = min(options.batch_size, len(parts["train"]))
        steps = (options.context + options.horizon) * count
        width = self.model.frame.targets * self.model.output.size
        if isinstance(self.model, PatchForecaster):
            patches = options.context // self.model.patch
            steps = patches * count * len(options.targets)
            width = options.horizon * self.model.output.size // patches
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
        return self.measure(data).scores

    def measure(self, data: str | Path | None = None) -> Measurement:
        options = self.options
        selection = self.data.select(data)
        windows = selection.examples
        majority = self.majority if options.direction else None
        figures, signs = back_test(self.model, windows, options.interval, options.season, majority)
        return selection.measured(
            len(windows),
            "windows",
            figures,
            signs,
            groups=blocks(windows),
            group_unit=f"blocks of {2 * options.horizon} steps",
        )

    def row(self, item: Any) -> list[Ahead]:
        """Of a file, or a table `{column: [cells]}`: each of its series."""
        return read_item(self.data, item)

    def answers(self, rows: Sequence[list[Ahead]]) -> Iterator[dict[str, Any]]:
        """What follows the last row of each series; see `recurra.tasks.forecast.ahead.answer`."""
        yield from answers(self.model, self.data, rows)

    def table_rows(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        """A row for each step ahead of each series: `series` and `time` where there are such, `step`, from 1,
        and of each target the forecast, under its name, with `.low` and `.high` where an interval is told.
        """
        return [row for each in answer["forecasts"] for row in step_rows(each)]

    def anomalies(self, quantile: float) -> AnomalyFinder:
        """See `recurra.tasks.forecast.anomalies`."""
        return AnomalyFinder(self.model, self.data, quantile)

    def examples(self, data: str | Path | None = None) -> Sequence[Example]:
        windows = self.data.evaluation(data)
        horizon, targets = self.options.horizon, len(self.options.targets)

        def make(number: int) -> Example:
            index, at = windows.origins[number]
            series = windows.series[index]
            row = [ahead_of(series, at, horizon)]
            return Example(row, series.values[at : at + horizon, :targets])

        return Epoch(len(windows), make)

    def mistake(self, answer: Mapping[str, Any], truth: Tensor) -> float:
        """The mean distance of the forecasts from what came, in the targets' unit."""
        (only,) = answer["forecasts"]
        means = torch.tensor([target["forecast"] for target in only["targets"].values()]).T
        return float((means - truth).abs().mean())

    def drawing(self, examples: Sequence[Example], dark: bool = False) -> Any:
        """What was read of each series, the forecast, its interval, and what came where that is known."""
        names, levels = self.options.targets, interval_levels(self.model, self.options.interval)
        windows = []
        for each in examples:
            for row in each.row:
                means, bounds = forecast(self.model, self.data, [row])
                interval = None if bounds is None else bounds[0]
                bands = [
                    band(row.series.values, means[0], interval, each.truth, k) for k in range(len(names))
                ]
                time = row.series.clock.text(row.series.times[-1])
                windows.append((f"{row.series.name} {time}".strip(), bands))
        share = None if levels is None else levels[1] - levels[0]
        return draw_forecasts(windows, names, share, dark)
