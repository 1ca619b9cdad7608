"""How near texts are to references, by sacreBLEU."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

import torch
from torch import Tensor

from recurra.errors import Fault
from recurra.tasks.parts.measurement import Figures

References = Sequence[str] | Sequence[Sequence[str]]
"""For each text one reference, or several; not as many for all, it may be."""


def chrf_score(hypotheses: Sequence[str], references: References) -> float:
    """`chrf` of a corpus (Popović, 2015), 0 to 100.

    Raises:
        Fault: sacreBLEU is not installed.
    """
    return float(_metrics()["chrf"].corpus_score(list(hypotheses), _streams(references)).score)


def bleu_figures(hypotheses: Sequence[str], references: References) -> Figures:
    """`bleu` (Papineni et al., 2002), 0 to 100, of texts with weights, by what sacreBLEU counts of each.

    Raises:
        Fault: sacreBLEU is not installed.
    """
    library = _library()
    metric = library.BLEU(effective_order=True)  # of its counts alone, which are the same
    several = [[each] if isinstance(each, str) else list(each) for each in references]
    counts = []
    for text, among in zip(hypotheses, several, strict=True):
        one = metric.sentence_score(text, among)
        counts.append([one.sys_len, one.ref_len, *one.counts, *one.totals])
    table = torch.tensor(counts, dtype=torch.float64)

    def figures(weights: Tensor) -> dict[str, float]:
        length, expected, *grams = (weights @ table).round().long().tolist()
        orders = len(grams) // 2
        score = library.BLEU.compute_bleu(grams[:orders], grams[orders:], length, expected)
        return {"bleu": float(score.score)}

    return figures


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
    library = _library()
    return {"bleu": library.BLEU(), "chrf": library.CHRF()}


def _library() -> Any:
    try:
        return importlib.import_module("sacrebleu.metrics")
    except ModuleNotFoundError:
        raise Fault("scores of texts need sacreBLEU: install recurra[text]") from None
