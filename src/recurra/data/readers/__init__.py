"""Readers: one file of a known format -> Examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from recurra.data.examples import Examples
from recurra.data.readers.abc import read_abc
from recurra.data.readers.arrays import read_numpy
from recurra.data.readers.audio import SOUNDS, read_audio
from recurra.data.readers.babi import read_babi
from recurra.data.readers.brackets import read_brackets
from recurra.data.readers.conll import read_conll
from recurra.data.readers.conllu import read_conllu
from recurra.data.readers.dialogues import read_dialogues
from recurra.data.readers.easy_vqa import read_easy_vqa
from recurra.data.readers.fasta import read_fasta
from recurra.data.readers.genbank import read_genbank
from recurra.data.readers.idx import read_idx
from recurra.data.readers.jsonl import read_jsonl
from recurra.data.readers.labelled import read_labelled
from recurra.data.readers.lines import read_lines
from recurra.data.readers.midi import read_midi
from recurra.data.readers.numbers import read_numbers
from recurra.data.readers.parallel import names_two_files, read_parallel
from recurra.data.readers.parquet import read_parquet
from recurra.data.readers.prop_logic import read_prop_logic
from recurra.data.readers.qamr import read_qamr
from recurra.data.readers.reading_frames import read_reading_frames
from recurra.data.readers.spoken_digits import read_spoken_digits
from recurra.data.readers.squad import read_squad
from recurra.data.readers.table import read_csv, read_tsv
from recurra.data.readers.trees import read_trees
from recurra.data.readers.ts import read_ts
from recurra.errors import Fault
from recurra.plugins import Functions

_OWN: dict[str, Callable[..., Examples]] = {
    "text": read_lines,
    "csv": read_csv,
    "tsv": read_tsv,
    "jsonl": read_jsonl,
    "parquet": read_parquet,
    "conll": read_conll,
    "conllu": read_conllu,
    "trees": read_trees,
    "brackets": read_brackets,
    "numpy": read_numpy,
    "numbers": read_numbers,
    "idx": read_idx,
    "parallel": read_parallel,
    "dialogues": read_dialogues,
    "genbank": read_genbank,
    "reading_frames": read_reading_frames,
    "audio": read_audio,
    "easy_vqa": read_easy_vqa,
    "prop_logic": read_prop_logic,
    "fasta": read_fasta,
    "midi": read_midi,
    "abc": read_abc,
    "ts": read_ts,
    "labelled": read_labelled,
    "babi": read_babi,
    "squad": read_squad,
    "qamr": read_qamr,
    "spoken_digits": read_spoken_digits,
}

READERS: Mapping[str, Callable[..., Examples]] = Functions("readers", _OWN)
"""Format -> its reader; every reader takes the file first and its options by keyword."""

ENDINGS = {
    ".txt": "text",
    ".text": "text",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".conll": "conll",
    ".iob": "conll",
    ".iob2": "conll",
    ".bio": "conll",
    ".conllu": "conllu",
    ".trees": "trees",
    ".ptb": "trees",
    ".mrg": "trees",
    ".brackets": "brackets",
    ".npy": "numpy",
    ".npz": "numpy",
    ".yml": "dialogues",
    ".yaml": "dialogues",
    ".gb": "genbank",
    ".gbk": "genbank",
    ".fasta": "fasta",
    ".fa": "fasta",
    ".fna": "fasta",
    ".faa": "fasta",
    ".ffn": "fasta",
    ".mid": "midi",
    ".midi": "midi",
    ".abc": "abc",
    ".ts": "ts",
    ".tar": "audio",
    ".zip": "audio",
    **dict.fromkeys(SOUNDS, "audio"),
}
"""Ending of a file -> its format; a final `.gz` does not count."""


FOLDERS = ("abc", "audio", "labelled", "midi")
"""Formats that a folder of files may have, too."""


def guess_format(path: str | Path) -> str:
    """The format that a name stands for: by its ending, or as a name of two files (`train.{en,de}`)."""
    if names_two_files(path):
        return "parallel"
    name = Path(path).name.lower().removesuffix(".gz")
    ending = Path(name).suffix
    if ending not in ENDINGS:
        part = f"the ending {ending!r}" if ending else "a name without ending"
        if Path(path).is_dir():
            raise Fault(
                f"{path}: a folder does not tell the format: set format to one of {', '.join(FOLDERS)}"
            )
        raise Fault(f"{path}: {part} does not tell the format: set format to one of {', '.join(READERS)}")
    return ENDINGS[ending]


__all__ = ["ENDINGS", "READERS", "guess_format"]
