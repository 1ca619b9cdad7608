"""Parsing: a tree over the words of each sentence, of one of two kinds."""

from recurra.tasks.parse.task import ParseTask

__all__ = ["ParseTask"]
