"""One label for two trees, or two texts."""

from recurra.tasks.pairs.task import PairClassifyTask

__all__ = ["PairClassifyTask"]
