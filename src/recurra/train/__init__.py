"""Training: recipes, the loop, checkpoints. The one room that knows Lightning Fabric."""

import recurra.data
import recurra.loop
import recurra.runs
import recurra.tasks  # noqa: F401
from recurra.train.callbacks import Callback, Training
from recurra.train.from_python import evaluate, fit, measure, predict, predict_table
from recurra.train.recipe import Recipe, read_recipe
from recurra.train.run import Trained, train

__all__ = [
    "Callback",
    "Recipe",
    "Trained",
    "Training",
    "evaluate",
    "fit",
    "measure",
    "predict",
    "predict_table",
    "read_recipe",
    "train",
]
