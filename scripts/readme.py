"""Writes the measured tables into README.md, between their marks. `--check` only says whether they are there.

Figures come from docs/figures/*.json, which the commands named beside the tables write.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FIGURES = ROOT / "docs" / "figures"


def table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def recipes(held: dict[str, Any]) -> str:
    rows = [[f["what"], f["wanted"], f["found"], f"`{f['train']}`"] for f in held.values()]
    return table(["what", "wanted", "measured", "command"], rows)


def bench(held: dict[str, Any]) -> str:
    machine = held["machine"]
    rows = [[r["what"], r["wanted"], r["found"], "yes" if r["holds"] else "**no**"] for r in held["reaches"]]
    about = f"{machine['processor']}, {machine['threads']} threads, torch {machine['torch']}"
    return f"{about}; load before: {machine['load before']:.2f}.\n\n" + table(
        ["figure", "promised", "measured", "holds"], rows
    )


def vectors(held: dict[str, Any]) -> str:
    rows = [[r["what"], r["wanted"], r["found"], "yes" if r["holds"] else "**no**"] for r in held["reaches"]]
    return table(["figure", "promised", "measured", "holds"], rows)


TABLES = {"recipes": recipes, "bench": bench, "vectors": vectors}


def filled(text: str) -> str:
    for name, made in TABLES.items():
        source = FIGURES / f"{name}.json"
        if source.exists():
            body = made(json.loads(source.read_text(encoding="utf-8")))
            marks = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
            text = re.sub(
                marks, lambda found, body=body: f"{found[1]}\n{body}\n\n{found[2]}", text, flags=re.S
            )
    return text


def main() -> int:
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    new = filled(text)
    if "--check" in sys.argv[1:]:
        if new != text:
            print("README.md does not show the figures of docs/figures: run python scripts/readme.py")
        return int(new != text)
    readme.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
