"""Tasks: data, loss, metrics and predictions around a model; importing this room registers them all."""

from recurra.tasks.autoencode import AutoencodeTask
from recurra.tasks.base import TASKS, ByteStream, Loss, Options, Score, Task, TextStream
from recurra.tasks.caption import CaptionTask
from recurra.tasks.classify import ClassifyTask
from recurra.tasks.compose import ComposeTask
from recurra.tasks.draw import DrawTask
from recurra.tasks.forecast import ForecastTask
from recurra.tasks.language_model import LanguageModelTask
from recurra.tasks.regress import RegressTask
from recurra.tasks.tag import TagTask
from recurra.tasks.trajectory import TrajectoryTask
from recurra.tasks.transcribe import TranscribeTask
from recurra.tasks.transduce import TransduceTask
from recurra.tasks.translate import TranslateTask

__all__ = [
    "TASKS",
    "AutoencodeTask",
    "ByteStream",
    "CaptionTask",
    "ClassifyTask",
    "ComposeTask",
    "DrawTask",
    "ForecastTask",
    "LanguageModelTask",
    "Loss",
    "Options",
    "RegressTask",
    "Score",
    "TagTask",
    "Task",
    "TextStream",
    "TrajectoryTask",
    "TranscribeTask",
    "TransduceTask",
    "TranslateTask",
]
