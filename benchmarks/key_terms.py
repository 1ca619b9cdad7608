"""Key terms of Inspec's abstracts against all keywords that its indexers gave, absent ones included.

    recurra train key_terms -o runs/key_terms
    python benchmarks/key_terms.py runs/key_terms                  the 500 test abstracts
    python benchmarks/key_terms.py runs/key_terms --part valid     those that chose the weights

The phrases that the tagger marks are ranked by the least probability of their tags, phrases of the same stems
(Porter, 1980) count once, and the first 5 and 10 are compared, by stems, with the uncontrolled keywords of
Hulth (2003). Precision is over the phrases given, at most so many, recall over all keywords; F1 is of each
abstract, and the mean over abstracts is printed (macro), beside F1 of all counts together (micro).
"""

from __future__ import annotations

import argparse
import re
import sys
import zipfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from recurra.cli.app import exit_code
from recurra.data.readers import READERS
from recurra.errors import Fault
from recurra.runs import load

DATA = Path("../shared/data")
PARTS = {"test": ("test.txt.gz", "Test.zip"), "valid": ("valid.txt.gz", "Validation.zip")}
MARKS = {"-lrb-": "(", "-rrb-": ")", "-lsb-": "[", "-rsb-": "]", "-lcb-": "{", "-rcb-": "}"}
Stems = tuple[str, ...]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--part", choices=PARTS, default="test")
    options = parser.parse_args(arguments)
    tagged, archive = PARTS[options.part]
    rows = READERS["conll"](DATA / "inspec_tags" / tagged)["token"]
    keywords = keywords_of(DATA / "inspec" / archive)
    answers = load(options.run).predict([{"tokens": row} for row in rows])
    pairs = [(ranked(answer), keywords[letters(row)]) for row, answer in zip(rows, answers, strict=True)]
    absent = sum(len(gold - stems_within(row)) for row, (_, gold) in zip(rows, pairs, strict=True))
    total = sum(len(gold) for _, gold in pairs)
    print(f"{len(pairs)} abstracts, {total:,} keywords, {absent / total:.1%} of them not in the text")
    print("phrases\tF1 (macro)\tF1 (micro)")
    for count in (5, 10):
        macro, micro = f1_at(count, pairs)
        print(f"{count}\t{macro:.3f}\t{micro:.3f}")
    return 0


def keywords_of(archive: Path) -> dict[str, set[Stems]]:
    """Of each abstract, by its letters, the stems of its uncontrolled keywords."""
    keywords = {}
    with zipfile.ZipFile(archive) as file:
        for name in file.namelist():
            if name.endswith(".abstr"):
                text = file.read(name).decode("latin-1")
                listed = file.read(name.removesuffix("abstr") + "uncontr").decode("latin-1")
                phrases = (stems(" ".join(phrase.split())) for phrase in listed.split(";"))
                keywords[letters(text.split())] = {phrase for phrase in phrases if phrase}
    return keywords


def letters(words: Sequence[str]) -> str:
    """What tells an abstract however it is cut into words."""
    text = "".join(MARKS.get(word.lower(), word) for word in words)
    return re.sub(r"[^a-z]", "", text.lower())[:200]


def stems(phrase: str) -> Stems:
    return tuple(stemmer().stemWords(re.findall(r"[a-z0-9]+", phrase.lower())))


def stems_within(words: Sequence[str]) -> set[Stems]:
    """Every run of at most ten words."""
    row = stems(" ".join(words))
    return {row[a:b] for a in range(len(row)) for b in range(a + 1, min(len(row), a + 10) + 1)}


def ranked(answer: Mapping[str, Any]) -> list[Stems]:
    """The phrases of a text, surest first, those of the same stems once."""
    spans = sorted(answer["spans"], key=lambda span: -span["probability"])
    words = answer["tokens"]
    phrases = (stems(" ".join(words[span["start"] : span["end"]])) for span in spans)
    return list(dict.fromkeys(phrase for phrase in phrases if phrase))


def f1_at(count: int, pairs: Sequence[tuple[list[Stems], set[Stems]]]) -> tuple[float, float]:
    """F1 of the first so many phrases: the mean over abstracts, and of all counts together."""
    counts = [(len(gold & {*phrases[:count]}), len(phrases[:count]), len(gold)) for phrases, gold in pairs]
    each = [f1(*row) for row in counts]
    hits, given, gold = (sum(column) for column in zip(*counts, strict=True))
    return sum(each) / len(each), f1(hits, given, gold)


def f1(hits: int, given: int, gold: int) -> float:
    return 2 * hits / (given + gold) if hits else 0.0


@cache
def stemmer() -> Any:
    """Porter's."""
    try:
        import snowballstemmer
    except ImportError:
        raise Fault("this benchmark needs snowballstemmer: pip install 'recurra[bench]'") from None
    return snowballstemmer.stemmer("porter")


if __name__ == "__main__":
    raise SystemExit(exit_code(lambda: main(sys.argv[1:])))
