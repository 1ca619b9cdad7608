"""A run told in one HTML page that needs nothing besides itself."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from recurra.errors import Fault
from recurra.layers.recurrent import Recurrent
from recurra.ragged import Ragged
from recurra.runs import plots
from recurra.runs.folder import LOG, METRICS, RECIPE, load
from recurra.storage.fields import Fields
from recurra.storage.files import read_json, read_plain, write_text
from recurra.storage.json_text import parse_json
from recurra.tasks.base import Task, TextStream

REPORT = "report.html"
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem } h2 { font-size: 1.15rem; margin-top: 2.2rem }
img { max-width: 100% } pre { background: #f6f8fa; padding: .8rem; overflow-x: auto; white-space: pre-wrap }
td, th { padding: .2rem 1rem .2rem 0; text-align: left } td + td { font-variant-numeric: tabular-nums }
"""
_UNITS = 40


def write_report(run: str | Path, *, samples: Sequence[str] = (), stream: str = "") -> Path:
    """Writes `report.html` into a run folder: metrics, learning curve, and what the model does with a text.

    Args:
        samples: texts the model wrote, shown as they stand.
        stream: read token by token, by a language model; shown are the surprisal of each token, the
            likeliest next ones and the hidden state.

    Returns:
        The page's path.
    """
    folder = Path(run)
    task = load(folder)
    metrics = read_json(folder / METRICS)
    score = Fields(metrics, str(folder / METRICS)).text("score")
    parts = [f"<h1>{escape(folder.name)}: {escape(task.name)}</h1>", _numbers(metrics, task.model)]
    log = _log(folder / LOG)
    curve = plots.learning_curve(log, score)
    parts += ["<h2>Learning curve</h2>", _image(curve, "loss and validation over steps")]
    watched = [entry for entry in log if "watch" in entry]
    if watched:
        picture = plots.watched(watched)
        parts += ["<h2>Gradient over training</h2>", _image(picture, "reach and updates over steps")]
    if samples:
        parts += ["<h2>Written by the model</h2>", *(f"<pre>{escape(text)}</pre>" for text in samples)]
    if stream:
        parts += _streamed(task, stream)
    parts += ["<h2>Recipe</h2>", f"<pre>{escape((folder / RECIPE).read_text(encoding='utf-8'))}</pre>"]
    head = f"<meta charset=utf-8><title>{escape(folder.name)}</title><style>{_STYLE}</style>"
    page = "\n".join(["<!doctype html><html lang=en>", head, *parts, "</html>"])
    write_text(folder / REPORT, page)
    return folder / REPORT


def _numbers(metrics: Mapping[str, Any], model: torch.nn.Module) -> str:
    best = metrics["best"] or metrics["last"]
    rows = {
        "parameters": f"{sum(weight.numel() for weight in model.parameters()):,}",
        "best validation": f"step {best['step']}",
        **{name: f"{value:.4f}" for name, value in best["metrics"].items()},
    }
    cells = "".join(f"<tr><td>{escape(name)}<td>{escape(value)}" for name, value in rows.items())
    return f"<table>{cells}</table>"


def _streamed(task: Task, text: str) -> Iterator[str]:
    outputs: list[Tensor] = []
    layers = [module for module in task.model.modules() if isinstance(module, Recurrent)]
    # opened while the layer is listened to: a stream that steps natively would not call it
    with _listening(layers[:1], outputs):
        stream = task.open_stream()
        assert isinstance(stream, TextStream)
        outputs.clear()  # what opening it read
        answers = [*stream.feed(text), *stream.finish()]
    tokens = [answer["token"] for answer in answers]
    yield "<h2>Read as a stream</h2><p>How unexpected each token was (red: more than 4 bits):</p>"
    yield _image(plots.surprisals(tokens, [a["surprisal_bits"] for a in answers]), "surprisal of each token")
    likely = [[(n["token"], n["probability"]) for n in answer["next"]] for answer in answers]
    yield "<p>After each token, what it expects next:</p>"
    yield _image(plots.next_tokens(tokens, likely), "likeliest next tokens")
    hidden = torch.cat(outputs) if outputs else torch.zeros(0, 0)
    if len(hidden) == len(tokens):
        # change from step to step against the whole range: small where a unit remembers
        pace = hidden.diff(dim=0).abs().mean(0) / hidden.std(0).clamp(min=0.1)
        slowest = pace.topk(min(_UNITS, hidden.shape[1]), largest=False).indices
        picture = plots.activity(tokens, hidden[:, slowest].T.tolist())
        yield f"<p>The {len(slowest)} units of the first layer that hold on longest, the slowest on top:</p>"
        yield _image(picture, "hidden units over the text")


@contextmanager
def _listening(layers: Sequence[torch.nn.Module], outputs: list[Tensor]) -> Iterator[None]:
    """Collects the layers' outputs as `[T, H]`, row 0 of each batch."""

    def keep(module: torch.nn.Module, inputs: Any, output: Any) -> None:
        y = output[0]
        outputs.append(y.data if isinstance(y, Ragged) else y[0])

    hooks = [layer.register_forward_hook(keep) for layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _log(path: Path) -> list[dict[str, Any]]:
    try:
        lines = read_plain(path).decode().splitlines()
    except UnicodeDecodeError as error:
        raise Fault(f"{path}: not a complete log: byte {error.start} is not UTF-8") from None
    return [parse_json(line, f"{path}:{number}") for number, line in enumerate(lines, 1)]


def _image(png: bytes, about: str) -> str:
    return f'<img alt="{escape(about)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'
