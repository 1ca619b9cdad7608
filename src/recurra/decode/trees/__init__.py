"""From scores to trees over the words of a sentence."""

from recurra.decode.trees.arc_hybrid import arc_hybrid, transitions
from recurra.decode.trees.best import best_trees
from recurra.decode.trees.eisner import eisner
from recurra.decode.trees.heads import fault_of, projective, trees
from recurra.decode.trees.maximum_arborescence import maximum_arborescence

__all__ = [
    "arc_hybrid",
    "best_trees",
    "eisner",
    "fault_of",
    "maximum_arborescence",
    "projective",
    "transitions",
    "trees",
]
