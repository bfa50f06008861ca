"""An update as ordered steps with the least downtime. Pure: without Pulumi and without a cluster."""

from plan.planner import NoPlan, UpdatePlan, plan_update
from plan.step import Step
from plan.transition import Node, PlannedService, Transition, Version

__all__ = [
    "NoPlan",
    "Node",
    "PlannedService",
    "Step",
    "Transition",
    "UpdatePlan",
    "Version",
    "plan_update",
]
