"""All inspections of a run in one HTML page that needs nothing besides itself, the verdict first."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from recurra.errors import Fault
from recurra.inspect.finding import Finding, Inspection
from recurra.inspect.inspections import inspect_all
from recurra.inspect.run import OpenRun
from recurra.inspect.verdict import whole_verdict
from recurra.storage import pages
from recurra.storage.files import write_bytes, write_text

PAGE = "inspect.html"
_MOST_NUMBERS = 20_000
"""Characters of an inspection's numbers that the page shows; `recurra inspect --json` gives all of them."""

_STYLE = """
ul.findings { list-style: none; padding: 0 }
ul.findings li { margin: .5rem 0; padding: .4rem .8rem; background: var(--soft); border-left: 4px solid }
li.warning { border-color: var(--warning) !important } li.note { border-color: var(--note) !important }
li.healthy { border-color: var(--healthy) !important }
li b { text-transform: uppercase; font-size: .72rem; letter-spacing: .05em; margin-right: .6rem }
li.warning b { color: var(--warning) } li.note b { color: var(--note) } li.healthy b { color: var(--healthy) }
"""


class RunInspection:
    """Every inspection of one run; `str()` of it begins with the verdict.

    Attributes:
        inspections: by name, in the order of the page. refusals: name -> why it can't be made here.
    """

    def __init__(
        self, opened: OpenRun, inspections: Mapping[str, Sequence[Inspection]], refusals: Mapping[str, str]
    ) -> None:
        self._opened = opened
        self.inspections, self.refusals = inspections, refusals

    @property
    def title(self) -> str:
        """A heading."""
        return f"{self._opened.folder.resolve().name}: {self._opened.task.name}"

    def findings(self) -> list[Finding]:
        """The verdict over all of them; see `whole_verdict`."""
        return whole_verdict(self._each())

    def to_dict(self) -> dict[str, Any]:
        """Everything that was measured, JSON-ready."""
        return {
            "run": str(self._opened.folder),
            "task": self._opened.task.name,
            "verdict": [_finding(finding) for finding in self.findings()],
            "inspections": {
                name: [numbers(inspection) for inspection in some] for name, some in self.inspections.items()
            },
            "left out": dict(self.refusals),
        }

    def pictures(self, dark: bool = False) -> list[tuple[str, bytes]]:
        """Those of every inspection."""
        return [picture for inspection in self._each() for picture in inspection.pictures(dark)]

    def __str__(self) -> str:
        left = [f"{name} left out: {why}" for name, why in self.refusals.items()]
        return "\n".join([*(finding.text for finding in self.findings()), *left])

    def to_html(self) -> str:
        """The page. Pictures are there twice: the reader's system chooses the light or the dark one."""
        parts = [pages.paragraph(self._facts()), *_list(self.findings())]
        for inspection in self._each():
            parts += _section(inspection)
        if self.refusals:
            lines = "".join(f"<li>{escape(name)}: {escape(why)}" for name, why in self.refusals.items())
            parts.append(f"<h2>Left out</h2><ul>{lines}</ul>")
        return pages.page(self.title, parts, _STYLE)

    def write(self, path: str | Path | None = None) -> Path:
        """Writes the page, whole or not at all; into the run's folder where no path is given.

        Raises:
            Fault: it can't be written.
        """
        path = self._opened.folder / PAGE if path is None else Path(path)
        if path.is_dir():
            raise Fault(f"{path}: is a folder, expected the file of the page")
        write_text(path, self.to_html())
        return path

    def _each(self) -> list[Inspection]:
        return [inspection for some in self.inspections.values() for inspection in some]

    def _facts(self) -> str:
        weights = sum(weight.numel() for weight in self._opened.model.parameters())
        cut = (
            ""
            if self._opened.steps is None
            else f"; training cut the gradient after {self._opened.steps} steps"
        )
        return f"{weights:,} parameters; measured on one batch of the data, dropout off{cut}"


def inspect_run(opened: OpenRun, progress: Callable[[int, int], None] | None = None) -> RunInspection:
    """Every inspection that the run's network allows, and why the others are left out.

    Args:
        progress: called with how many are made, and how many there are.

    Raises:
        Fault: it allows none.
    """
    inspections, refusals = inspect_all(opened, progress)
    return RunInspection(opened, inspections, refusals)


def write_pictures(inspections: Sequence[Inspection], path: Path, dark: bool = False) -> list[Path]:
    """Writes every picture of inspections: the first one to `path`, the next to NAME-2.png, and so on."""
    contents = [content for inspection in inspections for _, content in inspection.pictures(dark)]
    paths = [path, *(path.with_stem(f"{path.stem}-{n}") for n in range(2, len(contents) + 1))][
        : len(contents)
    ]
    for place, content in zip(paths, contents, strict=True):
        write_bytes(place, content)
    return paths


def _section(inspection: Inspection) -> Iterator[str]:
    yield pages.heading(inspection.title)
    yield from _list(inspection.findings())
    for (caption, light), (_, dark) in zip(
        inspection.pictures(False), inspection.pictures(True), strict=True
    ):
        yield pages.figure(caption, light, dark)
    text = json.dumps(inspection.to_dict(), ensure_ascii=False)
    more = "" if len(text) <= _MOST_NUMBERS else f" … ({len(text):,} characters; all of them by --json)"
    yield pages.details("Numbers", f"{text[:_MOST_NUMBERS]}{more}")


def _list(findings: Sequence[Finding]) -> Iterator[str]:
    yield "<ul class=findings>"
    for finding in findings:
        yield f"<li class={finding.gravity}><b>{finding.gravity}</b>{escape(finding.text)}"
    yield "</ul>"


def numbers(inspection: Inspection) -> dict[str, Any]:
    """An inspection for programs: its title, what it says, and what it measured."""
    findings = [_finding(finding) for finding in inspection.findings()]
    return {"title": inspection.title, "findings": findings, **inspection.to_dict()}


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "topic": finding.topic,
        "gravity": finding.gravity,
        "text": finding.text,
        "numbers": dict(finding.numbers),
    }
