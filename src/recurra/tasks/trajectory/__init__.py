"""Where walkers and drivers go: forecasts of points."""

from recurra.tasks.trajectory.task import TrajectoryTask

__all__ = ["TrajectoryTask"]
