"""Auto-encoding: a sequence into one vector, and back from nothing else."""

from recurra.tasks.autoencode.task import AutoencodeTask

__all__ = ["AutoencodeTask"]
