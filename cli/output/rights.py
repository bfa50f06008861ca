"""The rights of each service beyond the default, each with the reason why somebody accepted it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from models.report import Accepted, Report
from models.rules.registry import reports_right


def rights_by_service(report: Report) -> dict[str, list[Accepted]]:
    """The accepted rights of each service that has some, in the order of the file. Those that a key of the cluster
    gives to all services have the empty name."""
    rights: dict[str, list[Accepted]] = {}
    for waived in report.accepted:
        if reports_right(waived.finding.rule):
            service = waived.finding.service or ""
            rights.setdefault(service, []).append(waived)
    return rights


def rights_text(report: Report) -> str:
    """A block for each service with rights; empty if there is none."""
    blocks = []
    for service, rights in rights_by_service(report).items():
        lines = [rights_title(service)]
        lines += [f"    {line}" for line in right_lines(rights)]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def rights_title(service: str) -> str:
    """The title above the rights of a service, or of all services."""
    return f"rights of {service or 'all services'}:"


def right_lines(rights: list[Accepted]) -> Iterator[str]:
    """Two lines for each right: its description, and the reason."""
    for waived in rights:
        yield f"{waived.finding.rule}: {waived.finding.message}"
        yield f"  accepted: {waived.reason}"


def rights_json(report: Report) -> list[dict[str, Any]]:
    """The rights for programs."""
    entries = []
    for service, rights in rights_by_service(report).items():
        for waived in rights:
            finding = waived.finding
            entries.append(
                {
                    "service": service or None,
                    "rule": finding.rule,
                    "message": finding.message,
                    "field": finding.marks[0].field,
                    "reason": waived.reason,
                }
            )
    return entries
