"""Tagging: one label for each word."""

from recurra.tasks.tag.task import TagTask

__all__ = ["TagTask"]
