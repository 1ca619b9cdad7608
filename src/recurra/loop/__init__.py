"""The loop over time: what it takes, in which order it runs, and which engine runs it."""

from recurra.loop.scan import scan

__all__ = ["scan"]
