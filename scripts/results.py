"""Writes the measured tables into docs/results.md, between their marks, and draws the picture of speed that
the README shows. `--check` only says whether the tables are there.

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


def figures_of(rows: dict[str, Any]) -> str:
    """By subject: what, wanted, measured over how many seeds, published and how that differs, age."""
    from recurra.reproduce.summary import bar_text, value_text, why_stale
    from recurra.reproduce.summary import holds as reached

    lines = []
    for subject, group in groupby(rows.values(), key=lambda row: row["subject"]):
        lines.append([f"**{subject}**", "", "", "", "", ""])
        for row in group:
            bar = bar_text(row) + (" **no**" if reached(row) is False else "")
            seeds = len(row["values"])
            measured = f"{value_text(row)} ({seeds} {'seed' if seeds == 1 else 'seeds'})"
            published = row["published"]
            if row["source"]:
                published += f" ({row['source']}{'; ' + row['differs'] if row['differs'] else ''})"
            age = (row.get("date") or "") + (f", stale: {why}" if (why := why_stale(row, rows)) else "")
            commands = "<br>".join(f"`{command}`" for command in row["commands"])
            lines.append(
                [
                    f"{row['what']}: {row['definition']}" if row["definition"] else row["what"],
                    bar,
                    measured,
                    published,
                    age,
                    commands,
                ]
            )
    return table(
        ["what, and how it is counted", "wanted", "measured", "published", "measured on", "commands"], lines
    )


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


def growth(figures: dict[str, Any]) -> str:
    from recurra.bench.growth import Grown, Size, growth_table

    rows = [Grown(**{**row, "size": Size(**row["size"])}) for row in figures["growth"]]
    machine = figures["machine"]
    return (
        f"{machine['processor']}, {machine['level']}, {machine['threads']} threads, torch {machine['torch']}."
        "\n\n" + "\n".join(growth_table(rows))
    )


def whole_steps(figures: dict[str, Any]) -> str:
    return f"{figures['machine']}; {figures['mean']}.\n\n{table(figures['header'], figures['rows'])}"


def holds(yes: bool) -> str:
    return "yes" if yes else "**no**"


HEADER = ["figure", "promised", "measured", "holds"]
TABLES = {
    "results": figures_of,
    "bench": bench,
    "growth": growth,
    "whole_steps": whole_steps,
    "vectors": vectors,
}


def with_tables(text: str) -> str:
    for name, table_of in TABLES.items():
        source = FIGURES / f"{name}.json"
        if source.exists():
            body = table_of(json.loads(source.read_text(encoding="utf-8")))
            marks = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
            text = re.sub(marks, lambda mark, body=body: f"{mark[1]}\n{body}\n\n{mark[2]}", text, flags=re.S)
    return text


RATIO = re.compile(r"(?:mean )?([0-9.]+)(?:, (?:least|worst) ([0-9.]+))?")
BARS = {
    "GRU and tanh against torch.nn": "gru, vanilla against torch.nn dense",
    "LSTM against torch.nn": "lstm against torch.nn dense",
    "uneven lengths against torch.nn packed": "the three against torch.nn packed, uneven lengths",
    "a user's own cell against its loop": "the same against a Python loop",
    "one streamed step against ONNX Runtime": "one streamed step, LSTM 128, against ONNX Runtime",
}
"""What the picture says -> the figure of the benchmark that it shows."""


def draw_speed(figures: dict[str, Any], dark: bool) -> bytes:
    """How many times as fast as its peer each thing is: the mean of its cases, a mark at the worst."""
    from recurra.storage.colours import colours
    from recurra.storage.figures import figure_bytes, new_figure

    ratios = {reach["what"]: RATIO.match(reach["found"]) for reach in figures["reaches"]}
    tint = colours(dark)
    figure = new_figure(7.6, 2.9)
    figure.set_facecolor(tint.ground)
    axes = figure.add_subplot()
    axes.set_facecolor(tint.ground)
    for row, what in enumerate(BARS.values()):
        match = ratios[what]
        assert match is not None, what
        mean, least = float(match[1]), float(match[2] or match[1])
        axes.barh(row, mean, color=tint.blue, height=0.6)
        axes.plot([least, least], [row - 0.3, row + 0.3], color=tint.ground, lw=2)
        axes.text(mean + 0.08, row, f"{mean:.1f}x", va="center", color=tint.ink, fontsize=10)
    axes.set_yticks(range(len(BARS)), list(BARS))
    axes.invert_yaxis()
    axes.axvline(1, color=tint.red, lw=1.2, ls="--")
    axes.set_xlabel("times as fast as the peer (line in a bar: worst case)", color=tint.ink)
    axes.tick_params(colors=tint.ink, left=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure_bytes(figure)


def main() -> int:
    page = ROOT / "docs" / "results.md"
    text = page.read_text(encoding="utf-8")
    new = with_tables(text)
    if "--check" in sys.argv[1:]:
        if new != text:
            print("docs/results.md does not show docs/figures: run python scripts/results.py")
        return int(new != text)
    page.write_text(new, encoding="utf-8")
    figures = json.loads((FIGURES / "bench.json").read_text(encoding="utf-8"))
    (FIGURES / "speed.png").write_bytes(draw_speed(figures, dark=False))
    (FIGURES / "speed-dark.png").write_bytes(draw_speed(figures, dark=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
