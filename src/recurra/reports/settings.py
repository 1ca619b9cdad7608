"""What a run was made with, where it is not what every run has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from recurra.runs.changes import flat
from recurra.runs.toml import value_text
from recurra.tasks.base import Task
from recurra.train.options import TrainOptions


def own_settings(table: Mapping[str, Any], task: type[Task]) -> dict[str, tuple[str, str]]:
    """Every setting of a resolved recipe that is not its default: the key, its value and the default as TOML
    (empty where there is none).
    """
    sections: dict[str, type[BaseModel]] = {
        "data": task.DataOptions,
        "model": task.ModelOptions,
        "train": TrainOptions,
    }
    own: dict[str, tuple[str, str]] = {}
    for section, options in sections.items():
        content = table.get(section)
        values = flat(content if isinstance(content, Mapping) else {}, f"{section}.")
        defaults = flat(_defaults(options), f"{section}.")
        for key, value in values.items():
            text = value_text(value)
            usual = value_text(defaults[key]) if key in defaults else ""
            if text != usual:
                own[key] = text, usual
    return own


def _defaults(options: type[BaseModel]) -> dict[str, Any]:
    """The keys that may be left out, with what counts in their place."""
    fields = {name: each for name, each in options.model_fields.items() if not each.is_required()}
    return {name: _plain(each.get_default(call_default_factory=True)) for name, each in fields.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value
