"""The words that the formats for people share."""

from __future__ import annotations

from collections.abc import Mapping

from models.service.companion import companion_name
from models.words import counted, duration, listed
from plan import NoPlan, Step, UpdatePlan
from plan.step import Together
from review.stepwise import Stepwise

NONE = "–"
"""The cell of a step without downtime."""

_UPDATES = {
    "additional pod": "an additional one first",
    "one by one": "one by one",
    "delete first": "delete old ones first",
}
"""How an update replaces the pods, by its way."""


def step_text(step: Step) -> str:
    """What a step does: `scale summary 4 → 2 (frees 4 on snt9b-3)`."""
    text = f"{_action(step)}{_freed(step)}"
    others = [name for name in step.downtime if name != step.service]
    if others:
        verb = "does" if len(others) == 1 else "do"
        text += f"; {listed(others)} {verb} not answer"
    return text


def npus_text(step: Step, plan: UpdatePlan) -> str:
    """The most NPUs in use during a step, of those that there are."""
    return f"{step.peak} of {plan.npus}"


def downtime_text(step: Step) -> str:
    """The longest downtime during a step."""
    longest = max(step.downtime.values(), default=0)
    return duration(longest) if longest else NONE


def summary(plan: UpdatePlan) -> str:
    """The number of steps, their duration, and the downtime of all services."""
    steps = counted(len(plan.steps), "step")
    line = f"{steps}, up to {duration(plan.seconds)}; {downtimes_text(plan.downtime)}"
    if not plan.is_best:
        line += "; the best order found, not all were tried"
    return line


def at_once_text(stepwise: Stepwise) -> str:
    """What one `pulumi up` does instead."""
    if stepwise.refusals:
        return f"pulumi up alone is refused: {'; '.join(stepwise.refusals)}"
    text = f"pulumi up alone: {downtimes_text(stepwise.at_once)}"
    if isinstance(stepwise.plan, NoPlan):
        return text
    if any(step.kind == "compare" for step in stepwise.plan.steps):
        return f"{text}, and no comparison"
    if not stepwise.saved:
        text += ", so the plan saves none"
    return text


def downtimes_text(downtime: Mapping[str, int]) -> str:
    """The downtime of each service: `downtime up to 22 min (qwen)`."""
    if not downtime:
        return "no downtime"
    if len(set(downtime.values())) == 1:
        seconds = next(iter(downtime.values()))
        return f"downtime up to {duration(seconds)} ({listed(list(downtime))})"
    texts = [f"{name} {duration(seconds)}" for name, seconds in downtime.items()]
    return f"downtime up to: {', '.join(texts)}"


def refusal(refused: NoPlan) -> str:
    """Why there is no plan."""
    npus = counted(refused.missing, "NPU")
    verb = "is" if refused.missing == 1 else "are"
    place = "on the nodes"
    if refused.queue is not None:
        place = f"in the quota of queue {refused.queue}"
    if refused.beside is not None:
        companion = companion_name(refused.beside)
        place += f" for {companion} beside {refused.beside} (update: compare)"
    if refused.missing:
        return f"no plan: {npus} {verb} missing {place}"
    return "no plan: the wanted pods fit on the nodes, but no order of steps was found"


def _action(step: Step) -> str:
    replicas = f"{step.before} → {step.after}"
    if step.kind == "scale":
        return f"scale {step.service} {replicas}"
    if step.kind == "start":
        number = f", {counted(step.after, 'replica')}" if step.after > 1 else ""
        return f"start {step.service}{number}"
    companion = companion_name(step.service)
    texts = {
        "compare": f"compare {companion} with {step.service}",
        "switch": f"switch {step.service} to {companion}",
        "switch back": f"switch {step.service} back",
    }
    if step.kind in texts:
        return texts[step.kind]
    if step.kind == "update":
        return _update(step)
    return f"{step.kind} {step.service}"


def _update(step: Step) -> str:
    """An update: `update qwen 1 → 2, one by one`."""
    service = _with_number(step)
    way = _UPDATES[step.way]
    other = step.together
    if other is None:
        return f"update {service}, {way}"
    both = f"update {service} and {_with_number(other)} together"
    if other.way == step.way:
        return f"{both}, {way}"
    return f"{both}: {step.service} {way}, {other.service} {_UPDATES[other.way]}"


def _with_number(update: Step | Together) -> str:
    """A service, with its replicas if the update changes them."""
    if update.before == update.after:
        return update.service
    return f"{update.service} {update.before} → {update.after}"


def _freed(step: Step) -> str:
    """The NPUs that a step frees, by node."""
    if not step.frees:
        return ""
    texts = [f"{npus} on {node}" for node, npus in step.frees.items()]
    return f" (frees {', '.join(texts)})"
