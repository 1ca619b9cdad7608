"""Constituency parsing as translation: the tree of a sentence as a row of symbols."""

from recurra.tasks.parse.linearised.task import LinearisedTask

__all__ = ["LinearisedTask"]
