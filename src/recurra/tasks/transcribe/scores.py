"""How near transcripts are to what was said, by jiwer."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

from recurra.errors import Fault
from recurra.tasks.parts.metrics import accuracy


def speech_scores(references: Sequence[str], hypotheses: Sequence[str]) -> dict[str, float]:
    """Of all transcripts together: `cer` and `wer`, the characters and words that would have to be changed,
    added and left out, as shares of those of the references; `exact`: the share of transcripts without a
    fault.

    Raises:
        Fault: jiwer is not installed.
    """
    library = _jiwer()
    return {
        "cer": float(library.cer(list(references), list(hypotheses))),
        "wer": float(library.wer(list(references), list(hypotheses))),
        "exact": accuracy(references, hypotheses),
    }


def _jiwer() -> Any:
    try:
        return importlib.import_module("jiwer")
    except ModuleNotFoundError:
        raise Fault("error rates of transcripts need jiwer: install recurra[audio]") from None
