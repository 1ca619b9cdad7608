"""How near texts are to references, by sacreBLEU."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

from recurra.errors import Fault


def text_scores(said: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """`bleu` and `chrf` of a corpus (Papineni et al., 2002; Popović, 2015), 0 to 100, one reference each."""
    return {
        name: float(metric.corpus_score(list(said), [list(references)]).score)
        for name, metric in _metrics().items()
    }


def text_signatures() -> dict[str, str]:
    """What a reader of these scores must know: how sacreBLEU counted, and its version (Post, 2018)."""
    signatures = {}
    for name, metric in _metrics().items():
        metric.corpus_score(["a"], [["a"]])  # it knows the number of references once it has scored
        signatures[name] = str(metric.get_signature().format())
    return signatures


def _metrics() -> dict[str, Any]:
    try:
        library = importlib.import_module("sacrebleu.metrics")
    except ModuleNotFoundError:
        raise Fault("scores of texts need sacreBLEU: install recurra[text]") from None
    return {"bleu": library.BLEU(), "chrf": library.CHRF()}
