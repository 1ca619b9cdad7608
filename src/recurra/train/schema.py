"""A JSON schema (draft 7) of recipes, for editors that complete and check TOML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import models_json_schema

from recurra.data.readers import READERS
from recurra.data.source import BUILTIN
from recurra.runs.keys import models_in
from recurra.runs.migration import FORMAT
from recurra.runs.sentences import sentences, summary
from recurra.tasks.base import TASKS, Task
from recurra.tasks.parts.sources import PARTS
from recurra.train.optimise import OPTIMISERS, SCHEDULES
from recurra.train.options import TrainOptions
from recurra.train.settings import argument_settings, kinds_of, plain_cells, source_group

FILE = "recipe.schema.json"
"""Where the first lines of a recipe (`#:schema`) look for it: beside the recipe."""

_REFERENCE = "#/definitions/{model}"


def schema(tasks: Mapping[str, type[Task]] | None = None) -> dict[str, Any]:
    """The schema of the recipes of some tasks; None: of all that are registered.

    A recipe of each task is one form (`if` its task, `then` its sections).
    """
    registry: Mapping[str, Any] = TASKS if tasks is None else tasks
    kinds = {name: list(kinds_of(task).values()) for name, task in registry.items()}
    owners = {
        name: {"data": [kind.DataOptions for kind in each], "model": [kind.ModelOptions for kind in each]}
        for name, each in kinds.items()
    }
    models = [model for each in owners.values() for options in each.values() for model in options]
    models.append(TrainOptions)
    references, whole = models_json_schema(
        [(model, "validation") for model in dict.fromkeys(models)], ref_template=_REFERENCE
    )
    definitions: dict[str, Any] = whole.get("$defs", {})
    for model in _every(models):
        _describe(definitions, model)
    definitions["Source"] = _source()
    forms = [
        {
            "if": {"properties": {"task": {"const": name}}},
            "then": {"properties": {section: _any_of(references, own) for section, own in each.items()}},
        }
        for name, each in owners.items()
    ]
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A recipe of Recurra",
        "type": "object",
        "properties": {
            "format": {"const": FORMAT, "description": "of the recipe's names"},
            "task": {"enum": list(registry), "description": "what is learnt"},
            "imports": {
                "type": "array",
                "items": {"type": "string"},
                "description": "modules and files of your own that register names; told, never imported",
            },
            "data": {"type": "object"},
            "model": {"type": "object"},
            "train": _of(references, TrainOptions),
        },
        "required": ["task", "data"],
        "additionalProperties": False,
        "allOf": forms,
        "definitions": definitions,
    }


def _any_of(references: Mapping[Any, Any], models: list[Any]) -> dict[str, Any]:
    forms = [_of(references, model) for model in dict.fromkeys(models)]
    return forms[0] if len(forms) == 1 else {"anyOf": forms}


def _of(references: Mapping[Any, Any], model: Any) -> dict[str, Any]:
    return dict(references[(model, "validation")])


def _every(models: list[Any]) -> list[Any]:
    """These classes, and those of the tables in them."""
    classes: dict[Any, None] = {}
    rest = list(models)
    while rest:
        model = rest.pop()
        if model not in classes:
            classes[model] = None
            rest += [each for field in model.model_fields.values() for each in models_in(field.annotation)]
    return list(classes)


def _describe(definitions: dict[str, Any], model: Any) -> None:
    """Puts sentences to a class's keys, and names to those that choose from a registry."""
    definition = definitions.get(model.__name__)
    if definition is None:
        return
    definition["description"] = summary(model)
    properties = definition["properties"]
    texts = sentences(model, model.model_fields)
    for name, entry in properties.items():
        entry.pop("title", None)
        if name in texts and not texts[name].startswith("see there"):
            entry["description"] = texts[name]
    for name in (*PARTS, "common") if "train" in properties else ():
        if name in properties:
            forms = [{"type": "string"}, {"$ref": _REFERENCE.format(model="Source")}]
            lists = [] if name == "common" else [{"type": "array", "items": {"anyOf": forms}}]
            properties[name] = {"description": texts.get(name, ""), "anyOf": [*forms, *lists]}
    if "cell_options" in properties:
        options = {
            row.key: {"description": f"{row.sentence} (cell {cell!r})"}
            for cell, cls in plain_cells().items()
            for row in argument_settings(cls, 2)
        }
        properties["cell_options"]["properties"] = options
        cell = {"anyOf": [{"enum": list(plain_cells())}, {"type": "string"}]}
        properties["cell"] = {
            "description": texts["cell"],
            "anyOf": [*cell["anyOf"], {"type": "array", "items": cell}],
        }
    if model is TrainOptions:
        properties["optimizer"] = properties["optimiser"]
    for kind, names in (("Optimiser", OPTIMISERS), ("Schedule", SCHEDULES)):
        if model.__name__ == kind:
            properties["name"]["enum"] = list(names)


def _source() -> dict[str, Any]:
    """The table of a source: its own keys, and the options of every format and of built-in data."""
    group = source_group()
    properties: dict[str, Any] = {row.key: {"description": row.sentence} for row in group.settings}
    properties["format"]["enum"] = list(READERS)
    properties["builtin"]["enum"] = list(BUILTIN)
    for registry in (READERS, BUILTIN):
        for name, function in registry.items():
            for row in argument_settings(function):
                entry = properties.setdefault(row.key, {"description": ""})
                entry["description"] = f"{entry['description']} {name}: {row.sentence}".strip()
    return {
        "type": "object",
        "description": group.about,
        "properties": properties,
        "additionalProperties": False,
    }
