"""Tasks: data, loss, metrics and predictions around a model; importing this room registers them all."""

import recurra.data
import recurra.decode
import recurra.layers
import recurra.models
import recurra.streaming
import recurra.vectors  # noqa: F401
from recurra.tasks.algorithm.task import AlgorithmTask
from recurra.tasks.answer.task import AnswerTask
from recurra.tasks.autoencode.task import AutoencodeTask
from recurra.tasks.base import TASKS, ByteStream, Loss, Options, Score, Task, TextStream
from recurra.tasks.caption.task import CaptionTask
from recurra.tasks.compose.task import ComposeTask
from recurra.tasks.draw.task import DrawTask
from recurra.tasks.forecast.task import ForecastTask
from recurra.tasks.language_model.task import LanguageModelTask
from recurra.tasks.many_to_one.classify import ClassifyTask
from recurra.tasks.many_to_one.regress import RegressTask
from recurra.tasks.pairs.task import PairClassifyTask
from recurra.tasks.parse.task import ParseTask
from recurra.tasks.tag.task import TagTask
from recurra.tasks.trajectory.task import TrajectoryTask
from recurra.tasks.transcribe.task import TranscribeTask
from recurra.tasks.transduce import TransduceTask
from recurra.tasks.translate.task import TranslateTask
from recurra.tasks.tree_labels.task import TreeClassifyTask

__all__ = [
    "TASKS",
    "AlgorithmTask",
    "AnswerTask",
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
    "PairClassifyTask",
    "ParseTask",
    "RegressTask",
    "Score",
    "TagTask",
    "Task",
    "TextStream",
    "TrajectoryTask",
    "TranscribeTask",
    "TransduceTask",
    "TranslateTask",
    "TreeClassifyTask",
]
