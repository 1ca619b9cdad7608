"""A run told in one HTML page that needs nothing besides itself."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor

from recurra.errors import Fault
from recurra.layers.recurrent import Recurrent
from recurra.ragged import Ragged
from recurra.reports import plots
from recurra.reports.labels import label_pairs
from recurra.reports.log import read_log
from recurra.reports.samples import Answers, Reply, answer_examples
from recurra.reports.settings import own_settings
from recurra.runs.folder import LOG, METRICS, RECIPE, SOURCE, load, run_recipe
from recurra.runs.hub import run_folder
from recurra.storage import pages
from recurra.storage.fields import Fields
from recurra.storage.figures import figure_bytes
from recurra.storage.files import read_json, write_text
from recurra.storage.models import CONFIG
from recurra.storage.toml_text import read_toml
from recurra.tasks.base import Example, Task, TextStream, spaced
from recurra.tasks.parts.confusions import Confusion
from recurra.version import __version__

REPORT = "report.html"
_UNITS = 40
_EACH = 3  # examples that are drawn of those answered right, and of those answered wrong
_MOST_LABELS = 40


def write_report(
    run: str | Path,
    path: str | Path | None = None,
    *,
    samples: Sequence[str] = (),
    stream: str = "",
    device: str | torch.device = "cpu",
) -> Path:
    """Writes a page on a run: what was trained on what, settings that are not the defaults, curves, scores,
    scores of each label, examples answered right and wrong, speed and versions.

    Args:
        path: of the page, written whole or not at all; `report.html` in the run's folder without it.
        samples: texts the model wrote, shown as they stand.
        stream: read token by token, by a language model; shown are the surprisal of each token, the
            likeliest next ones and the hidden state.
        device: where answers are computed.

    Returns:
        The page's path.

    Raises:
        Fault: the run can't be loaded, or the page can't be written. Where the validation data are gone the
            page says so in their place.
    """
    folder = run_folder(run)
    path = folder / REPORT if path is None else Path(path)
    if path.is_dir():
        raise Fault(f"{path}: is a folder, expected the file of the page")
    task = load(folder, device)
    metrics = read_json(folder / METRICS)
    table, kind = run_recipe(read_toml(folder / RECIPE), str(folder / RECIPE))
    log = read_log(folder / LOG) if (folder / LOG).is_file() else []  # a run from the hub has none
    parts = [*_scores(folder, table, metrics, task), *_curves(log, metrics)]
    answers: Answers | Fault
    try:
        answers = answer_examples(task)
    except Fault as fault:
        answers = fault
    if isinstance(answers, Fault):
        parts += [pages.heading("Examples"), pages.paragraph(f"Left out: {answers}")]
    else:
        parts += [*_labels(answers), *_examples(task, answers)]
    if samples:
        parts += [pages.heading("Written by the model"), *map(pages.block, samples)]
    if stream:
        parts += _streamed(task, stream)
    parts += [*_settings(folder, table, kind), *_circumstances(folder, task, answers)]
    write_text(path, pages.page(f"{folder.resolve().name}: {task.name}", parts))
    return path


def _scores(folder: Path, table: Mapping[str, Any], metrics: Mapping[str, Any], task: Task) -> Iterator[str]:
    fields = Fields(metrics, str(folder / METRICS))
    score = fields.text("score")
    best, last = metrics["best"] or metrics["last"], metrics["last"]
    data = table.get("data", {})
    weights = sum(weight.numel() for weight in task.model.parameters())
    yield pages.paragraph(
        f"Task {task.name}: a network of {weights:,} parameters, trained on {_names(data.get('train'))} for "
        f"{last['step']:,} steps, {last['epoch']} whole epochs. Its weights are those of step "
        f"{best['step']:,}, whose {score} was best ({fields.text('better')} is better)."
    )
    yield pages.heading("Scores on the validation data")
    rows = [
        (name + (" (the score)" if name == score else ""), _number(value), _number(last["metrics"].get(name)))
        for name, value in best["metrics"].items()
    ]
    yield pages.table(("", f"best, step {best['step']:,}", f"last, step {last['step']:,}"), rows)


def _curves(log: Sequence[dict[str, Any]], metrics: Mapping[str, Any]) -> Iterator[str]:
    if not log:
        return
    yield pages.heading("Learning curves")
    pictures = [plots.learning_curve(log, metrics["score"], dark) for dark in (False, True)]
    yield pages.figure(f"training loss and validation {metrics['score']} over steps", *pictures)
    if entries := [entry for entry in log if "watch" in entry]:
        yield pages.heading("Gradient over training")
        yield pages.figure(
            "reach and updates over steps", *(plots.watched(entries, dark) for dark in (False, True))
        )


def _labels(answers: Answers) -> Iterator[str]:
    confusion = Confusion(
        label_pairs((row.answer, row.example.truth) for row in answers.rows if row.example.truth is not None)
    )
    if not confusion.counts:
        return
    yield pages.heading("Each label")
    yield pages.paragraph(f"Of {_amount(answers)}.")
    scores = sorted(confusion.scores(), key=lambda score: -score.support)
    yield pages.table(
        ("label", "precision", "recall", "F1", "times true"),
        [(s.label, f"{s.precision:.1%}", f"{s.recall:.1%}", f"{s.f1:.1%}", f"{s.support:,}") for s in scores],
    )
    names = [each.label for each in scores[:_MOST_LABELS]]
    if len(names) > 1:
        more = "" if len(names) == len(scores) else f", the {len(names)} most frequent"
        yield pages.figure(
            f"which label was answered for which{more}",
            *(plots.confusion(confusion.counts, names, dark) for dark in (False, True)),
        )


def _examples(task: Task, answers: Answers) -> Iterator[str]:
    yield pages.heading("Examples")
    best, worst = answers.best(_EACH), answers.worst(_EACH)
    if not best and not worst:
        yield from _pictures(task, "Answered", spaced(answers.rows, _EACH))
        return
    graded = [row for row in answers.rows if row.mistake is not None]
    right = sum(not row.mistake for row in graded)
    yield pages.paragraph(f"{right:,} of {_amount(answers)} are answered without a mistake.")
    yield from _pictures(task, "Answered right" if right else "The nearest to right", best)
    yield from _pictures(task, "Answered most wrongly", [row for row in worst if row not in best])


def _pictures(task: Task, title: str, rows: Sequence[Reply]) -> Iterator[str]:
    if not rows:
        return
    yield pages.heading(title, 3)
    for row in rows:
        try:
            light, dark = (figure_bytes(task.drawing([row.example], ground)) for ground in (False, True))
        except Fault as fault:
            yield pages.paragraph(f"Not drawn: {fault}")
            continue
        yield pages.figure(f"mistake: {row.mistake:.3g}" if row.mistake else "", light, dark)


def _settings(folder: Path, table: Mapping[str, Any], kind: type[Task]) -> Iterator[str]:
    yield pages.heading("Settings that are not the defaults")
    own = own_settings(table, kind)
    yield pages.table(("key", "value", "default"), [(key, *pair) for key, pair in own.items()])
    if (folder / SOURCE).is_file():
        yield pages.details("The recipe as it was written", (folder / SOURCE).read_text("utf-8", "replace"))
    yield pages.details("Every setting", (folder / RECIPE).read_text("utf-8", "replace"))


def _circumstances(folder: Path, task: Task, answers: Answers | Fault) -> Iterator[str]:
    rows = [("trained by", f"Recurra {read_json(folder / CONFIG).get('recurra', 'of an unknown version')}")]
    if not isinstance(answers, Fault) and answers.rows:
        speed = len(answers.rows) / max(answers.seconds, 1e-9)
        device = next(task.model.parameters()).device
        rows.append(("speed", f"{speed:,.0f} examples answered a second, on {device} with {_threads()}"))
    rows += [
        ("this page", f"Recurra {__version__}, torch {torch.__version__}, numpy {numpy.__version__}"),
        ("Python", f"{platform.python_implementation()} {platform.python_version()}, {platform.platform()}"),
    ]
    yield pages.heading("Speed and versions")
    yield pages.table(("", ""), rows)


def _threads() -> str:
    count = torch.get_num_threads()
    return f"{count} thread{'' if count == 1 else 's'}"


def _amount(answers: Answers) -> str:
    if len(answers.rows) == answers.total:
        return f"all {answers.total:,} examples of the validation data"
    return f"{len(answers.rows):,} of the {answers.total:,} examples of the validation data, evenly spaced"


def _names(source: Any) -> str:
    """The files, or what else, that a source of data names."""
    if isinstance(source, Mapping):
        source = source.get("path", source.get("builtin", "data of its own"))
    if isinstance(source, list):
        few = ", ".join(map(_names, source[:3]))
        return f"{few} and {len(source) - 3} more" if len(source) > 3 else few
    return str(source)


def _number(value: Any) -> str:
    return "" if value is None else f"{value:.4f}"


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
    yield pages.heading("Read as a stream")
    yield pages.figure(
        "how unexpected each token was (red: more than 4 bits), and what is expected after it",
        *(figure_bytes(task.drawing([Example(text)], dark)) for dark in (False, True)),
    )
    hidden = torch.cat(outputs) if outputs else torch.zeros(0, 0)
    if len(hidden) == len(tokens):
        # change from step to step against the whole range: small where a unit remembers
        pace = hidden.diff(dim=0).abs().mean(0) / hidden.std(0).clamp(min=0.1)
        slowest = pace.topk(min(_UNITS, hidden.shape[1]), largest=False).indices
        units = hidden[:, slowest].T.tolist()
        yield pages.figure(
            f"the {len(slowest)} units of the first layer that remember longest, the slowest on top",
            *(plots.activity(tokens, units, dark) for dark in (False, True)),
        )


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
