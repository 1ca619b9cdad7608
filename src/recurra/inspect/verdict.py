"""One verdict out of several inspections: the gravest first, and no sentence against another."""

from __future__ import annotations

from collections.abc import Sequence

from recurra.inspect.finding import Finding, Inspection, gravest_first

OPPOSITES = {"vanishing": "exploding", "exploding": "vanishing"}
"""Topics that contradict each other when two inspections tell them of one network."""


def whole_verdict(inspections: Sequence[Inspection]) -> list[Finding]:
    """The findings of all inspections as one verdict.

    Args:
        inspections: those that measure a thing itself before those that explain it: where a later one tells
            the opposite of an earlier one, the earlier one is believed.

    Returns:
        warnings, then notes; what is healthy only where there is neither. A sentence comes once.
    """
    told: dict[str, Finding] = {}
    topics: set[str] = set()
    for inspection in inspections:
        findings = [f for f in inspection.findings() if OPPOSITES.get(f.topic) not in topics]
        told.update({finding.text: finding for finding in findings if finding.text not in told})
        topics |= {finding.topic for finding in findings if finding.gravity != "healthy"}
    findings = gravest_first(list(told.values()))
    if any(finding.gravity != "healthy" for finding in findings):
        return [finding for finding in findings if finding.gravity != "healthy"]
    return findings
