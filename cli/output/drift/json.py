"""For programs: a contract with a version, see docs/reference/drift-json.md."""

from __future__ import annotations

import json
from typing import Any

from cli.output.drift.report import (
    DriftReport,
    changed_lines,
    is_file,
    restore_commands,
)
from review.drift import ObjectDrift, cause, is_restored
from review.fields import FieldDrift

VERSION = 1
"""Raised when a key changes its meaning or is removed."""


def render(report: DriftReport) -> str:
    """One document for a stack."""
    cluster = report.stack.cluster
    others = []
    for kind, name, field in report.drift.others:
        others.append({"kind": kind, "name": name, **_field(report, kind, name, field)})
    document = {
        "version": VERSION,
        "stack": report.stack.name,
        "context": cluster.context,
        "namespace": cluster.namespace.name,
        "drift": bool(report.drift.objects),
        "restore": restore_commands(report),
        "objects": [_object(report, drifted) for drifted in report.drift.objects],
        "others": others,
        "unread": dict(report.unread),
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _object(report: DriftReport, drifted: ObjectDrift) -> dict[str, Any]:
    fields = [
        _field(report, drifted.kind, drifted.service, field) for field in drifted.fields
    ]
    return {
        "kind": drifted.kind,
        "name": drifted.name,
        "service": drifted.service or None,
        "state": drifted.state,
        "insteadOf": drifted.instead_of or None,
        "restarts": drifted.restarts,
        "fields": fields,
    }


def _field(
    report: DriftReport, kind: str, service: str, field: FieldDrift
) -> dict[str, Any]:
    detail = report.detail(kind, service, field)
    live, wanted, lines = detail.old, detail.new, None
    if is_file(kind, field):
        live, wanted, lines = None, None, changed_lines(field)
    by, at = None, None
    if field.by:
        by, at = field.by.name, field.by.time or None
    return {
        "field": detail.name,
        "path": field.path,
        "live": live,
        "wanted": wanted,
        "lines": lines,
        "because": detail.because,
        "cause": cause(field),
        "by": by,
        "at": at,
        "restarts": detail.restarts,
        "restored": is_restored(field),
    }
