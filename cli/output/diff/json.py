"""For programs: a contract with a version, see docs/reference/diff-json.md."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from cli.output.diff.comparison import Comparison
from cli.output.diff.release import release_json
from models.service.resolved import ResolvedService
from plan import NoPlan
from review import Detail, PoolChange, ServiceChange, StackChange

VERSION = 1
"""Raised when a key changes its meaning or is removed; new keys may be added without."""


def render(comparisons: Sequence[Comparison]) -> str:
    """One document for all stacks."""
    stacks = [stack_json(comparison) for comparison in comparisons]
    return json.dumps(
        {"version": VERSION, "stacks": stacks}, indent=2, ensure_ascii=False
    )


def stack_json(comparison: Comparison) -> dict[str, Any]:
    """The changes of one stack."""
    change = comparison.change
    npus_before, npus = change.npus
    return {
        "stack": change.new,
        "against": comparison.against,
        "isUpdate": change.is_update,
        "movesElsewhere": change.moves,
        "deletions": list(change.deletions),
        "replacements": list(change.replacements),
        "cluster": [_detail(detail) for detail in change.cluster],
        "services": [_service(service) for service in change.services],
        "renamed": [{"from": old, "to": new} for old, new in change.renamed],
        "pools": [_pool(pool) for pool in change.pools],
        "npusBefore": npus_before,
        "npus": npus,
        "withoutRoom": [
            {"service": name, "pods": pods} for name, pods in change.without_room
        ],
        "wouldHang": [
            {"message": finding.message, "fix": finding.fix}
            for finding in change.would_hang
        ],
        "avoidableDowntime": list(change.avoidable_downtime),
        "plan": _plan(comparison),
        "notCompared": list(change.unread),
        "releases": [release_json(update) for update in change.releases],
        "errors": len(comparison.errors),
        "summary": _summary(change),
    }


def _plan(comparison: Comparison) -> dict[str, Any] | None:
    """The downtime of the update in steps, if that is less."""
    stepwise = comparison.stepwise
    if stepwise is None or not stepwise.saved or isinstance(stepwise.plan, NoPlan):
        return None
    return {
        "steps": len(stepwise.plan.steps),
        "downtimeSeconds": dict(stepwise.plan.downtime),
        "savedSeconds": stepwise.saved,
    }


def _service(service: ServiceChange) -> dict[str, Any]:
    rollout = None
    if service.new:
        rollout = _rollout(service.new)
    return {
        "name": service.name,
        "change": service.kind,
        "restarts": service.restarts,
        "because": list(service.parts),
        "ends": service.ends,
        "downtimeSeconds": service.downtime,
        "rollout": rollout,
        "details": [_detail(detail) for detail in service.details],
    }


def _rollout(service: ResolvedService) -> dict[str, Any]:
    rollout = service.rollout.model_dump(by_alias=True, exclude_none=True)
    rollout["because"] = service.origins["rollout.kind"].source
    return rollout


def _detail(detail: Detail) -> dict[str, Any]:
    return {
        "part": detail.part,
        "name": detail.name,
        "old": detail.old,
        "new": detail.new,
        "because": detail.because,
        "derived": detail.is_derived,
        "restarts": detail.restarts,
    }


def _pool(pool: PoolChange) -> dict[str, Any]:
    return {
        "name": pool.name,
        "usedBefore": pool.used_before,
        "used": pool.used,
        "totalBefore": pool.total_before,
        "total": pool.total,
    }


def _summary(change: StackChange) -> dict[str, int]:
    return {
        "changed": len(change.of_kind("changed")),
        "added": len(change.of_kind("added")),
        "removed": len(change.of_kind("removed")),
        "unchanged": len(change.of_kind("unchanged")),
        "restarts": len(change.restarting),
        "withDowntime": len(change.down),
    }
