"""Writes the measured tables into README.md, between their marks. `--check` only says whether they are there.

Figures come from docs/figures/*.json, which the commands named beside the tables write.
"""

from __future__ import annotations

import json
import re
import sys
from itertools import groupby
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FIGURES = ROOT / "docs" / "figures"


def table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def recipes(figures: dict[str, Any]) -> str:
    rows = []
    for subject, group in groupby(figures.values(), key=lambda figure: figure["subject"]):
        rows.append([f"**{subject}**", "", "", ""])
        rows += [[f["what"], f["wanted"], f["found"], f"`{f['train']}`"] for f in group]
    return table(["what", "wanted", "measured", "command"], rows)


def vectors(figures: dict[str, Any]) -> str:
    promises = {"skip-gram": 5, "cbow": 3}
    rows = []
    for r in figures["speed"]:
        least = promises[r["algorithm"]]
        what = f"{r['algorithm']}, {r['corpus']}, {r['threads']} threads: words a second against gensim"
        rate = f"{r['ratio']:.1f}x ({r['recurra'] / 1e6:.2f} against {r['gensim'] / 1e6:.2f} million)"
        rows.append([what, f">= {least}x", rate, holds(r["ratio"] >= least)])
    for r in figures["speed"]:
        for key in (k.removesuffix(" gensim") for k in r if k.endswith(" gensim")):
            ours, theirs = r[f"{key} recurra"], r[f"{key} gensim"]
            means = " against ".join(f"{side['mean']:.3f} ± {side['error']:.3f}" for side in (ours, theirs))
            enough = ours["mean"] >= theirs["mean"] - theirs["error"]
            rows.append(
                [f"{r['algorithm']}: {key}, five seeds", "gensim's less one error", means, holds(enough)]
            )
    for r in figures["scaling"]:
        what = f"{r['algorithm']}, {r['corpus']}: two threads against one"
        rows.append([what, ">= 1.8x", f"{r['ratio']:.2f}x", holds(r["ratio"] >= 1.8)])
    memory = figures["memory"]
    rows.append(
        [
            f"memory at {memory['vocabulary']:,} words, against the two matrices",
            "<= 1.1x",
            f"{memory['ratio']:.3f}x",
            holds(memory["ratio"] <= 1.1),
        ]
    )
    machine = f"{figures['processor']}, {figures['cores']} cores, {figures['level']}."
    return f"{machine} {figures.get('note', '')}".rstrip() + f"\n\n{table(HEADER, rows)}"


def bench(figures: dict[str, Any]) -> str:
    machine = figures["machine"]
    about = (
        f"{machine['processor']}, {machine['level']}, {machine['threads']} threads, "
        f"torch {machine['torch']}; "
        f"load before the run {machine['load before']:.2f}."
    )
    rows = [[r["what"], r["wanted"], r["found"], holds(r["holds"])] for r in figures["reaches"]]
    return f"{about}\n\n{table(HEADER, rows)}"


def holds(yes: bool) -> str:
    return "yes" if yes else "**no**"


HEADER = ["figure", "promised", "measured", "holds"]
TABLES = {"recipes": recipes, "bench": bench, "vectors": vectors}


def with_tables(text: str) -> str:
    for name, table_of in TABLES.items():
        source = FIGURES / f"{name}.json"
        if source.exists():
            body = table_of(json.loads(source.read_text(encoding="utf-8")))
            marks = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
            text = re.sub(marks, lambda mark, body=body: f"{mark[1]}\n{body}\n\n{mark[2]}", text, flags=re.S)
    return text


def main() -> int:
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    new = with_tables(text)
    if "--check" in sys.argv[1:]:
        if new != text:
            print("README.md does not show the figures of docs/figures: run python scripts/readme.py")
        return int(new != text)
    readme.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
