"""From scores to trees over the words of a sentence."""

from recurra.decode.trees.arc_hybrid import arc_hybrid, transitions
from recurra.decode.trees.best import best_trees
from recurra.decode.trees.chart import chart_spans
from recurra.decode.trees.eisner import eisner
from recurra.decode.trees.heads import fault_of, projective, trees
from recurra.decode.trees.maximum_arborescence import maximum_arborescence
from recurra.decode.trees.top_down import top_down_spans

__all__ = [
    "arc_hybrid",
    "best_trees",
    "chart_spans",
    "eisner",
    "fault_of",
    "maximum_arborescence",
    "projective",
    "top_down_spans",
    "transitions",
    "trees",
]
