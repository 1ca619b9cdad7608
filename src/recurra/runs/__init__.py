"""Run folders: what a training leaves, and how it is read again (without anything that trains)."""

from recurra.runs.folder import load

__all__ = ["load"]
