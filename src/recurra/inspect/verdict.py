"""One verdict out of several inspections: the gravest first, and no sentence against another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from recurra.inspect.finding import Finding, Gravity, Inspection, gravest_first

PASSAGE = ("vanishing", "exploding")
"""Topics of how a gradient goes back through the steps: one inspection decides on them."""


def whole_verdict(inspections: Sequence[Inspection]) -> list[Finding]:
    """The findings of all inspections as one verdict.

    Args:
        inspections: those that measure a thing itself before those that explain it. The first that speaks of
            a topic of `PASSAGE` decides on them: a later one may say why, but neither the opposite nor
            anything graver.

    Returns:
        warnings, then notes; what is healthy only where there is neither. A sentence comes once.
    """
    sentences: dict[str, Finding] = {}
    decided: dict[str, Gravity] | None = None
    for inspection in inspections:
        findings = gravest_first(inspection.findings())
        if decided is not None:
            findings = [
                finding for finding in findings if finding.topic not in PASSAGE or finding.topic in decided
            ]
            findings = [_no_graver(finding, decided) for finding in findings]
        elif any(finding.topic in PASSAGE for finding in findings):
            spoken = [f for f in reversed(findings) if f.topic in PASSAGE and f.gravity != "healthy"]
            decided = {finding.topic: finding.gravity for finding in spoken}
        for finding in findings:
            sentences.setdefault(finding.text, finding)
    findings = gravest_first(list(sentences.values()))
    if any(finding.gravity != "healthy" for finding in findings):
        return [finding for finding in findings if finding.gravity != "healthy"]
    return findings


def _no_graver(finding: Finding, decided: dict[str, Gravity]) -> Finding:
    if finding.gravity == "warning" and decided.get(finding.topic) == "note":
        return replace(finding, gravity="note")
    return finding
