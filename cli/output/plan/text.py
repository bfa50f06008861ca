"""For people: a table of the steps, and a summary."""

from __future__ import annotations

from collections.abc import Iterator

from cli.output.fitted import terminal_width, with_texts
from cli.output.plan.planned import PlannedUpdate
from cli.output.plan.words import (
    at_once_text,
    downtime_text,
    npus_text,
    refusal,
    step_text,
    summary,
)
from cli.output.terminal import folded
from models.words import duration
from plan import NoPlan, UpdatePlan

_HEADER = ("STEP", "NPUS", "DOWNTIME", "UP TO", "ACTION")


def render(planned: PlannedUpdate) -> str:
    """The steps and the summary, or why there is no plan."""
    return "\n".join(_lines(planned))


def _lines(planned: PlannedUpdate) -> Iterator[str]:
    plan = planned.stepwise.plan
    if isinstance(plan, NoPlan):
        yield from folded(refusal(plan))
        return
    if not plan.steps:
        yield "no pods start or end, so there are no steps"
        return
    yield from _table(plan)
    yield from folded(summary(plan))
    yield from folded(at_once_text(planned.stepwise))


def _table(plan: UpdatePlan) -> Iterator[str]:
    rows = []
    texts = []
    for number, step in enumerate(plan.steps, start=1):
        row = (
            str(number),
            npus_text(step, plan),
            downtime_text(step),
            duration(step.seconds),
        )
        rows.append(row)
        texts.append(step_text(step))
    return with_texts(_HEADER, rows, texts, terminal_width())
