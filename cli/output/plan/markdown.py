"""For a pull request: a table of the steps, and a summary."""

from __future__ import annotations

from collections.abc import Iterator

from cli.output.diff.markdown import alert, code_span
from cli.output.plan.planned import PlannedUpdate
from cli.output.plan.words import (
    at_once_text,
    downtime_text,
    npus_text,
    refusal,
    step_text,
    summary,
)
from models.words import duration
from plan import NoPlan, UpdatePlan


def render(planned: PlannedUpdate) -> str:
    """A section with the steps and the summary, or why there is no plan."""
    return "\n".join(_lines(planned))


def _lines(planned: PlannedUpdate) -> Iterator[str]:
    stack = code_span(planned.stack)
    against = code_span(planned.against)
    yield f"### Plan of {stack} from {against}\n"
    plan = planned.stepwise.plan
    if isinstance(plan, NoPlan):
        yield alert("CAUTION", code_span(refusal(plan)))
        return
    if not plan.steps:
        yield "No pods start or end, so there are no steps."
        return
    yield from _table(plan)
    yield f"\n{code_span(summary(plan))}\n"
    yield code_span(at_once_text(planned.stepwise))


def _table(plan: UpdatePlan) -> Iterator[str]:
    yield "| step | action | NPUs peak | downtime | up to |"
    yield "| --- | --- | --- | --- | --- |"
    for number, step in enumerate(plan.steps, start=1):
        cells = (
            str(number),
            code_span(step_text(step)),
            npus_text(step, plan),
            downtime_text(step),
            duration(step.seconds),
        )
        yield f"| {' | '.join(cells)} |"
