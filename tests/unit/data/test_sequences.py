"""FASTA, ABC and .ts files: what is read of them, and the line of what is wrong."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.data import read
from recurra.errors import Fault


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_sequence_may_be_wrapped_and_masked(tmp_path: Path) -> None:
    path = write(tmp_path / "a.fa", ";old\n>chr1 Homo sapiens\tassembly\nACGTnn\nacgt\n\n>chr2\nNNAC GT\n")
    found = read(path)
    assert found["name"] == ["chr1", "chr2"]
    assert found["description"] == ["Homo sapiens assembly", ""]
    assert found["sequence"] == ["ACGTNNACGT", "NNACGT"]
    assert [str(place) for place in found.places] == [f"{path}:2", f"{path}:6"]
    assert read(path, case="keep")["sequence"][0] == "ACGTnnacgt"
    assert read(path, case="lower")["sequence"][0] == "acgtnnacgt"
    assert read(path, piece=4)["sequence"] == ["ACGT", "NNAC", "GT", "NNAC", "GT"]
    assert read(path, names=r"(?P<chromosome>chr\d).*", alphabet="dna")["chromosome"] == ["chr1", "chr2"]


def test_genes_stand_beside_their_proteins(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ffn", ">g2 second\natgaaa\ntaa\n>g1\nATGGTT\n>g3\nATGGTTA\n")
    write(tmp_path / "a.faa", ">g1\nMV\n>g2\nMK\n>g3\nMV\n")
    found = read(path, alphabet="dna", proteins="a.faa", case="lower")
    assert found["name"] == ["g2", "g1"]
    assert found["sequence"] == ["atgaaa", "atggtt"]
    assert found["protein"] == ["MK", "MV"]
    write(tmp_path / "b.faa", ">g1\nMV\n>g1\nMV\n")
    with pytest.raises(Fault, match=r"b.faa:3: 'g1' found twice"):
        read(path, proteins="b.faa")
    write(tmp_path / "c.faa", ">g1\nMV\n")
    with pytest.raises(Fault, match=r"a.ffn:1: no protein is called 'g2' in .*c.faa"):
        read(path, proteins="c.faa")
    with pytest.raises(Fault, match="proteins belong to whole sequences"):
        read(path, proteins="a.faa", piece=3)


def test_letters_that_stand_for_several_are_kept_left_out_or_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.fna", ">a\nACGT\n>b\nAC\nGn\n")
    assert len(read(path, alphabet="dna")) == 2
    assert read(path, alphabet="dna", ambiguous="skip")["name"] == ["a"]
    with pytest.raises(Fault, match=r"a.fna:5: 'n' found, which stands for several: expected one of ACGTU"):
        read(path, alphabet="dna", ambiguous="error")


@pytest.mark.parametrize(
    ("text", "options", "why"),
    [
        ("ACGT\n>a\nAC\n", {}, r"a.fa:1: 'ACGT' found, expected a line that begins with >"),
        (">a\n>b\nAC\n", {}, r"a.fa:1: no sequence found below this line"),
        (">a\nAC\n\nAC1T\n", {}, r"a.fa:4: '1' found, expected a letter in every place"),
        (">a\nACQT\n", {"alphabet": "dna"}, r"a.fa:2: 'Q' found, expected a nucleotide"),
        (">a\nMKV&\n", {"alphabet": "protein"}, r"a.fa:2: '&' found, expected a residue"),
        (">a\nACN\n", {"alphabet": "dna", "ambiguous": "skip"}, "every sequence has a letter"),
        (">a b\nAC\n", {"names": r"(?P<x>\d)"}, r"a.fa:1: 'a b' does not match names"),
        (">a\nAC\n", {"names": "("}, "not a regular expression"),
        (">a\nAC\n", {"alphabet": "rna"}, "alphabet = 'rna'.*expected any, dna or protein"),
        (">a\nAC\n", {"piece": 0}, "piece = 0 found, expected .* at least 1"),
        ("; nothing\n", {}, "no line begins with >"),
    ],
)
def test_bad_fasta_is_told(tmp_path: Path, text: str, options: dict[str, Any], why: str) -> None:
    with pytest.raises(Fault, match=why):
        read(write(tmp_path / "a.fa", text), **options)


TUNES = """% Airs
file header is free text

X:7
T:The White Cockade % a comment
T:The Ranting Highlandman
M:C|
%%directive
K:G
AG|B2B2 B2AG|[K:D] d4:|
w:words un-der it
A:|

