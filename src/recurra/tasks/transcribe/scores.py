"""How near transcripts are to what was said, by jiwer."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import torch

from recurra.errors import Fault
from recurra.tasks.parts.measurement import Figures, ratios


def speech_figures(references: Sequence[str], hypotheses: Sequence[str]) -> Figures:
    """Of all transcripts together: `cer` and `wer`, the characters and words that would have to be changed,
    added and left out, as shares of those of the references; `exact`: the share of transcripts without a
    fault; of transcripts with weights.

    Raises:
        Fault: jiwer is not installed.
    """
    library, pairs = _jiwer(), [*zip(references, hypotheses, strict=True)]
    characters = torch.tensor([_errors(library.process_characters(*pair)) for pair in pairs])
    words = torch.tensor([_errors(library.process_words(*pair)) for pair in pairs])
    return ratios(
        {
            "cer": (characters[:, 0], characters[:, 1]),
            "wer": (words[:, 0], words[:, 1]),
            "exact": ([true == guess for true, guess in pairs], None),
        }
    )


def _errors(result: Any) -> tuple[int, int]:
    """Changes, and what they are a share of."""
    changes = result.substitutions + result.deletions
    return changes + result.insertions, changes + result.hits


def _jiwer() -> Any:
    try:
        return importlib.import_module("jiwer")
    except ModuleNotFoundError:
        raise Fault("error rates of transcripts need jiwer: install recurra[audio]") from None
