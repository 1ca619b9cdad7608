"""Run folders: what a training leaves, and how it is read again (without anything that trains)."""

import recurra.data
import recurra.layers
import recurra.tasks  # noqa: F401
from recurra.runs.folder import load

__all__ = ["load"]
