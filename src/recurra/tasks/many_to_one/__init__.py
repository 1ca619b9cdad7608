"""One answer a row: classification and regression."""

from recurra.tasks.many_to_one.classify import ClassifyTask
from recurra.tasks.many_to_one.regress import RegressTask

__all__ = ["ClassifyTask", "RegressTask"]
