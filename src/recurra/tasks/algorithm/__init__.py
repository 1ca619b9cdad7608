"""Problems with an answer that a program would compute, drawn by seed: copy, recall, sort, add, ..."""

from recurra.tasks.algorithm.task import AlgorithmTask

__all__ = ["AlgorithmTask"]
