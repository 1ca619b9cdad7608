"""Tasks: data, loss, metrics and predictions around a model; importing this room registers them all."""

from recurra.tasks.base import TASKS, Loss, Options, Score, Task, TextStream
from recurra.tasks.language_model import LanguageModelTask
from recurra.tasks.tag import TagTask
from recurra.tasks.translate import TranslateTask

__all__ = ["TASKS", "LanguageModelTask", "Loss", "Options", "Score", "TagTask", "Task", "TextStream", "TranslateTask"]
