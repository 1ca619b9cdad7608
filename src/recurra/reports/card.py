"""The card of a run on the hub: what it is, its figures, how to use it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recurra.reports.settings import own_settings
from recurra.runs.folder import METRICS, run_recipe
from recurra.runs.hub import library
from recurra.runs.toml import value_text
from recurra.storage.files import read_json
from recurra.tasks.base import Task
from recurra.version import __version__

CARD = "README.md"
LIBRARY = "recurra"
_KINDS = {
    "language_model": "text-generation",
    "tag": "token-classification",
    "translate": "translation",
    "caption": "image-to-text",
    "transcribe": "automatic-speech-recognition",
    "forecast": "time-series-forecasting",
}
"""Task -> what the hub calls it, where it has a word that fits all its models."""


def card(repository: str, folder: Path, task: Task, table: Mapping[str, Any], license: str | None) -> str:
    """A card in Markdown, its figures in the head as `model-index`.

    Args:
        repository: user/name. folder: of the run. table: its recipe, without paths of the person's machine.
        license: as the hub calls it, "apache-2.0".
    """
    hub = library()
    metrics = read_json(folder / METRICS) if (folder / METRICS).is_file() else {}
    best = metrics.get("best") or {}
    figures = {
        name: value
        for name, value in best.get("metrics", {}).items()
        if isinstance(value, (int, float)) and math.isfinite(value)
    }
    kind = _KINDS.get(task.name)
    name = repository.partition("/")[2]
    results = [
        hub.EvalResult(
            task_type=kind or task.name,
            dataset_type="validation",
            dataset_name="validation data of the recipe",
            metric_type=metric,
            metric_value=value,
        )
        for metric, value in figures.items()
    ]
    head = hub.ModelCardData(
        library_name=LIBRARY,
        license=license,
        pipeline_tag=kind,
        tags=[LIBRARY, "recurrent-neural-network", task.name],
        model_name=name,
        eval_results=results or None,
    )
    return f"---\n{head.to_yaml()}\n---\n\n{_text(repository, task, table, metrics, figures)}"


def _text(
    repository: str,
    task: Task,
    table: Mapping[str, Any],
    metrics: Mapping[str, Any],
    figures: Mapping[str, float],
) -> str:
    weights = sum(weight.numel() for weight in task.model.parameters())
    _, kind = run_recipe(dict(table), repository)
    settings = "".join(f"{key} = {value}\n" for key, (value, _) in own_settings(table, kind).items())
    score = metrics.get("score")
    rows = "".join(
        f"| {name}{' (the score)' if name == score else ''} | {value:.4f} |\n"
        for name, value in figures.items()
    )
    table_text = (
        f"## Figures\n\nOn the validation data of its recipe:\n\n| figure | value |\n| --- | --- |\n{rows}\n"
    )
    return f"""# {repository.partition("/")[2]}

A recurrent network of {weights:,} parameters for the task `{task.name}`, trained by Recurra {__version__}.

{table_text if rows else ""}## Use

```
pip install 'recurra[hub]'
recurra predict hf://{repository} ...
```

```python
import recurra

task = recurra.load("hf://{repository}")
for answer in task.predict([...]):
    print(answer)
```

Loading it executes no code: the files are weights (safetensors), JSON and TOML.

## Recipe

What was set, other settings are Recurra's defaults; `recipe.toml` has all of them.

```toml
task = {value_text(task.name)}
{settings}```
"""
