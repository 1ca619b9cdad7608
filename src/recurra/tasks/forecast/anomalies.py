"""Steps of a series that a forecaster did not expect."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from recurra.data.series import Series, Windows
from recurra.errors import Fault
from recurra.models.forecaster import Forecaster
from recurra.models.frames import Scaling
from recurra.tasks.forecast.ahead import read_table
from recurra.tasks.forecast.data import ForecastData
from recurra.tasks.forecast.windows import AT_ONCE
from recurra.tasks.parts.contexts import device_of, evaluating


class Surprises(NamedTuple):
    """Of steps in order.

    Attributes:
        values: `[N]`, how unexpected each step was, the mean over its targets.
        forecasts: `[N, targets]`, what was forecast of it from all before.
    """

    values: Tensor
    forecasts: Tensor


class AnomalyFinder:
    """Answers which steps of a series are anomalous: those more surprising than a share of the steps of the
    validation part.

    A step's surprise is that of the forecast of it alone, one step ahead: the negative log-density in nats,
    where the model gives a distribution; else the absolute error in deviations of the training part.

    Args:
        quantile: that share.

    Raises:
        Fault: the share is none, or the recipe's data can't be read.
    """

    name: ClassVar[str] = "forecast"
    formats: ClassVar[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {}

    def __init__(self, model: Forecaster, data: ForecastData, quantile: float) -> None:
        if not 0 < quantile < 1:
            raise Fault(f"--anomalies {quantile:g}: expected a share of ordinary steps between 0 and 1")
        self._model, self._data = model, data
        whole = data.part("validation")
        parts = [(0, 0)] * len(whole.series)
        for number, origin in whole.origins:
            first, last = parts[number]
            parts[number] = (first or origin, max(last, origin + whole.horizon))
        validation = Windows(whole.series, whole.context, 1, parts)
        self.threshold = float(torch.quantile(surprises(model, validation).values.double(), quantile))

    def row(self, item: Any) -> list[Series]:
        """Of a file, or a table `{column: [cells]}`: each of its series."""
        series = self._data.read(read_table(self._data, item))
        context = self._data.options.context
        short = next((each for each in series if len(each.values) <= context), None)
        if short is not None:
            raise Fault(
                f"{short.places[-1]}: the series ends {len(short.values)} rows after its start or last gap, "
                f"expected more than context = {context}"
            )
        return series

    def answers(self, rows: Sequence[Sequence[Series]]) -> Iterator[dict[str, Any]]:
        """For each item `threshold`, `unit` and `series`: a list of tables with the `series`' name, `time`
        where it has such, `row` (counted from 1 after the start or last gap), `surprise`, `anomalous`, and of
        each target the `value` and the `forecast` of it.
        """
        series = [one for item in rows for one in item]
        if not series:
            return
        options = self._data.options
        windows = Windows(series, options.context, 1, [(0, len(each.values)) for each in series])
        steps = surprises(self._model, windows)
        tables = iter([self._table(*each) for each in self._parts(series, steps)])
        unit = "nats" if self._model.output.density else "deviations"
        for item in rows:
            yield {"threshold": self.threshold, "unit": unit, "series": list(islice(tables, len(item)))}

    def table_rows(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        """A row for each step."""
        return [row for each in answer["series"] for row in _step_rows(each)]

    def plain_text(self, answer: Mapping[str, Any]) -> str:
        """A line for each anomalous step: series, time or row, and surprise."""
        rows = [row for row in self.table_rows(answer) if row["anomalous"]]
        places = ("series", "time") if any("time" in row for row in rows) else ("series", "row")
        return "".join(
            "\t".join([*(str(row[name]) for name in places if name in row), f"{row['surprise']:.4g}"]) + "\n"
            for row in rows
        )

    def _parts(self, series: Sequence[Series], steps: Surprises) -> Iterator[tuple[Series, Tensor, Tensor]]:
        counts = [len(each.values) - self._data.options.context for each in series]
        yield from zip(
            series, torch.split(steps.values, counts), torch.split(steps.forecasts, counts), strict=True
        )

    def _table(self, series: Series, values: Tensor, forecasts: Tensor) -> dict[str, Any]:
        options = self._data.options
        first = options.context
        heading: dict[str, Any] = {"series": series.name} if series.name else {}
        if options.time is not None:
            heading["time"] = [series.clock.text(time) for time in series.times[first:]]
        return {
            **heading,
            "row": list(range(first + 1, len(series.values) + 1)),
            "surprise": values.tolist(),
            "anomalous": (values > self.threshold).tolist(),
            "targets": {
                name: {"value": series.values[first:, k].tolist(), "forecast": forecasts[:, k].tolist()}
                for k, name in enumerate(options.targets)
            },
        }


def surprises(model: Forecaster, windows: Windows) -> Surprises:
    """Of the step after each context.

    Args:
        windows: of one step ahead.
    """
    frame, device = model.frame, device_of(model)
    assert isinstance(frame, Scaling)
    values, forecasts = [], []
    with evaluating(model):
        for start in range(0, len(windows), AT_ONCE):
            context, future, extra = (
                part.to(device) for part in windows.take(range(start, min(start + AT_ONCE, len(windows))))
            )
            # what is known of later steps has no influence on the first one
            later = extra[:, -1:].expand(-1, model.horizon.horizon - 1, -1)
            ahead = model(context, torch.cat([extra, later], 1))
            truth = future[..., : frame.targets]
            forecast = model.mean(ahead)[:, :1]
            if model.output.density:
                first = ahead._replace(raw=ahead.raw[:, :1])
                costs = model.loss(first, truth) + frame.unit(ahead.memo).log()
            else:
                costs = (frame.standard(forecast) - frame.standard(truth)).abs()
            values.append(costs.mean((1, 2)).cpu())
            forecasts.append(forecast[:, 0].cpu())
    return Surprises(torch.cat(values), torch.cat(forecasts))


def _step_rows(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for k, number in enumerate(table["row"]):
        row: dict[str, Any] = {"series": table["series"]} if "series" in table else {}
        if "time" in table:
            row["time"] = table["time"][k]
        row["row"] = number
        for name, target in table["targets"].items():
            row |= {name: target["value"][k], f"{name}.forecast": target["forecast"][k]}
        rows.append(row | {"surprise": table["surprise"][k], "anomalous": table["anomalous"][k]})
    return rows
