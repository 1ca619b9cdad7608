"""Where a window of a series is looked at from: scaled, moved, turned, and back."""

from recurra.models.frames.base import Frame
from recurra.models.frames.heading import Heading
from recurra.models.frames.scaling import Scaling, SeriesScaling

__all__ = ["Frame", "Heading", "Scaling", "SeriesScaling"]
