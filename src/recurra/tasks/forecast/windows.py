"""Windows of series: a context that is read, and the steps ahead that are forecast from it."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field
from torch import Tensor

from recurra.data.series import Windows
from recurra.models.forecaster import Ahead, Forecaster
from recurra.tasks.base import Options
from recurra.tasks.parts.batches import Epoch, shuffled_batches
from recurra.tasks.parts.contexts import device_of, evaluating

AT_ONCE = 256
"""Windows that are taken together where none is learnt from."""


class WindowOptions(Options):
    """How windows are taken of series.

    Attributes:
        context, horizon: steps read, and steps told.
        stride: steps between two training windows; every window is evaluated.
        batch_size: windows a batch.
    """

    context: int = Field(default=96, ge=1)
    horizon: int = Field(default=24, ge=1)
    stride: int = Field(default=1, ge=1)
    batch_size: int = Field(default=32, ge=1)


def window_batches(
    windows: Windows, options: WindowOptions, *, seed: int, epoch: int, rank: int, world: int
) -> Epoch:
    """The windows of an epoch in batches, drawn anew each epoch; see `Windows.take`."""
    lengths = [options.context + options.horizon] * len(windows)
    return shuffled_batches(
        lengths, options.batch_size, windows.take, seed=seed, epoch=epoch, rank=rank, world=world
    )


def forecasts(model: Forecaster, windows: Windows) -> Iterator[tuple[range, Tensor, Tensor, Ahead]]:
    """Windows in order, some at a time: their numbers, contexts, futures and forecasts."""
    device = device_of(model)
    with evaluating(model):
        for start in range(0, len(windows), AT_ONCE):
            numbers = range(start, min(start + AT_ONCE, len(windows)))
            context, future, known = (part.to(device) for part in windows.take(numbers))
            yield numbers, context, future, model(context, known)
