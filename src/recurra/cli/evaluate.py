"""`recurra evaluate`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from recurra.cli.arguments import Changes, Device, Json, Removals, Run, Threshold
from recurra.cli.output import emit, table
from recurra.errors import Fault


class Split(StrEnum):
    """A part of the recipe's data."""

    train = "train"
    validation = "validation"
    test = "test"


def evaluate(
    run: Run,
    split: Annotated[
        Split | None,
        typer.Option(help="The part of the recipe's data to measure; without it the validation data."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Measure another file of the same format instead (test: as --split test)."),
    ] = None,
    minimal_pairs: Annotated[
        Path | None,
        typer.Option(
            "--pairs",
            help="Of a language model: a file of pairs of sentences, one right and one wrong (in BLiMP's "
            "form, or columns good and bad); prints by test how often the right one is likelier.",
        ),
    ] = None,
    bootstrap: Annotated[
        int,
        typer.Option(
            min=0, help="Also the 95 % interval of each figure, by so many draws of the examples (1000, say)."
        ),
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Of these draws.")] = 0,
    by_label: Annotated[
        bool,
        typer.Option(
            "--by-label", help="Also the figures of each label, and which labels were taken for which."
        ),
    ] = False,
    threshold: Threshold = None,
    best_threshold: Annotated[
        bool,
        typer.Option("--best-threshold", help="Also, of two labels, the threshold of each with the best F1."),
    ] = False,
    changes: Changes = None,
    removals: Removals = None,
    device: Device = "cpu",
    as_json: Json = False,
    blind: Annotated[
        bool,
        typer.Option(
            "--blind",
            help="Of answers to questions: beside those of twins that see the question, or the evidence, "
            "alone; they are trained into the run the first time.",
        ),
    ] = False,
) -> None:
    """Measure a trained run. The first line says on which data; then comes one figure a line, with its unit
    and whether higher or lower is better. In JSON a figure in percent is a share, from 0 to 1.
    """
    extras = {
        "--bootstrap": bootstrap,
        "--by-label": by_label,
        "--threshold": threshold,
        "--best-threshold": best_threshold,
    }
    if blind:
        from recurra.cli.blind import show_blind

        if changes or removals or device != "cpu":
            raise Fault(
                "--blind measures a run and its twins as they are: leave out --set, --unset, --device"
            )
        _require_alone("--blind", extras | {"--split": split, "--pairs": minimal_pairs})
        show_blind(run, data, as_json)
        return
    from recurra.cli.loading import load_run
    from recurra.cli.measured import Sheet

    if minimal_pairs is not None:
        if data is not None or split is not None:
            raise Fault(f"--pairs {minimal_pairs}: stands for --data and --split: give one of them")
        _require_alone("--pairs", extras)
        _pairs(load_run(run, device, changes, removals).pair_scores(minimal_pairs), as_json)
        return
    if split is not None and data is not None:
        raise Fault("give --split, a part of the recipe's data, or --data, another file, not both")
    task = load_run(run, device, changes, removals)
    if threshold is not None:
        task.set_threshold(threshold)
    sheet = Sheet(task, task.measure(data if split is None else split.value))
    if bootstrap:
        sheet.add_intervals(bootstrap, seed)
    if by_label:
        sheet.add_labels()
    if best_threshold:
        sheet.add_best_thresholds()
    sheet.show(as_json)


def _require_alone(option: str, others: Mapping[str, Any]) -> None:
    """Fault for another option that would do nothing beside this one."""
    idle = [name for name, value in others.items() if value not in (None, False, 0)]
    if idle:
        raise Fault(f"{option} prints figures of its own: leave out {', '.join(idle)}")


def _pairs(scores: Any, as_json: bool) -> None:
    if as_json:
        emit(scores.to_dict())
        return
    rows = [
        (*row[:4], _percent(row.accuracy), row.words_known, _percent(row.accuracy_known))
        for row in scores.rows()
    ]
    table(("phenomenon", "test", "pairs", "ties", "right", "all words known", "right of these"), rows)


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"
