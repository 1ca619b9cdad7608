"""How near texts are to references, by sacreBLEU."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from recurra.errors import Fault

References = Sequence[str] | Sequence[Sequence[str]]
"""For each text one reference, or several; not as many for all, it may be."""


def text_scores(hypotheses: Sequence[str], references: References) -> dict[str, float]:
    """`bleu` and `chrf` of a corpus (Papineni et al., 2002; Popović, 2015), 0 to 100.

    Raises:
        Fault: sacreBLEU is not installed.
    """
    streams = _streams(references)
    texts = list(hypotheses)
    return {name: float(metric.corpus_score(texts, streams).score) for name, metric in _metrics().items()}


def text_signatures(references: References = ("a",)) -> dict[str, str]:
    """How sacreBLEU counts against these references, and its version, as scores are to be reported (Post,
    2018).
    """
    signatures = {}
    for name, metric in _metrics().items():
        # it knows the number of references once it has scored
        metric.corpus_score(["a"] * len(references), _streams(references))
        signatures[name] = str(metric.get_signature().format())
    return signatures


def _streams(references: References) -> list[list[str | None]]:
    """The first reference of every text, the second of every text, ..., None where there is none."""
    several = [[each] if isinstance(each, str) else list(each) for each in references]
    return [list(stream) for stream in zip_longest(*several)]


def _metrics() -> dict[str, Any]:
    try:
        library = importlib.import_module("sacrebleu.metrics")
    except ModuleNotFoundError:
        raise Fault("scores of texts need sacreBLEU: install recurra[text]") from None
    return {"bleu": library.BLEU(), "chrf": library.CHRF()}
