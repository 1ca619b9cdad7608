"""The gradient laboratory: where a network remembers, where its gradient dies, and what to do about it."""

import recurra.loop
import recurra.runs
import recurra.train  # noqa: F401
from recurra.inspect.gradient import GradientInspection, gradient

__all__ = ["GradientInspection", "gradient"]
