"""For programs: a contract with a version, see docs/reference/plan-json.md."""

from __future__ import annotations

import json
from typing import Any

from cli.output.plan.planned import PlannedUpdate
from plan import NoPlan, Step, UpdatePlan
from plan.step import Together
from review.stepwise import Stepwise

VERSION = 1
"""Raised when a key changes its meaning or is removed; new keys may be added without."""


def render(planned: PlannedUpdate) -> str:
    """One document."""
    document = {
        "version": VERSION,
        "stack": planned.stack,
        "against": planned.against,
        **_plan(planned.stepwise.plan),
        "atOnce": _at_once(planned.stepwise),
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _plan(plan: UpdatePlan | NoPlan) -> dict[str, Any]:
    if isinstance(plan, NoPlan):
        return {
            "isPossible": False,
            "missingNpus": plan.missing,
            "missingInQueue": plan.queue,
            "missingBeside": plan.beside,
            "steps": [],
        }
    steps = [_step(number, step) for number, step in enumerate(plan.steps, start=1)]
    return {
        "isPossible": True,
        "isBest": plan.is_best,
        "npus": plan.npus,
        "npusPeak": plan.peak,
        "seconds": plan.seconds,
        "downtimeSeconds": dict(plan.downtime),
        "weightedDowntimeSeconds": plan.weighted,
        "steps": steps,
    }


def _step(number: int, step: Step) -> dict[str, Any]:
    document = _step_of_one(number, step)
    if step.together:
        document["together"] = _together(step.together)
    return document


def _step_of_one(number: int, step: Step) -> dict[str, Any]:
    services = {}
    for name, replicas in step.state.items():
        services[name] = {"isNew": replicas.is_new, "replicas": replicas.number}
    return {
        "step": number,
        "does": step.kind,
        "service": step.service,
        "replicasBefore": step.before,
        "replicasAfter": step.after,
        "way": step.way or None,
        "npusPeak": step.peak,
        "seconds": step.seconds,
        "downtimeSeconds": dict(step.downtime),
        "freedNpus": dict(step.frees),
        "services": services,
        "answeredBy": _answered_by(step),
    }


def _together(together: Together) -> dict[str, Any]:
    return {
        "service": together.service,
        "replicasBefore": together.before,
        "replicasAfter": together.after,
        "way": together.way or None,
    }


def _answered_by(step: Step) -> dict[str, str]:
    """The companion that answers after the step, by its service."""
    return {
        service: companion
        for companion, service in step.companions.items()
        if service in step.switched
    }


def _at_once(stepwise: Stepwise) -> dict[str, Any]:
    return {
        "downtimeSeconds": dict(stepwise.at_once),
        "weightedDowntimeSeconds": stepwise.at_once_weighted,
        "refusals": list(stepwise.refusals),
    }
