"""The network of trajectories, as a recipe describes it."""

from __future__ import annotations

from recurra.models.forecaster import Forecaster
from recurra.models.frames import Heading
from recurra.models.outputs import Distance
from recurra.tasks.forecast.model import SeriesModelOptions, build_forecaster


class TrajectoryModelOptions(SeriesModelOptions):
    """The network.

    Attributes:
        turned: the way walked so far is turned to point along one axis; else directions stay those of the
            scene. Points are always seen from the last one.
        place: where in the scene each point is is read, too: for scenes that training knows.
    """

    turned: bool = True
    place: bool = False


def build_model(options: TrajectoryModelOptions, horizon: int) -> Forecaster:
    """The network, with fresh weights."""
    return build_forecaster(options, Heading(options.turned, options.place), Distance(), horizon, 0)
