"""The network of forecasts, as a recipe describes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pydantic import Field

from recurra.errors import Fault
from recurra.layers.base import Layer
from recurra.models.forecaster import Forecaster
from recurra.models.frames import Frame, Scaling, SeriesScaling
from recurra.models.horizon import DirectHorizon, Horizon, RecurrentHorizon
from recurra.models.outputs import Gaussian, GaussianMixture, Output, Point, Quantiles
from recurra.models.patch_forecaster import PatchForecaster
from recurra.tasks.forecast.options import ForecastOptions
from recurra.tasks.parts.network import BodyOptions, build_body


class SeriesModelOptions(BodyOptions):
    """The network.

    Attributes:
        ahead: steps ahead are told by a recurrent decoder, step by step, or all at once ("direct").
    """

    ahead: Literal["recurrent", "direct"] = "recurrent"


class ForecastModelOptions(SeriesModelOptions):
    """The network, and what it says of each number to come.

    Attributes:
        output: the number alone, some quantiles, or a distribution.
        error: what a point forecast minimises: "mse", "mae" or "huber".
        levels: quantiles told; 0.5 among them.
        components: normal distributions in a mixture.
        anchor: what each window is seen from: "none", its "last" value or its "mean"; see
            `recurra.models.frames.Scaling`.
        spread: each window is divided by its own deviation, too.
        differences: the last change of each column is read, too.
        patch: each target is read and forecast by itself, with the same weights for all, and so many steps of
            it are read as one (a day of hours, say); None: all columns are read together, step by step.
    """

    output: Literal["point", "quantiles", "gaussian", "mixture"] = "point"
    error: Literal["mse", "mae", "huber"] = "mse"
    levels: tuple[float, ...] = (0.1, 0.5, 0.9)
    components: int = Field(default=3, ge=1)
    anchor: Literal["none", "last", "mean"] = "last"
    spread: bool = False
    differences: bool = False
    patch: int | None = Field(default=None, ge=1)


def build_model(options: ForecastModelOptions, data: ForecastOptions, known: int) -> Forecaster:
    """The network, with fresh weights, for these columns and `known` numbers a step known ahead."""
    scaling = SeriesScaling if data.scale == "series" else Scaling
    frame = scaling(
        data.width, len(data.targets), options.anchor, options.differences, data.logged, options.spread
    )
    outputs: dict[str, Callable[[], Output]] = {
        "point": lambda: Point(options.error),
        "quantiles": lambda: Quantiles(list(options.levels)),
        "gaussian": Gaussian,
        "mixture": lambda: GaussianMixture(options.components),
    }
    output = outputs[options.output]()
    if options.patch is None:
        return build_forecaster(options, frame, output, data.horizon, known)
    return _build_patches(options, data, frame, output, known)


def build_forecaster(
    options: SeriesModelOptions, frame: Frame, output: Output, horizon: int, known: int
) -> Forecaster:
    """Encoder and decoder around a frame and an output."""
    encoder = build_body(options, frame.features + known)
    ahead = _horizon(options, encoder, horizon, frame.targets * output.size, known)
    return Forecaster(frame, encoder, ahead, output, options.dropout)


def _build_patches(
    options: ForecastModelOptions, data: ForecastOptions, frame: Frame, output: Output, extra: int
) -> Forecaster:
    """Encoder and decoder of one column, with `extra` numbers a step known ahead. Fault where some column
    would not be read, or patches do not fit.
    """
    patch = options.patch
    assert patch is not None
    if data.covariates:
        raise Fault(
            f"patch = {patch} reads each target by itself, and covariates = {data.covariates} not at all: "
            f"leave patch or covariates out"
        )
    if data.context % patch:
        raise Fault(
            f"context = {data.context} found, expected a multiple of patch = {patch}, as "
            f"{max(1, round(data.context / patch)) * patch}"
        )
    encoder = build_body(options, patch * (frame.features // frame.targets + extra))
    ahead = _horizon(options, encoder, data.horizon, output.size, extra)
    return PatchForecaster(frame, encoder, ahead, output, options.dropout, patch)


def _horizon(options: SeriesModelOptions, encoder: Layer, horizon: int, width: int, extra: int) -> Horizon:
    if options.ahead == "direct":
        return DirectHorizon(encoder.output_size, horizon, width)
    return RecurrentHorizon(build_body(options, extra + 1), horizon, width)
