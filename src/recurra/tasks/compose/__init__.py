"""Polyphonic music: which notes sound next."""

from recurra.tasks.compose.task import ComposeTask

__all__ = ["ComposeTask"]
