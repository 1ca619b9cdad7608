"""Words by the rules of Moses, and text as people write it."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import pytest

from recurra.data import load_tokenizer
from recurra.data.text.moses import MosesRule
from recurra.data.text.tokenizers import WordTokenizer, natural_text
from recurra.errors import Fault

pytest.importorskip("sacremoses", reason="sacremoses is not installed")


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "It's here, isn't it?"),
        ("en", 'Mr. Smith said "no" (twice).'),
        ("de", "Das ist gut, oder?"),
        ("fr", "L'homme est là."),
    ],
)
def test_what_is_cut_is_joined_again(language: str, text: str) -> None:
    rule = MosesRule(language)
    words = rule.cut(text)
    assert len(words) > len(text.split())
    assert rule.join(words) == text
    assert pickle.loads(pickle.dumps(rule)).join(words) == text


def test_ready_tokens_are_cut_at_blanks_and_written_as_people_do(tmp_path: Path) -> None:
    texts = ["a well @-@ known 1 @,@ 000 , it 's here .", "R&D < 3 @.@ 5"]
    tokenizer = WordTokenizer.train(texts, rule="moses_tokens")
    assert tokenizer.split(texts[0]) == texts[0].split()
    said = [tokenizer.decode(tokenizer.encode(text)) for text in texts]
    assert said == ["a well-known 1,000, it's here.", "R&D < 3.5"]
    assert [natural_text(tokenizer, text) for text in texts] == said
    assert tokenizer.decode([]) == ""
    tokenizer.save(tmp_path / "a.json")
    again = load_tokenizer(tmp_path / "a.json")
    assert again.decode(tokenizer.encode(texts[0])) == said[0]
    assert '"language"' not in _saved(WordTokenizer.train(texts), tmp_path)


def test_plain_rules_write_as_before() -> None:
    tokenizer = WordTokenizer.train(["here ."])
    assert tokenizer.decode(tokenizer.encode("here .")) == "here ."
    assert natural_text(tokenizer, "here .") == "here ."


def test_bad_input_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Fault, match="language = 'English' found, expected a code of two or three letters"):
        MosesRule("English")
    with pytest.raises(Fault, match="no rule for words is called 'mose': did you mean 'moses'"):
        WordTokenizer.train(["a"], rule="mose")
    monkeypatch.setitem(sys.modules, "sacremoses", None)
    with pytest.raises(Fault, match=r"the rules of Moses need sacremoses: install recurra\[text\]"):
        MosesRule()


def _saved(tokenizer: WordTokenizer, folder: Path) -> str:
    tokenizer.save(folder / "plain.json")
    return (folder / "plain.json").read_text()
