"""`recurra evaluate --blind`."""

from __future__ import annotations

from pathlib import Path

from recurra.cli.output import emit, table


def show_blind(run: Path, data: Path | None, as_json: bool) -> None:
    """A run's figures, with those of its blind twins beside them."""
    from recurra.train.blind import blind_scores

    scores = blind_scores(run, data)
    if as_json:
        emit({sees: dict(metrics) for sees, metrics in scores.items()})
        return
    names = {"both": "both", "question": "question only", "evidence": "evidence only"}
    rows = [[metric, *(scores[sees][metric] for sees in names)] for metric in scores["both"]]
    table(("name", *names.values()), rows)
