"""Answering questions, from evidence of several kinds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from recurra.errors import Fault, nearest, quoted
from recurra.tasks.answer.kinds import PlainAnswerTask, RecordingAnswerTask, StoryAnswerTask
from recurra.tasks.answer.pictures import SceneAnswerTask
from recurra.tasks.answer.span_task import SpanAnswerTask
from recurra.tasks.answer.written import WrittenAnswerTask
from recurra.tasks.base import TASKS, Task


@TASKS.register("answer")
class AnswerTask(Task):
    """The door to tasks of one name: `data.evidence` says which of its `kinds` a recipe is for."""

    name = "answer"
    kinds: ClassVar[Mapping[str, type[Task[Any]]]] = {
        "story": StoryAnswerTask,
        "passage": SpanAnswerTask,
        "picture": SceneAnswerTask,
        "recording": RecordingAnswerTask,
        "none": PlainAnswerTask,
        "text": WrittenAnswerTask,
    }

    @classmethod
    def kind_of(cls, table: Mapping[str, Any]) -> type[Task[Any]]:
        data = table.get("data")
        kind = data.get("evidence") if isinstance(data, Mapping) else None
        if not isinstance(kind, str) or kind not in cls.kinds:
            hint = nearest(kind, cls.kinds) if isinstance(kind, str) else f" (known: {', '.join(cls.kinds)})"
            raise Fault(f"data.evidence = {quoted(kind)} found, expected what answers are found in{hint}")
        return cls.kinds[kind]
