"""The network of forecasts, as a recipe describes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pydantic import Field

from recurra.models.forecaster import Forecaster
from recurra.models.frames import Frame, Scaling, SeriesScaling
from recurra.models.horizon import DirectHorizon, Horizon, RecurrentHorizon
from recurra.models.outputs import Gaussian, GaussianMixture, Output, Point, Quantiles
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
        differences: the last change of each column is read, too.
    """

    output: Literal["point", "quantiles", "gaussian", "mixture"] = "point"
    error: Literal["mse", "mae", "huber"] = "mse"
    levels: tuple[float, ...] = (0.1, 0.5, 0.9)
    components: int = Field(default=3, ge=1)
    anchor: Literal["none", "last", "mean"] = "last"
    differences: bool = False


def build_model(options: ForecastModelOptions, data: ForecastOptions, known: int) -> Forecaster:
    """The network, with fresh weights, for these columns and `known` numbers a step known ahead."""
    scaling = SeriesScaling if data.scale == "series" else Scaling
    frame = scaling(data.width, len(data.targets), options.anchor, options.differences, data.logged)
    outputs: dict[str, Callable[[], Output]] = {
        "point": lambda: Point(options.error),
        "quantiles": lambda: Quantiles(list(options.levels)),
        "gaussian": Gaussian,
        "mixture": lambda: GaussianMixture(options.components),
    }
    return build_forecaster(options, frame, outputs[options.output](), data.horizon, known)


def build_forecaster(
    options: SeriesModelOptions, frame: Frame, output: Output, horizon: int, known: int
) -> Forecaster:
    """Encoder and decoder around a frame and an output."""
    encoder = build_body(options, frame.features + known)
    width = frame.targets * output.size
    ahead: Horizon
    if options.ahead == "direct":
        ahead = DirectHorizon(encoder.output_size, horizon, width)
    else:
        ahead = RecurrentHorizon(build_body(options, known + 1), horizon, width)
    return Forecaster(frame, encoder, ahead, output, options.dropout)
