"""Readers of pairs: two files side by side, conversations, genes."""

from __future__ import annotations

from pathlib import Path

import pytest

from recurra.data import read
from recurra.errors import Fault

RECORD = """LOCUS       TEST                  60 bp    DNA     linear   SYN 01-JAN-2000
FEATURES             Location/Qualifiers
     source          1..60
                     /organism="none"
     gene            1..12
                     /locus_tag="g1"
     CDS             1..12
                     /codon_start=1
                     /db_xref="A:1"
                     /db_xref="B:1"
                     /note="read
                     as it stands"
                     /locus_tag="g1"
                     /translation="MK
                     R"
     CDS             complement(join(13..15,
                     19..24))
                     /translation="MA"
                     /gene="g2"
     CDS             25..30
                     /gene="without a protein"
                     /pseudo
     CDS             31..38
                     /translation="MK"
                     /gene="out of frame"
ORIGIN
        1 atgaaacgct aattagctcg catacggatg aaacgctaac ccccccccac gtacgtacgt
//
"""


@pytest.fixture
def record(tmp_path: Path) -> Path:
    path = tmp_path / "test.gb"
    path.write_text(RECORD)
    return path


def test_genes_are_spliced_and_read_along_their_strand(record: Path) -> None:
    genes = read(record)
    assert genes["gene"] == ["g1", "g2"]
    assert genes["protein"] == ["MKR", "MA"]
    # 13..15 = tta, 19..24 = cgcata; along the other strand tatgcgtaa, of which taa stops
    assert genes["dna"] == ["atgaaacgc", "tatgcg"]
    assert str(genes.places[1]).endswith("test.gb:16")
    assert read({"path": str(record), "min_residues": 3})["gene"] == ["g1"]
    assert read({"path": str(record), "max_residues": 2})["gene"] == ["g2"]


def test_parts_of_genes_have_none_in_common(record: Path) -> None:
    parts = []
    for part in ("train", "validation", "test"):
        try:
            parts += read({"path": str(record), "part": part})["gene"]
        except Fault as fault:
            assert "no coding sequence" in str(fault)  # noqa: PT017
    assert sorted(parts) == ["g1", "g2"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "1..12\n                     /codon",
            "1..99\n                     /codon",
            "the record has 60 bases",
        ),
        ("complement(join(13", "complement(bond(13", "location"),
        ("//\n", "", "was cut short"),
        ("LOCUS ", "LOCAS ", "no LOCUS line"),
    ],
)
def test_a_broken_record_is_told(record: Path, old: str, new: str, said: str) -> None:
    record.write_text(RECORD.replace(old, new))
    with pytest.raises(Fault, match=said):
        read(record)


def test_an_unknown_part_is_told(record: Path) -> None:
    with pytest.raises(Fault, match="part = 'dev' found, expected one of: all, test, train, validation"):
        read({"path": str(record), "part": "dev"})


def test_two_files_are_read_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "a.en").write_text("one\ntwo\n")
    (tmp_path / "a.de").write_text("eins\nzwei\n")
    pairs = read(tmp_path / "a.{en,de}")
    assert pairs.columns == {"source": ["one", "two"], "target": ["eins", "zwei"]}
    assert str(pairs.places[1]).endswith("a.en:2")


def test_different_line_counts_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.en").write_text("one\ntwo\n")
    (tmp_path / "a.de").write_text("eins\n")
    with pytest.raises(Fault, match=r"a\.en has 2 lines, .*a\.de has 1: expected as many"):
        read({"path": str(tmp_path / "a.{en,de}"), "format": "parallel"})
    with pytest.raises(Fault, match="expected one {source,target} in the name"):
        read({"path": str(tmp_path / "a.en"), "format": "parallel"})


def test_each_turn_has_the_next_as_its_reply(tmp_path: Path) -> None:
    path = tmp_path / "talk.yml"
    path.write_text(
        "categories: [a]\nconversations:\n- - hi\n  - hello\n  - how are you\n- alone\n- - a\n  - b\n"
    )
    pairs = read({"path": str(path), "format": "dialogues"})
    assert list(zip(pairs["source"], pairs["target"], strict=True)) == [
        ("hi", "hello"),
        ("hello", "how are you"),
        ("a", "b"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "not YAML"),
        ("- a\n", "no list 'conversations'"),
        ("conversations:\n- - a\n  - 3\n", "conversation 1: expected a list of texts"),
        ("conversations:\n- - a\n", "nothing to reply to"),
    ],
)
def test_broken_conversations_are_told(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "talk.yml"
    path.write_text(text)
    with pytest.raises(Fault, match=said):
        read({"path": str(path), "format": "dialogues"})


@pytest.mark.data
def test_real_genes_and_pairs(shared_data: Path) -> None:
    genes = read(shared_data / "genomes" / "NC_000932.gb")
    assert len(genes) == 85
    assert all(len(d) == 3 * len(p) for d, p in zip(genes["dna"], genes["protein"], strict=True))
    pairs = read({"path": str(shared_data / "multi30k" / "val.{en,de}.gz"), "format": "parallel"})
    assert len(pairs) == 1014
    trivia = shared_data / "chatterbot" / "english" / "trivia.yml"
    assert (
        "Who was the 37th President of the United States?"
        in read({"path": str(trivia), "format": "dialogues"})["source"]
    )
