"""Data that needs no file."""

from __future__ import annotations

import math
import sys
from datetime import date

import pytest
from torch import Tensor

from recurra.data import BUILTIN, Examples, adding, columns, copying, python_manual, read
from recurra.data.builtin.names import NAMES
from recurra.data.builtin.signals import MORSE
from recurra.errors import Fault


def test_the_manual_is_plain_prose() -> None:
    text = python_manual()
    assert text == python_manual()
    assert len(text) > 100_000
    assert text.isascii()
    lines = text.split("\n")
    assert lines.pop() == ""
    assert len(set(lines)) == len(lines)
    assert all(len(line) >= 40 and line[0].isupper() and ">>>" not in line for line in lines)
    assert read("builtin:python_manual")["text"] == [text]


def test_a_python_without_manual_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(Fault, match="give a text file instead"):
        python_manual()


def test_adding() -> None:
    found = adding(count=200, length=20, seed=1)
    targets = columns.numbers(found, "target")[:, 0]
    rows = columns.vectors(found, "vectors")
    for row, target in zip(rows, targets, strict=True):
        assert 20 <= len(row) <= 22
        marks = row[:, 1]
        assert marks.sum() == 2
        assert marks[: len(row) // 2].sum() == 1
        assert math.isclose(float((row[:, 0] * marks).sum()), float(target), rel_tol=1e-5)
    assert abs(float(((targets - 1) ** 2).mean()) - 1 / 6) < 0.05
    assert adding(count=200, length=20, seed=1).columns == found.columns
    assert adding(count=200, length=20, seed=2).columns != found.columns


def test_copying() -> None:
    found = read({"builtin": "copying", "count": 20, "symbols": 4, "length": 3, "delay": 5})
    for tokens, tags in zip(
        columns.tokens(found, "tokens"), columns.tags(found, "tags", like="tokens"), strict=True
    ):
        assert len(tokens) == 11
        assert tokens[3:] == ["_"] * 4 + [":"] + ["_"] * 3
        assert tags == ["_"] * 8 + tokens[:3]


def test_options_of_built_in_data() -> None:
    others = {"python_manual", "adding", "copying", "scenes", "moving_scenes", "relations"}
    assert others | {*MADE} <= set(BUILTIN)
    with pytest.raises(Fault, match="built-in data 'adding' has no option 'lenght': did you mean 'length'"):
        read({"builtin": "adding", "lenght": 3})
    with pytest.raises(Fault, match="expected at least 1 and 2"):
        adding(length=1)
    with pytest.raises(Fault, match="expected at least 2 and 1"):
        copying(symbols=1)


MADE = ["sentences", "opinions", "dates", "genes", "morse", "cadences", "doodles"]


@pytest.mark.parametrize("name", [*MADE, "walks", "sales"])
def test_the_same_seed_makes_the_same_data(name: str) -> None:
    options = {"years": 2} if name == "sales" else {"count": 15}
    first, again, other = (_plain(read({"builtin": name, "seed": seed, **options})) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def _plain(found: Examples) -> str:
    """Every entry whole: PyTorch writes long tensors short."""
    return str(
        {
            name: [entry.tolist() if isinstance(entry, Tensor) else entry for entry in entries]
            for name, entries in found.columns.items()
        }
    )


@pytest.mark.parametrize(("name", "key"), [("sentences", "text"), ("opinions", "text"), ("dates", "target")])
def test_nothing_is_in_two_parts(name: str, key: str) -> None:
    parts = [
        set(read({"builtin": name, "part": part, "count": 150})[key])
        for part in ("train", "validation", "test")
    ]
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]
    assert not parts[1] & parts[2]


def test_sentences_are_trees_of_both_kinds() -> None:
    found = read({"builtin": "sentences", "count": 100})
    for words, tags, heads, names, tree, text in zip(
        *(found[name] for name in ("form", "upos", "head", "deprel", "tree", "brackets")), strict=True
    ):
        assert len(words) == len(tags) == len(heads) == len(names)
        assert tree.words() == words
        assert str(tree) == text
        assert heads.count(0) == names.count("root") == 1
        assert tags[heads.index(0)] == "VERB"
        for start in range(len(words)):  # every word leads to the root
            at, steps = start + 1, 0
            while at and steps <= len(words):
                at, steps = heads[at - 1], steps + 1
            assert at == 0
        # every constituent is a word and all that it governs, or a part of that: one arc leads out of it
        for _, first, last in tree.spans():
            outside = [k for k in range(first, last) if not first <= heads[k] - 1 < last]
            assert len(outside) == 1
    assert {"light", "green"} <= {word for word, tags in _readings(found).items() if len(tags) > 1}


def _readings(found: Examples) -> dict[str, set[str]]:
    readings: dict[str, set[str]] = {}
    for words, tags in zip(found["tokens"], found["tags"], strict=True):
        for word, tag in zip(words, tags, strict=True):
            readings.setdefault(word, set()).add(tag)
    return readings


def test_opinions_follow_their_words() -> None:
    good = set("wonderful,moving,clever,funny,fresh,beautiful,a joy".split(","))
    for text, label in zip(*read({"builtin": "opinions", "count": 200}).columns.values(), strict=True):
        last = text.removesuffix(" .").split(" but ")[-1].split(" and ")[-1]
        liked = any(last.endswith(word) for word in good) != (" not " in last)
        assert label == ("good" if liked else "bad")


def test_genes_follow_the_genetic_code() -> None:
    code = {"atg": "M", "ttt": "F", "tgg": "W", "aaa": "K", "ggg": "G", "gat": "D", "cgc": "R", "agc": "S"}
    for dna, protein in zip(*read({"builtin": "genes", "count": 50}).columns.values(), strict=True):
        codons = [dna[k : k + 3] for k in range(0, len(dna), 3)]
        assert len(codons) == len(protein)
        assert codons[0] == "atg"
        assert not {"taa", "tag", "tga"} & set(codons)
        assert all(
            code.get(codon, residue) == residue for codon, residue in zip(codons, protein, strict=True)
        )


def test_each_name_is_in_one_part() -> None:
    parts = [read({"builtin": "names", "part": part}) for part in ("train", "validation", "test")]
    listed = [name for part in parts for name in part["name"]]
    assert len(listed) == len(set(listed)) == sum(map(len, NAMES.values()))
    assert {len({*part["kind"]}) for part in parts} == {3}
    assert all(name.isalpha() and name == name.capitalize() for name in listed)
    for text, name, kind in zip(*(parts[0][column] for column in ("text", "name", "kind")), strict=True):
        assert text == f"{kind}: {name}"
        assert name in NAMES[kind]
    assert read({"builtin": "names", "keep": {"kind": ["star"]}})["text"][0].startswith("star: A")


def test_morse_is_as_long_as_its_signs() -> None:
    found = read({"builtin": "morse", "count": 10, "letters": 2, "rate": 4000})
    for recording, text in zip(found["audio"], found["text"], strict=True):
        units = 2 + sum(2 + sum(2 if sign == "." else 4 for sign in MORSE[letter]) for letter in text)
        assert units * 0.05 - 0.1 <= len(recording.samples) / 4000 <= units * 0.08 + 0.1
        assert recording.samples.abs().max() < 0.6


def test_dates_name_their_days() -> None:
    found = read({"builtin": "dates", "count": 300})
    for source, target in zip(found["source"], found["target"], strict=True):
        day = date.fromisoformat(target)
        assert str(day.day) in source
        assert f"{day.year % 100:02}" in source


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ({"builtin": "genes", "residues": 2}, "residues = 2 found, expected at least 3"),
        ({"builtin": "morse", "letters": 0}, "letters = 0"),
        ({"builtin": "sales", "shops": 30}, "shops = 30"),
        ({"builtin": "walks", "part": "all"}, "part = 'all'"),
        ({"builtin": "cadences", "bars": 2}, "bars = 2"),
        ({"builtin": "dates", "count": 0}, "count = 0"),
        (
            {"builtin": "names", "part": "dev"},
            "names: part = 'dev' found, expected one of train, validation, test",
        ),
        ({"builtin": "names", "count": 5}, "has no option 'count'"),
    ],
)
def test_settings_that_make_no_data_are_told(source: dict[str, object], why: str) -> None:
    with pytest.raises(Fault, match=why):
        read(source)
