"""Parsing: a tree over the words of each sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from recurra.errors import Fault, nearest, quoted
from recurra.tasks.base import TASKS, Task
from recurra.tasks.parse.constituency.task import ConstituencyTask
from recurra.tasks.parse.dependency.task import DependencyTask
from recurra.tasks.parse.linearised.task import LinearisedTask


@TASKS.register("parse")
class ParseTask(Task):
    """The door to tasks of one name: `data.kind` says which of its `kinds` a recipe is for."""

    name = "parse"
    kinds: ClassVar[Mapping[str, type[Task[Any]]]] = {
        "dependency": DependencyTask,
        "constituency": ConstituencyTask,
        "linearised": LinearisedTask,
    }

    @classmethod
    def kind_of(cls, table: Mapping[str, Any]) -> type[Task[Any]]:
        data = table.get("data")
        kind = data.get("kind") if isinstance(data, Mapping) else None
        if not isinstance(kind, str) or kind not in cls.kinds:
            hint = nearest(kind, cls.kinds) if isinstance(kind, str) else f" (known: {', '.join(cls.kinds)})"
            raise Fault(f"data.kind = {quoted(kind)} found, expected the kind of tree{hint}")
        return cls.kinds[kind]
