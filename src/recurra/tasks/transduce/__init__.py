"""Many to many with fewer steps: one symbol of the target for every so many of the source."""

from recurra.tasks.transduce.task import TransduceTask

__all__ = ["TransduceTask"]
