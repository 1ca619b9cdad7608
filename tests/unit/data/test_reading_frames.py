"""Places of codons along a genome, against what the coding sequences themselves say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recurra.data import read
from recurra.data.readers.genbank import read_genbank
from recurra.data.readers.reading_frames import read_reading_frames
from recurra.errors import Fault

GENES = """LOCUS       TINY 24 bp
FEATURES             Location/Qualifiers
     CDS             3..11
                     /translation="MKV"
     CDS             complement(join(10..12,15..17))
                     /translation="LK"
     CDS             19..24
                     /pseudo
     CDS             20..24
                     /codon_start=3
                     /translation="L"
ORIGIN
        1 acgtacgtac gtacgtacgt acgt
//
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.gb"
    path.write_text(GENES)
    return path


def test_each_base_has_its_place_in_a_codon(file: Path) -> None:
    """Of two genes that overlap the longer one counts; what no protein is made of is "0"."""
    found = read_reading_frames(file, length=24)
    assert "".join(found.columns["bases"][0]) == "acgt" * 6
    forward, other, none = "0 0 1 2 3 1 2 3 1 2 3", "-1 0 0 -3 -2 -1", "0 0 0 0 1 2 3"
    assert found.columns["frames"][0] == f"{forward} {other} {none}".split()


def test_windows_follow_each_other_and_parts_share_none(file: Path) -> None:
    whole = read_reading_frames(file, length=2)
    assert [place.number for place in whole.places] == [*range(1, 13)]
    parts = [read_reading_frames(file, length=2, part=part) for part in ("train", "validation", "test")]
    assert sum(map(len, parts)) == len(whole)
    assert [place for part in parts for place in part.places] == whole.places


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": 25}, "no window of 25 bases"),
        ({"length": 0}, "expected at least 1 base"),
        ({"part": "dev"}, "part = 'dev' found, expected one of"),
    ],
)
def test_bad_options(file: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(Fault, match=message):
        read(file, format="reading_frames", **options)


@pytest.mark.data
def test_a_real_genome_reads_as_its_genes(shared_data: Path) -> None:
    """As many bases code as its genes have, their stop codons among them, but for what two genes share."""
    path = shared_data / "genomes" / "NC_005816.gb"
    frames = read_reading_frames(path, length=9609).columns["frames"][0]
    genes = read_genbank(path).columns["dna"]
    coding = sum(frame != "0" for frame in frames)
    assert 0.9 * sum(map(len, genes)) < coding <= sum(map(len, genes)) + 3 * len(genes)
