"""`recurra schema`."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def schema(
    task: Annotated[str | None, typer.Argument(help="One task; without it all.", show_default=False)] = None,
) -> None:
    """A JSON schema of recipes, for editors that complete and check TOML. A recipe's line #:schema looks for
    it beside the recipe: recurra schema > recipe.schema.json
    """
    from recurra.tasks.base import TASKS
    from recurra.train.schema import schema

    print(json.dumps(schema(None if task is None else {task: TASKS[task]}), indent=1))
