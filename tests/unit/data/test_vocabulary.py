"""Vocabularies, label sets and tokenizers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from recurra.data import (
    TOKENIZERS,
    CharacterTokenizer,
    LabelSet,
    Tokenizer,
    Vocabulary,
    WordTokenizer,
    load_tokenizer,
    train_tokenizer,
)
from recurra.data.text import features
from recurra.errors import Fault

in_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
sequences = st.lists(st.lists(st.text(max_size=3), max_size=8), min_size=1, max_size=6)
few = st.sampled_from("a b c d e f g h ä 中".split())
repetitive = st.lists(st.lists(few | st.text(max_size=3), min_size=4, max_size=12), min_size=2, max_size=6)


@in_folder
@given(repetitive, st.integers(1, 3), st.none() | st.integers(5, 9), st.booleans())
def test_vocabulary(
    tmp_path: Path, rows: list[list[str]], min_count: int, max_size: int | None, begin: bool
) -> None:
    seen = Counter(token for row in rows for token in row)
    assume(sum(n >= min_count for n in seen.values()) >= 2)
    vocabulary = Vocabulary.build(
        rows, min_count=min_count, max_size=max_size, begin="<BOS>" if begin else None
    )
    special = 3 if begin else 2
    assert max_size is None or len(vocabulary) <= max_size
    assert sum(vocabulary.counts) == sum(seen.values())
    plain = vocabulary.tokens[special:]
    assert list(plain) == sorted(plain, key=lambda t: (-seen[t], t))
    assert all(seen[t] >= min_count for t in plain)
    left_out = set(seen) - set(plain)
    assert all(seen[a] <= seen[b] for a in left_out for b in plain)
    for row in rows:
        ids = vocabulary.encode(row)
        assert vocabulary.decode(ids) == [t if t in plain else "<UNK>" for t in row]
    vocabulary.save(tmp_path / "v.json")
    again = Vocabulary.load(tmp_path / "v.json")
    assert again == vocabulary
    assert (again.unknown, again.end, again.begin) == (0, 1, 2 if begin else None)


def test_a_token_spelt_like_a_special_one_is_that_one() -> None:
    vocabulary = Vocabulary.build([["a", "<unk>", "b", "<unk>"]], unknown="<unk>")
    assert vocabulary.tokens == ("<unk>", "<EOS>", "a", "b")
    assert vocabulary.counts == (2, 0, 1, 1)
    assert vocabulary["never"] == 0
    assert vocabulary.notes() == []


def test_an_untrained_unknown_token_is_noted() -> None:
    assert "stays untrained" in str(Vocabulary.build(["ab"]).notes()[0])
    assert Vocabulary.build(["abac", "bb"], min_count=2).notes() == []


def test_without_unknown_token() -> None:
    vocabulary = Vocabulary.build([["cat", "dog"]], unknown=None, end=None)
    with pytest.raises(Fault, match="unknown token 'cst': did you mean 'cat'"):
        vocabulary["cst"]
    with pytest.raises(Fault, match="no unknown token to stand for them"):
        Vocabulary.build(["aab"], min_count=2, unknown=None)
    with pytest.raises(Fault, match="no token has the id 2: ids run from 0 to 1"):
        vocabulary.decode([2])
    with pytest.raises(Fault, match="no token has the id -1"):
        vocabulary.token(-1)


def test_label_set(tmp_path: Path) -> None:
    labels = LabelSet.build([("b", "f:1"), ("a", "f:2"), ("b", "f:3")])
    assert (labels.names, labels.counts) == (("a", "b"), (1, 2))
    assert labels.decode(labels.encode(["b", "a"])) == ["b", "a"]
    labels.save(tmp_path / "l.json")
    assert LabelSet.load(tmp_path / "l.json") == labels


def test_label_set_with_the_tags_of_a_scheme() -> None:
    labels = LabelSet(["B-LST", "B-NP", "I-NP", "O"], [1, 4, 2, 9]).completed("BIO")
    assert labels.names == ("B-LST", "B-NP", "I-LST", "I-NP", "O")
    assert labels.counts == (1, 4, 0, 2, 9)


TEXTS = [
    "the cat sat on the mat\n",
    "The dog's 3.5 bones, all 'old'.",
    "größe ist schön",
    "the  mat  and the hat",
]
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "word": [{}, {"rule": "words", "lower": True, "min_count": 2}],
    "character": [{}, {"begin": "<BOS>"}],
    "subword": [{"max_size": 300}, {"max_size": 270, "begin": True}],
}


@pytest.mark.parametrize(
    ("kind", "options"), [(kind, options) for kind in TOKENIZERS for options in OPTIONS[kind]]
)
def test_tokenizers_save_and_load(tmp_path: Path, kind: str, options: dict[str, Any]) -> None:
    if kind == "subword":
        pytest.importorskip("tokenizers", reason="tokenizers is not installed")
    tokenizer = train_tokenizer(kind, TEXTS, **options)
    assert isinstance(tokenizer, Tokenizer)
    assert tokenizer.kind == kind
    path = tmp_path / "tokenizer.json"
    tokenizer.save(path)
    again = load_tokenizer(path)
    assert type(again) is type(tokenizer)
    assert len(again) == len(tokenizer)
    for text in [*TEXTS, "a new xylophone"]:
        ids = tokenizer.encode(text)
        assert again.encode(text) == ids
        assert all(0 <= index < len(tokenizer) for index in ids)
        assert again.decode(ids) == tokenizer.decode(ids)
    assert tokenizer.end is not None
    assert tokenizer.token(tokenizer.end) == "<EOS>"
    assert tokenizer.decode([tokenizer.end]) == ""
    assert (tokenizer.begin is not None) == bool(options.get("begin"))
    retrained = train_tokenizer(kind, TEXTS, **options)
    retrained.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


def test_a_subword_file_of_another_program(tmp_path: Path) -> None:
    library = pytest.importorskip("tokenizers", reason="tokenizers is not installed")
    pieces = [("<UNK>", 0.0), ("ab", -1.0), ("a", -2.0), ("b", -2.0)]
    library.Tokenizer(library.models.Unigram(pieces, unk_id=0)).save(str(tmp_path / "t.json"))
    tokenizer = load_tokenizer(tmp_path / "t.json")
    assert tokenizer.encode("abb") == [1, 3]
    assert (tokenizer.unknown, tokenizer.end, tokenizer.begin) == (0, None, None)


def test_words() -> None:
    tokenizer = WordTokenizer.train(["don't pay $3.50, ever"], rule="words")
    assert tokenizer.split("don't pay $3.50, ever") == ["don't", "pay", "$", "3.50", ",", "ever"]
    assert tokenizer.decode(tokenizer.encode("don't pay twice")) == "don't pay <UNK>"


@given(st.text(min_size=1))
def test_characters_come_back(text: str) -> None:
    assume(len(set(text)) >= 2)
    tokenizer = CharacterTokenizer.train([text])
    assert tokenizer.decode(tokenizer.encode(text)) == text


@given(st.text(st.characters(codec="utf-8")))
def test_byte_level_subwords_lose_nothing(text: str) -> None:
    pytest.importorskip("tokenizers", reason="tokenizers is not installed")
    tokenizer = _bpe()
    assume("<EOS>" not in text)
    assert tokenizer.decode(tokenizer.encode(text)) == text


_trained: list[Tokenizer] = []


def _bpe() -> Tokenizer:
    if not _trained:
        _trained.append(train_tokenizer("subword", TEXTS, max_size=280))
    return _trained[0]


def test_tokenizer_faults() -> None:
    with pytest.raises(Fault, match="no tokenizer is called 'wrod': did you mean 'word'"):
        train_tokenizer("wrod", TEXTS)
    with pytest.raises(Fault, match="tokenizer 'word' has no option 'mincount': did you mean 'min_count'"):
        train_tokenizer("word", TEXTS, mincount=2)
    with pytest.raises(Fault, match="no rule for words is called 'word': did you mean 'words'"):
        train_tokenizer("word", TEXTS, rule="word")
    with pytest.raises(Fault, match="expected more than 257"):
        train_tokenizer("subword", TEXTS, max_size=100)
    with pytest.raises(Fault, match="needs text to learn from"):
        train_tokenizer("subword", [" "])


def test_word_shapes() -> None:
    shapes = ["lower", "upper", "title", "mixed", "number", "number", "with_digit", "other", "title"]
    words = ["cat", "IBM", "Paris", "iPhone", "12", "3,500.00", "B2B", "--", "I"]
    assert [features.shape_of(word) for word in words] == shapes
    (ids,) = features.shapes([words])
    assert [features.SHAPES[int(i)] for i in ids] == shapes


def test_characters_of_words() -> None:
    sentences = [["ab", "b", "ab"], ["", "b"]]
    vocabulary = features.character_vocabulary(sentences)
    assert vocabulary.tokens == ("<UNK>", "b", "a")
    assert [t.tolist() for t in features.characters(["ab", "", "x"], vocabulary)] == [[2, 1], [], [0]]
    words, places = features.distinct_words(sentences)
    assert words == ["ab", "b", ""]
    assert [[words[int(k)] for k in row] for row in places] == sentences