X:8
K:Dm
D4|]
"""


def test_a_tune_is_a_document(tmp_path: Path) -> None:
    path = write(tmp_path / "a.abc", TUNES)
    found = read(path)
    assert found["text"][0].splitlines() == [
        "X:7",
        "T:The White Cockade",
        "T:The Ranting Highlandman",
        "M:C|",
        "K:G",
        "AG|B2B2 B2AG|[K:D] d4:|",
        "w:words un-der it",
        "A:|",
    ]
    assert found["title"] == ["The White Cockade", None]
    assert (found["number"], found["key"]) == (["7", "8"], ["G", "Dm"])
    assert [place.number for place in found.places] == [4, 14]
    assert read(path, fields="drop")["text"] == ["AG|B2B2 B2AG|[K:D] d4:|\nA:|", "D4|]"]
    assert read(path, fields=["K", "M"])["text"][1] == "K:Dm\nD4|]"


def test_tunes_of_an_archive_and_their_parts(tmp_path: Path) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as packed:
        for name in ("b/one.abc", "b/two.ABC", "b/notes.txt"):
            content = "".join(f"X:{k}\nT:Tune {k}\nK:G\nGABc|\n\n" for k in range(60)).encode()
            info = tarfile.TarInfo(name)
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
    path = tmp_path / "tunes.tar.gz"
    path.write_bytes(file.getvalue())
    parts = {part: read(path, format="abc", part=part) for part in ("train", "validation", "test")}
    titles = {part: set(found["title"]) for part, found in parts.items()}
    assert sum(len(found) for found in parts.values()) == 120
    assert len(set.union(*titles.values())) == 60 == sum(map(len, titles.values()))
    assert len(parts["train"]) > 80
    assert str(parts["train"].places[0]).startswith(f"{path}/b/one.abc:")


@pytest.mark.parametrize(
    ("text", "options", "why"),
    [
        ("only text\n", {}, "no tune of this part found"),
        ("X:1\nT:No notes\nK:G\n", {}, "a.abc:1: the tune 'No notes' has no notes"),
        ("X:1\nK:G\nG|\n", {"fields": ["KM"]}, "fields = .* expected keep, drop or a list of letters"),
        ("X:1\nK:G\nG|\n", {"part": "dev"}, "part = 'dev' found, expected one of: all"),
    ],
)
def test_bad_tunes_are_told(tmp_path: Path, text: str, options: dict[str, Any], why: str) -> None:
    with pytest.raises(Fault, match=why):
        read(write(tmp_path / "a.abc", text), **options)


HEAD = "#about\n@name A\n@univariate false\n@dimensions 2\n@equalLength false\n@classLabel true x y\n@data\n"


def test_series_of_different_lengths_keep_them(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.ts", HEAD + "1,2,3:4,5,6:x\n\n-1.5e-1:2:y\n"))
    assert [row.tolist() for row in found["vectors"]] == [[[1, 4], [2, 5], [3, 6]], [[np.float32(-0.15), 2]]]
    assert found["label"] == ["x", "y"]
    assert [place.number for place in found.places] == [8, 10]


def test_targets_and_series_alone(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.ts", "@targetLabel true\n@data\n1,2:0.5\n"))
    assert (found["vectors"][0].tolist(), found["target"]) == ([[1], [2]], [0.5])
    alone = read(write(tmp_path / "b.ts", "@classLabel false\n@data\n1,2:3,4\n"))
    assert (alone["vectors"][0].tolist(), list(alone.columns)) == ([[1, 3], [2, 4]], ["vectors"])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1,2:3,4:z\n", "a.ts:8: the label 'z' is none of @classLabel: x, y"),
        ("1,2:3,4:x\n1,2:x\n", "a.ts:9: 1 dimensions found, expected 2"),
        ("1,2:3:x\n", r"a.ts:8: dimensions of \[1, 2\] numbers found"),
        ("1,two:3,4:x\n", "a.ts:8: dimension 1: 'two' found, expected a number"),
        ("1,2:3,?:x\n", "a.ts:8: dimension 2: number 2 is missing.* set incomplete = 'previous'"),
        ("1,2:3,inf:x\n", "a.ts:8: dimension 2: an infinite number"),
        ("", "no case found after @data"),
    ],
)
def test_bad_series_are_told(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(Fault, match=why):
        read(write(tmp_path / "a.ts", HEAD + text))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1,2\n", "a.ts:1: '1,2' found, expected a line as @data"),
        ("@classLabel true a\n", "no line @data found"),
        ("@timeStamps\n@univariate\n@dimensions ²\n@equalLength\n@\n@data\n1,x\n", "a.ts:7: .*'x' found"),
        ("@timeStamps true\n@data\n(0,1):a\n", "@timeStamps true found"),
        ("@equalLength true\n@data\n1,2\n1\n", "a.ts:4: a series of 1 steps found, expected 2"),
        ("@targetLabel true\n@data\n1,2:big\n", "a.ts:3: 'big' found behind the last colon"),
    ],
)
def test_bad_settings_of_series_are_told(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(Fault, match=why):
        read(write(tmp_path / "a.ts", text))


def test_missing_numbers_are_made_up(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ts", HEAD + "1,?,3:?,5,NaN:x\n")
    assert read(path, incomplete="zero")["vectors"][0].tolist() == [[1, 0], [0, 5], [3, 0]]
    assert read(path, incomplete="linear")["vectors"][0].tolist() == [[2, 5], [3, 5]]
    with pytest.raises(Fault, match="incomplete = 'guess' found, expected one of error, previous"):
        read(path, incomplete="guess")
