"""Paths of walkers and drivers."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch
from pydantic import Field
from torch import Tensor

from recurra.data import Examples
from recurra.data.series import Windows, read_series
from recurra.errors import Fault
from recurra.tasks.forecast.windows import WindowOptions
from recurra.tasks.parts.batches import Epoch, shuffled_batches
from recurra.tasks.parts.measurement import Selection
from recurra.tasks.parts.sources import TEST, SourceOptions, part_of, read_named, read_parts


class TrajectoryOptions(WindowOptions, SourceOptions):
    """Points over time, one row each.

    Attributes:
        time: column of time stamps or frames. x, y: columns of places.
        series: column that tells paths apart (within a file); None: one path a file.
        leave_out: names of files, or how they begin: these are not trained or validated on, and of the test
            data they alone are measured.
        together: only windows whose very steps at least so many paths of the file have in full.
        backward: share of the training windows that are walked from their end, drawn anew each epoch: people
            come and go the same ways.
    """

    context: int = Field(default=8, ge=2)
    horizon: int = Field(default=12, ge=1)
    batch_size: int = Field(default=64, ge=1)
    time: str | None = "frame"
    x: str = "x"
    y: str = "y"
    series: str | None = "id"
    leave_out: str | list[str] = Field(default_factory=list)
    together: int = Field(default=1, ge=1)
    backward: float = Field(default=0.0, ge=0, le=1)


class TrajectoryData:
    """Windows of a recipe's paths, read when they are first asked for."""

    def __init__(self, options: TrajectoryOptions, seed: int) -> None:
        self.options, self.seed = options, seed
        self._parts: tuple[Windows, Windows] | None = None
        self._sources = ("", "")

    @property
    def train(self) -> Windows:
        """To train on."""
        return self._read()[0]

    @property
    def validation(self) -> Windows:
        """To validate on."""
        return self._read()[1]

    def batches(self, epoch: int, rank: int, world: int) -> Epoch:
        """The training windows of an epoch in batches, as `Windows.take` gives them."""
        windows, options = self.train, self.options
        count = round(options.backward * len(windows))
        # the standard library's generator, seeded by text, draws the same numbers everywhere
        back = {*random.Random(f"{self.seed}:{epoch}").sample(range(len(windows)), count)}

        def make(indices: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
            context, future, ahead = windows.take(indices)
            path = torch.cat([context, future], 1)
            marks = torch.tensor([index in back for index in indices])[:, None, None]
            path = torch.where(marks, path.flip(1), path)
            return path[:, : options.context], path[:, options.context :], ahead

        lengths = [options.context + options.horizon] * len(windows)
        return shuffled_batches(
            lengths, options.batch_size, make, seed=self.seed, epoch=epoch, rank=rank, world=world
        )

    def evaluation(self, data: str | Path | None) -> Windows:
        """The windows of `select(data)`."""
        return self.select(data).examples

    def select(self, data: str | Path | None) -> Selection[Windows]:
        """What `evaluate(data)` measures: a part of the recipe's data, of its test data the scenes left out;
        else another file.
        """
        part = part_of(data)
        if data is None or part == "validation":
            windows = self.validation
            return Selection(windows, part, self._sources[1], self.options.validation is None)
        if part == "train":
            windows = self.train
            return Selection(windows, part, self._sources[0])
        examples = read_named(self.options, data)
        scenes = self._scenes(examples, True) if part == TEST else examples
        return Selection(self._windows(scenes, 1), part, examples.source)

    def _read(self) -> tuple[Windows, Windows]:
        if self._parts is None:
            parts = read_parts(self.options, self.seed)
            train, validation = (self._scenes(part, False) for part in parts)
            self._sources = (train.source, validation.source)
            self._parts = self._windows(train, self.options.stride), self._windows(validation, 1)
        return self._parts

    def _scenes(self, examples: Examples, left_out: bool) -> Examples:
        """The examples of the files left out, or of the others; all where none is left out."""
        leave_out = self.options.leave_out
        names = (leave_out,) if isinstance(leave_out, str) else tuple(leave_out)
        if not names:
            return examples
        inside = [Path(place.file).name.startswith(names) for place in examples.places]
        if not any(inside):
            raise Fault(f"{examples.source}: leave_out = {list(names)}: no file's name begins so")
        scenes = examples.take(i for i, match in enumerate(inside) if match == left_out)
        if not len(scenes):
            raise Fault(f"{examples.source}: leave_out = {list(names)} leaves no data to train on")
        return scenes

    def _windows(self, examples: Examples, stride: int) -> Windows:
        options = self.options
        series, _ = read_series(
            examples,
            [options.x, options.y],
            time=options.time,
            name=options.series,
            gaps="error" if options.time is None else "split",
        )
        whole = [(0, len(each.values)) for each in series]
        windows = Windows(series, options.context, options.horizon, whole, stride)
        starts = [(series[k].places[0].file, series[k].times[at]) for k, at in windows.origins]
        paths = Counter(starts)
        windows = windows.only([k for k, start in enumerate(starts) if paths[start] >= options.together])
        if not len(windows):
            longest = max(len(each.values) for each in series)
            raise Fault(
                f"{examples.source}: the longest path without a gap has {longest} points, expected at least "
                f"context + horizon = {options.context} + {options.horizon}"
                + (f", together with {options.together - 1} more" if options.together > 1 else "")
            )
        return windows
