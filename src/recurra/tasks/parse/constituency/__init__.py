"""Constituency parsing: the phrases of each sentence, one within the other."""

from recurra.tasks.parse.constituency.task import ConstituencyTask

__all__ = ["ConstituencyTask"]
