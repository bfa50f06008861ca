"""An update in steps, compared with the same update in one `pulumi up`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from models.service.resolved import ResolvedStack
from models.words import counted, duration
from plan import NoPlan, UpdatePlan, plan_update
from plan.budget import MOST_STEPS
from plan.stacks import Differences, Placed, packed, transition
from review.changes import StackChange


@dataclass(frozen=True)
class Stepwise:
    """The plan of an update, and the downtime of the update without it."""

    plan: UpdatePlan | NoPlan
    at_once: Mapping[str, int] = field(default_factory=dict)
    """Seconds in which services do not answer during one `pulumi up`, without those that always answer."""
    at_once_weighted: int = 0
    """The same, each multiplied by the priority of its service."""
    refusals: tuple[str, ...] = ()
    """The reasons for which one `pulumi up` refuses the update."""

    @property
    def saved(self) -> int:
        """Weighted seconds of downtime that the plan saves; 0 if it saves none."""
        if isinstance(self.plan, NoPlan):
            return 0
        return max(self.at_once_weighted - self.plan.weighted, 0)


def stepwise(
    old: ResolvedStack,
    new: ResolvedStack,
    change: StackChange,
    placed: Placed | None = None,
    *,
    most_steps: int = MOST_STEPS,
) -> Stepwise:
    """Plan the update from one state of a stack to another.

    Args:
        old: What runs.
        new: The wanted stack.
        change: The comparison of both.
        placed: Where the pods of `old` run. Default: packed as tightly as possible on the nodes of the pools.
        most_steps: Steps that are tried. With fewer, planning takes less time and may miss the best order.
    """
    differences = Differences(
        restarting={service.name for service in change.restarting},
        renamed=change.renamed,
    )
    if placed is None:
        placed = packed(old, new)
    planned = plan_update(transition(old, new, differences, placed), most_steps)
    at_once: dict[str, int] = {}
    weighted = 0
    for service in change.down:
        at_once[service.name] = service.downtime
        if service.new:
            weighted += service.new.priority * service.downtime
    return Stepwise(
        plan=planned,
        at_once=at_once,
        at_once_weighted=weighted,
        refusals=tuple(finding.message for finding in change.would_hang),
    )


def saving(stepwise: Stepwise, command: str) -> str:
    """That the same update has less downtime in steps; empty if it has not.

    Args:
        stepwise: The update.
        command: The command that shows the steps.
    """
    plan = stepwise.plan
    if not stepwise.saved or isinstance(plan, NoPlan):
        return ""
    in_steps = duration(sum(plan.downtime.values()))
    at_once = duration(sum(stepwise.at_once.values()))
    steps = counted(len(plan.steps), "step")
    return f"in {steps}, the downtime is {in_steps} instead of {at_once}: {command}"
