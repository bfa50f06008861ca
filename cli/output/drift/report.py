"""The drift of a stack, and the parts that its formats share."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cli.output.diff.words import printable
from models.credentials import masked
from models.service.resolved import ResolvedStack
from review import Detail
from review.drift import Drift, ObjectDrift, cause, is_restored, is_seen_by_refresh
from review.field_details import field_detail
from review.fields import FieldDrift

_PATCH_FORCE = "pulumi.com/patchForce"


@dataclass(frozen=True)
class DriftReport:
    """The drift of a stack, and the objects that could not be compared."""

    stack: ResolvedStack
    drift: Drift
    unread: Mapping[str, str]
    """Objects that could not be read, with the reason."""
    objects: int
    """Number of the stack's objects that were compared."""

    @property
    def kubectl(self) -> str:
        """The beginning of a kubectl command for the stack's namespace."""
        cluster = self.stack.cluster
        return (
            f"kubectl --context {cluster.context} --namespace {cluster.namespace.name}"
        )

    def detail(self, kind: str, service: str, field: FieldDrift) -> Detail:
        """A field in the words of the stack file."""
        return field_detail(self.stack, service, kind, field)


def restore_commands(report: DriftReport) -> list[str]:
    """The commands that restore the cluster, except for fields that other programs have added."""
    changed = [drifted for drifted in report.drift.objects if _is_restorable(drifted)]
    if not changed:
        return []
    unseen = [drifted for drifted in changed if not is_seen_by_refresh(drifted)]
    annotate = f"{report.kubectl} annotate"
    commands = [
        f"{annotate} {drifted.kind.lower()} {drifted.name} {_PATCH_FORCE}-"
        for drifted in unseen
    ]
    refresh = "--refresh "
    if all(_is_not_applied(drifted) for drifted in changed):
        refresh = ""
    commands.append(f"pulumi up {refresh}--stack {report.stack.name}")
    return commands


def changed_lines(field: FieldDrift) -> list[str]:
    """The different lines of a file: `-` in the cluster, `+` in the stack."""
    live = _lines(field.live)
    wanted = _lines(field.wanted)
    lines = list(difflib.unified_diff(live, wanted, n=0, lineterm=""))
    without_header = lines[2:]
    return [
        printable(masked(line)) for line in without_header if not line.startswith("@@")
    ]


def is_file(kind: str, field: FieldDrift) -> bool:
    """Whether a field is a file in a ConfigMap, which is shown line by line."""
    return kind == "ConfigMap" and field.path.startswith("data.")


def _is_restorable(drifted: ObjectDrift) -> bool:
    if drifted.state != "changed":
        return True
    return any(is_restored(field) for field in drifted.fields)


def _is_not_applied(drifted: ObjectDrift) -> bool:
    """Whether the stack file changed and not the cluster."""
    if drifted.state != "changed":
        return False
    return all(cause(field) == "not applied" for field in drifted.fields)


def _lines(value: Any) -> list[str]:
    return str(value or "").splitlines()
