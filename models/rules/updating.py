"""Rules on a service whose next launch runs beside the present one until the requests switch to it."""

from __future__ import annotations

from collections.abc import Iterator

from models.finding import Finding, error
from models.rules.kv_transfer.pair import mark_of
from models.rules.registry import stack_rule
from models.service.companion import companion_name
from models.service.resolved import ResolvedService, ResolvedStack
from models.stack_file.keys.update import UpdateByComparison

_LONGEST_NAME = 63
"""Characters of a name of Kubernetes."""


@stack_rule("error")
def update_compare(stack: ResolvedStack) -> Iterator[Finding]:
    """The next launch of a service with `update: compare` can run beside the present one and answer its requests.

    It is a second service with the name `NAME-next`, which gets the requests while the pods of the service are
    replaced.
    """
    for service in stack.services:
        update = service.update
        if not isinstance(update, UpdateByComparison):
            continue
        problem = _problem(stack, service)
        if problem:
            message, why = problem
            yield error(
                message,
                why=why,
                fix=f"remove services.{service.name}.update",
                marks=[mark_of(service, "update")],
            )
        else:
            yield from _too_few_replicas(service, update)


def _problem(stack: ResolvedStack, service: ResolvedService) -> tuple[str, str] | None:
    """What `update: compare` cannot be combined with, and the consequence; None if it can work."""
    name = service.name
    companion = companion_name(name)
    others = [*stack.broken, *(other.name for other in stack.services)]
    if companion in others:
        return (
            f"update: compare of {name} starts a service {companion}, but the stack has a service of this name",
            f"{companion} would be replaced and then deleted by the update",
        )
    if len(companion) > _LONGEST_NAME:
        return (
            f"update: compare starts a service {companion}, whose name has {len(companion)} characters",
            f"Kubernetes accepts {_LONGEST_NAME} characters",
        )
    if service.kv_transfer:
        return (
            f"update: compare of {name}, which is in kvTransfer",
            "the router sends each request to both services of the pair, so one of them cannot be replaced alone",
        )
    if service.external:
        return (
            f"update: compare of {name}, which has replicas: external",
            f"the autoscaler would remove the pods of {name} while {companion} answers its requests",
        )
    if service.answered_by is not None:
        return (
            f"update: compare of {name}, whose requests {service.answered_by} answers (answeredBy)",
            f"the update switches the requests of {name}, so they would come back to {name}",
        )
    return _answers_others(stack, service)


def _answers_others(
    stack: ResolvedStack, service: ResolvedService
) -> tuple[str, str] | None:
    """The problem of a service that answers the requests to another one."""
    for other in stack.services:
        if other.answered_by == service.name:
            return (
                f"update: compare of {service.name}, which answers the requests to {other.name} (answeredBy)",
                f"nobody would answer the requests to {other.name} while the pods of {service.name} are replaced",
            )
    return None


def _too_few_replicas(
    service: ResolvedService, update: UpdateByComparison
) -> Iterator[Finding]:
    """The second service is too small for its gang."""
    if update.replicas is None or service.group:
        return
    if update.replicas >= service.min_member:
        return
    yield error(
        f"minMember {service.min_member} exceeds the update.replicas {update.replicas} of {service.name}",
        why="Volcano starts no pod before minMember pods exist, so the second service waits forever",
        fix=f"write services.{service.name}.update.replicas: {service.min_member}",
        marks=[mark_of(service, "update.replicas"), mark_of(service, "minMember")],
    )
