"""For programs: a contract with a version, see docs/reference/diff-json.md."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from cli.output.diff.comparison import Comparison
from models.service.resolved import ResolvedService
from review import Detail, ServiceChange

VERSION = 1
"""Raised when a key changes its meaning or goes; new keys may come without."""


def render(comparisons: Sequence[Comparison]) -> str:
    """One document for all stacks."""
    document = {"version": VERSION, "stacks": [_stack(one) for one in comparisons]}
    return json.dumps(document, indent=2, ensure_ascii=False)


def _stack(comparison: Comparison) -> dict[str, Any]:
    change = comparison.change
    return {
        "stack": change.new,
        "against": comparison.against,
        "isUpdate": change.is_update,
        "movesElsewhere": change.moves,
        "deletions": list(change.deletions),
        "replacements": list(change.replacements),
        "cluster": [_detail(one) for one in change.cluster],
        "services": [_service(one) for one in change.services],
        "renamed": [{"from": old, "to": new} for old, new in change.renamed],
        "pools": [
            {
                "name": pool.name,
                "usedBefore": pool.used_before,
                "used": pool.used,
                "totalBefore": pool.total_before,
                "total": pool.total,
            }
            for pool in change.pools
        ],
        "npusBefore": change.npus[0],
        "npus": change.npus[1],
        "withoutRoom": [{"service": name, "pods": pods} for name, pods in change.without_room],
        "wouldHang": [{"message": one.message, "fix": one.fix} for one in change.would_hang],
        "notCompared": list(change.unread),
        "errors": comparison.errors,
        "summary": {
            **{kind: len(change.of_kind(kind)) for kind in ("changed", "added", "removed", "unchanged")},
            "restarts": len(change.restarting),
            "withDowntime": len(change.down),
        },
    }


def _service(service: ServiceChange) -> dict[str, Any]:
    return {
        "name": service.name,
        "change": service.kind,
        "restarts": service.restarts,
        "because": list(service.parts),
        "ends": service.ends,
        "downtimeSeconds": service.downtime,
        "rollout": _rollout(service.new) if service.new else None,
        "details": [_detail(one) for one in service.details],
    }


def _rollout(service: ResolvedService) -> dict[str, Any]:
    rollout = service.rollout.model_dump(by_alias=True, exclude_none=True)
    return {**rollout, "because": service.origins["rollout.kind"].source}


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
