"""Spans <-> tags."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recurra.data.text import spans as sp
from recurra.data.text.spans import Span
from recurra.errors import Fault
from recurra.tasks.parts.metrics import span_counts, span_figures

SCHEMES = list(sp.PREFIXES)


@st.composite
def sentences(draw: st.DrawFn) -> tuple[int, list[Span]]:
    """A length and spans in it that don't overlap."""
    length = draw(st.integers(0, 10))
    cuts = sorted(draw(st.sets(st.integers(0, length), max_size=6)))
    found = []
    for start, end in pairwise(cuts):
        if draw(st.booleans()):
            found.append(Span(draw(st.sampled_from(["per", "creative-work"])), start, end))
    return length, found


@given(sentences(), st.sampled_from(SCHEMES), st.sampled_from(SCHEMES))
def test_spans_survive_every_scheme(sentence: tuple[int, list[Span]], one: str, other: str) -> None:
    length, found = sentence
    tags = sp.to_tags(found, length, one)
    assert sp.violations(tags, one) == []
    assert sp.spans(tags, one) == found
    converted = sp.convert(tags, one, other)
    assert converted == sp.to_tags(found, length, other)
    assert sp.convert(converted, other, one) == tags


CONLLEVAL = json.loads((Path(__file__).parents[2] / "data" / "conlleval.json").read_text())


@pytest.mark.parametrize("row", CONLLEVAL["rows"], ids=lambda row: str(row["tags"]))
def test_ill_formed_tags_are_read_as_the_conll_script_reads_them(row: Any) -> None:
    assert sp.spans(row["tags"].split(), "BIOES") == [Span(*span) for span in row["spans"]]


@pytest.mark.parametrize("corpus", CONLLEVAL["corpora"])
def test_scores_over_spans_are_those_of_the_conll_script(corpus: Any) -> None:
    counts = [
        span_counts(true.split(), predicted.split(), "BIO")
        for true, predicted in zip(corpus["true"], corpus["predicted"], strict=True)
    ]
    scores = span_figures(counts)(torch.ones(len(counts), dtype=torch.float64))
    precision, recall, f1 = corpus["all"]
    assert scores == pytest.approx({"f1": f1, "precision": precision, "recall": recall})


def test_scores_over_spans_by_hand() -> None:
    """Of three answers one is right, of two true spans one is found."""
    truth = [["B-x", "I-x", "O", "B-y"], ["O"]]
    answer = [["B-x", "I-x", "B-y", "I-y"], ["B-x"]]
    counts = [span_counts(*pair, "BIO") for pair in zip(truth, answer, strict=True)]
    scores = span_figures(counts)(torch.ones(2, dtype=torch.float64))
    assert scores == pytest.approx({"precision": 1 / 3, "recall": 1 / 2, "f1": 2 / 5})


def test_violations_say_where() -> None:
    assert sp.violations(["I-x", "O"]) == [(0, "I-x begins the sentence")]
    assert sp.violations(["B-x", "I-y"]) == [(1, "I-y after B-x")]
    assert sp.violations(["O", "B-x"], "BIOES") == [(1, "B-x ends the sentence")]


def test_guess_scheme() -> None:
    assert sp.guess_scheme([["B-x", "I-x"], ["O"]]) == "BIO"
    assert sp.guess_scheme([["I-x", "B-x"]]) == "IOB1"
    assert sp.guess_scheme([["S-x", "B-x", "E-x"]]) == "BIOES"
    with pytest.raises(Fault, match="fit none of the schemes"):
        sp.guess_scheme([["NN"]])


def test_faults() -> None:
    with pytest.raises(Fault, match="tag 'S-x' is not of the scheme BIO: expected O, B-LABEL, I-LABEL"):
        sp.spans(["S-x"])
    with pytest.raises(Fault, match="no tagging scheme is called 'BOI': did you mean 'BIO'"):
        sp.spans(["B-x"], "BOI")
    for wrong in ([Span("x", 0, 2), Span("y", 1, 3)], [Span("x", 1, 1)], [Span("x", 2, 4)]):
        with pytest.raises(Fault, match="overlaps another or leaves"):
            sp.to_tags(wrong, 3)


@given(
    st.lists(
        st.lists(st.sampled_from(["O", "B-x", "I-x", "E-x", "S-x", "B-y", "I-y", "E-y", "S-y"]), max_size=7),
        max_size=3,
    ),
    st.sampled_from(SCHEMES),
    st.sampled_from(SCHEMES),
)
def test_tags_that_come_one_by_one_become_what_whole_sentences_become(
    sentences: list[list[str]], one: str, other: str
) -> None:
    """Sentence after sentence, ill-formed ones too; at most one tag waits, and only in BIOES."""
    converter = sp.TagConverter(one, other)
    for sentence in sentences:
        tags = [tag for tag in sentence if tag == "O" or tag[0] in sp.PREFIXES[one]]
        certain: list[str] = []
        for count, tag in enumerate(tags, 1):
            certain += converter.feed(tag)
            assert count - len(certain) <= (other == "BIOES")
        assert certain + converter.finish() == sp.convert(tags, one, other)
