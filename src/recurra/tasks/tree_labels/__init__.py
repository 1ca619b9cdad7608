"""A label for every node of a tree."""

from recurra.tasks.tree_labels.task import TreeClassifyTask

__all__ = ["TreeClassifyTask"]
