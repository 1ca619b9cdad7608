"""Real files, read whole: the counts are those that their sources state."""

from __future__ import annotations

from pathlib import Path

import pytest

from recurra.data import LabelSet, columns, read, train_tokenizer
from recurra.data.text import spans

pytestmark = pytest.mark.data


def test_tinyshakespeare(shared_data: Path) -> None:
    (text,) = read(shared_data / "tinyshakespeare/input.txt.gz", document=True)["text"]
    assert len(text) == 1_115_394
    assert len(train_tokenizer("character", [text])) == 65 + 2


def test_wikitext2(shared_data: Path) -> None:
    lines = read(shared_data / "wikitext2/valid.txt.gz")["text"]
    tokenizer = train_tokenizer("word", lines, unknown="<unk>")
    assert len(lines) == 3_760
    assert sum(len(tokenizer.encode(line)) + 1 for line in lines) == 217_646


def test_conll2000(shared_data: Path) -> None:
    names = ["token", "pos", "tag"]
    train, test = (
        read(shared_data / f"conll2000/{part}.txt.gz", format="conll", names=names)
        for part in ("train", "test")
    )
    assert (len(train), len(test)) == (8_936, 2_012)
    assert sum(len(spans.spans(tags)) for tags in train["tag"]) == 106_978
    # the test part has I-LST, which the training part lacks
    labels = LabelSet.from_column(train, "tag", sequences=True, scheme=spans.guess_scheme(train["tag"]))
    assert sum(len(row) for row in labels.encode_tags(test, "tag", like="token")) == 47_377


@pytest.mark.parametrize(
    ("file", "posts", "tokens", "entities"),
    [
        ("wnut17train.conll", 3_394, 62_730, 1_975),
        ("emerging.dev.conll", 1_009, 15_733, 836),
        ("emerging.test.annotated", 1_287, 23_394, 1_079),
    ],
)
def test_wnut17(shared_data: Path, file: str, posts: int, tokens: int, entities: int) -> None:
    found = read(shared_data / "wnut17" / file, format="conll")
    assert len(found) == posts
    assert sum(len(row) for row in columns.tokens(found, "token")) == tokens
    assert sum(len(spans.spans(tags)) for tags in found["tag"]) == entities


def test_ud_english_ewt(shared_data: Path) -> None:
    found = read(shared_data / "ud_english_ewt/en_ewt-ud-dev.conllu.gz")
    assert len(found) == 2_001
    assert sum(len(row) for row in found["form"]) == 25_147
    assert len(LabelSet.from_column(found, "upos", sequences=True)) == 17


def test_sst(shared_data: Path) -> None:
    found = read(shared_data / "sst/test.txt", format="trees")
    assert LabelSet.from_column(found, "label").counts == (279, 633, 389, 510, 399)
    assert len(read(shared_data / "sst/test.txt", format="trees", phrases=True)) == 82_600
    two = {"label": {"0": "negative", "1": "negative", "3": "positive", "4": "positive"}}
    without = read(shared_data / "sst/test.txt", format="trees", drop={"label": ["2"]}, relabel=two)
    assert len(without) == 1_821
    # a word of the training part holds a no-break space
    assert len(read(shared_data / "sst/train.txt.gz", format="trees")) == 8_544


def test_sentence_polarity(shared_data: Path) -> None:
    found = read(
        [{"path": f"rt-polarity.{name}", "add": {"label": name}} for name in ("pos", "neg")],
        base=shared_data / "sentence_polarity",
        format="text",
    )
    assert LabelSet.from_column(found, "label").counts == (5_331, 5_331)


def test_poly_music(shared_data: Path) -> None:
    found = read(shared_data / "poly_music/JSB_Chorales.npz", sequences="valid")
    rows = columns.vectors(found, "vectors")
    assert len(rows) == 76
    assert sum(len(row) for row in rows) == 4_602
