"""Where walkers and drivers go: forecasts of points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from recurra.data.sentinels import sentinel_notes
from recurra.errors import Fault
from recurra.models.forecaster import Forecaster
from recurra.storage.text import parse_json
from recurra.tasks.base import TASKS, Example, Loss, Score, Task
from recurra.tasks.forecast.windows import forecasts
from recurra.tasks.parts.batches import Epoch
from recurra.tasks.parts.contexts import device_of, evaluating, seeded
from recurra.tasks.parts.counts import require_count
from recurra.tasks.parts.measurement import Measurement, ordinals, ratios
from recurra.tasks.parts.sizes import activations_line, parameters_line
from recurra.tasks.trajectory.data import TrajectoryData, TrajectoryOptions
from recurra.tasks.trajectory.model import TrajectoryModelOptions, build_model
from recurra.tasks.trajectory.plot import draw_paths

_WINDOWS_TO_LEARN = 4096


@TASKS.register("trajectory")
class TrajectoryTask(Task[Forecaster]):
    """Forecasts the next `horizon` points of a path from the last `context` ones, each walker alone."""

    name = "trajectory"
    item_name = "steps"
    DataOptions = TrajectoryOptions
    ModelOptions = TrajectoryModelOptions
    score = Score("ade", larger_is_better=False)

    def __init__(self, data: TrajectoryData, model: Forecaster) -> None:
        self.data, self.options = data, data.options
        self.model = model

    @classmethod
    def prepare(cls, data: TrajectoryOptions, model: TrajectoryModelOptions, *, seed: int) -> Self:
        paths = TrajectoryData(data, seed)
        windows = paths.train
        with seeded(seed):
            forecaster = build_model(model, data.horizon)
        context, future, _ = windows.take(windows.spaced_numbers(_WINDOWS_TO_LEARN))
        forecaster.frame.learn(context.flatten(0, 1), context, future)
        return cls(paths, forecaster)

    @classmethod
    def restore(
        cls,
        data: TrajectoryOptions,
        model: TrajectoryModelOptions,
        module: Forecaster,
        folder: Path,
        *,
        seed: int = 0,
    ) -> Self:
        require_count(data.horizon, module.horizon.horizon, "steps ahead", folder / "recipe.toml")
        return cls(TrajectoryData(data, seed), module)

    def save_assets(self, folder: Path) -> None:
        pass  # the model knows its sizes

    def check(self) -> list[str]:
        options = self.options
        steps = (options.context + options.horizon) * options.batch_size
        points = torch.cat([series.values for series in self.data.train.series])
        return [
            *(
                f"{name}: {len({(s.places[0].file, s.name) for s in windows.series}):,} paths, "
                f"{len(windows):,} windows of {options.context} + {options.horizon} steps"
                for name, windows in (("train", self.data.train), ("validation", self.data.validation))
            ),
            *sentinel_notes([f"column {name!r}" for name in (options.x, options.y)], points, listed=False),
            parameters_line(self.model),
            activations_line(self.model, steps, 2),
        ]

    def batches(self, epoch: int, rank: int = 0, world: int = 1) -> Sequence[Any]:
        return self.data.batches(epoch, rank, world)

    def read_training_data(self) -> bool:
        _ = self.data.train
        return True

    def loss(self, batch: tuple[Tensor, Tensor, Tensor], carry: Any) -> Loss:
        context, future, known = (part.to(device_of(self.model)) for part in batch)
        costs = self.model.loss(self.model(context, known), future)
        return Loss(costs.sum(), costs.numel())

    def evaluate(self, data: str | Path | None = None) -> Mapping[str, float]:
        """Of one path forecast for each window, in the data's unit: `ade`, the mean distance to the true
        points, and `fde`, that to the last one; `constant_` of going on as in the last step; and how many
        `windows`.
        """
        return self.measure(data).scores

    def measure(self, data: str | Path | None = None) -> Measurement:
        selection = self.data.select(data)
        windows = selection.examples
        distances = []
        for _, context, future, ahead in forecasts(self.model, windows):
            baseline = constant_velocity(context, future.shape[1])
            for path in (self.model.mean(ahead), baseline):
                errors = (path - future).norm(dim=-1).double()
                distances.append(torch.stack([errors.mean(1), errors[:, -1]], 1).cpu())
        own, constant = torch.cat(distances[::2]), torch.cat(distances[1::2])
        figures = ratios(
            {
                "ade": (own[:, 0], None),
                "fde": (own[:, 1], None),
                "constant_ade": (constant[:, 0], None),
                "constant_fde": (constant[:, 1], None),
            }
        )
        return selection.measured(
            len(windows),
            "windows",
            figures,
            {"windows": float(len(windows))},
            groups=ordinals(series for series, _ in windows.origins),
            group_unit="paths",
        )

    def row(self, item: Any) -> Tensor:
        """Of a path: a list of [x, y], of which the last `context` are read."""
        return self._points_of(item)

    def answers(self, rows: Sequence[Tensor]) -> Iterator[dict[str, Any]]:
        """For each path: the points to come."""
        if not rows:
            return
        contexts = torch.stack([points[-self.options.context :] for points in rows]).to(device_of(self.model))
        steps = self.options.context + self.options.horizon
        with evaluating(self.model):
            ahead = self.model(contexts, contexts.new_zeros(len(rows), steps, 0))
        for path in self.model.mean(ahead).tolist():
            yield {"path": path}

    def table_rows(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        """A row for each point to come: `step`, from 1, `x` and `y`."""
        return [{"step": k, "x": x, "y": y} for k, (x, y) in enumerate(answer["path"], 1)]

    def examples(self, data: str | Path | None = None) -> Sequence[Example]:
        windows = self.data.evaluation(data)

        def make(number: int) -> Example:
            context, future, _ = windows.take([number])
            return Example(context[0], future[0])

        return Epoch(len(windows), make)

    def mistake(self, answer: Mapping[str, Any], truth: Tensor) -> float:
        """The mean distance to the true points."""
        return float((torch.tensor(answer["path"]) - truth).norm(dim=-1).mean())

    def drawing(self, examples: Sequence[Example], dark: bool = False) -> Any:
        """Each path as far as it was read, its forecast, and what came where that is known."""
        answers = self.answers([each.row for each in examples])
        return draw_paths(
            [
                (each.row[-self.options.context :], torch.tensor(answer["path"]), each.truth)
                for each, answer in zip(examples, answers, strict=True)
            ],
            dark,
        )

    def _points_of(self, item: Any) -> Tensor:
        try:
            points = torch.tensor(
                parse_json(item, "item") if isinstance(item, str) else item, dtype=torch.float32
            )
        except (ValueError, TypeError, RuntimeError, OverflowError):
            raise Fault(f"{item!r} found, expected a list of [x, y]") from None
        least = self.options.context
        if points.dim() != 2 or points.shape[1] != 2 or len(points) < least:
            raise Fault(
                f"numbers of shape {list(points.shape)} found, expected a list of at least {least} [x, y]"
            )
        if not bool(points.isfinite().all()):
            raise Fault(f"{item!r} found, expected finite numbers")
        return points


def constant_velocity(context: Tensor, horizon: int) -> Tensor:
    """`[B, L, 2]` -> `[B, H, 2]`: the last step repeated (Schöller et al., 2020)."""
    step = context[:, -1:] - context[:, -2:-1] if context.shape[1] > 1 else torch.zeros_like(context)
    ahead = torch.arange(1, horizon + 1, device=context.device, dtype=context.dtype)
    return context[:, -1:] + ahead[:, None] * step
