"""Training: recipes, the loop, checkpoints. The one room that knows Lightning Fabric."""

from recurra.train.recipe import Recipe, read_recipe
from recurra.train.run import Trained, train

__all__ = ["Recipe", "Trained", "read_recipe", "train"]
