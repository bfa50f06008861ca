"""Rules on a service whose requests the pods of another service answer."""

from __future__ import annotations

from collections.abc import Iterator

from models.finding import Finding, error
from models.rules.kv_transfer.pair import mark_of
from models.rules.registry import stack_rule
from models.service.resolved import ResolvedService, ResolvedStack


@stack_rule("error")
def answered_by(stack: ResolvedStack) -> Iterator[Finding]:
    """`answeredBy` names another service of the stack, with pods that answer the same requests.

    The Service selects the pods of that service. Clients keep their address, their protocol, their API key and the name
    of the model.
    """
    for service in stack.services:
        name = service.answered_by
        if name is None or name in stack.broken:
            continue
        problem = _problem(service, service.answering)
        if problem:
            message, why = problem
            yield error(
                message,
                why=why,
                fix=f"remove services.{service.name}.answeredBy",
                marks=[mark_of(service, "answeredBy")],
            )


def _problem(
    service: ResolvedService, answering: ResolvedService | None
) -> tuple[str, str] | None:
    """What is wrong and its consequence; None if the other service can answer."""
    name = service.answered_by
    if answering is None:
        return (
            f"answeredBy names the service {name}, which the stack does not have",
            "the Service would select no pods, and no request would be answered",
        )
    if answering.name == service.name:
        return (
            f"answeredBy of {name} names {name} itself",
            "without the key, the pods of a service answer its requests",
        )
    if answering.replicas == 0:
        return (
            f"answeredBy names the service {name}, which has 0 replicas",
            "the Service would select no pods, and no request would be answered",
        )
    if service.kv_transfer or answering.kv_transfer:
        return (
            f"answeredBy of {service.name} names {name}, and one of them is in kvTransfer",
            "the router sends each request to both services of the pair, and not to one",
        )
    return client_problem(service, answering)


def client_problem(
    service: ResolvedService, answering: ResolvedService
) -> tuple[str, str] | None:
    """What clients of a service would have to change, and the consequence; None if they notice nothing."""
    if service.server.kind != answering.server.kind:
        return (
            f"server.kind of {service.name} is {service.server.kind}, of {answering.name} {answering.server.kind}",
            "the two kinds have different paths, so clients would get 404",
        )
    if bool(service.tls) != bool(answering.tls):
        return (
            f"only one of {service.name} and {answering.name} has certificates",
            "clients would speak HTTP to an HTTPS server, or the reverse",
        )
    if service.server.api_key != answering.server.api_key:
        return (
            f"{service.name} and {answering.name} have different API keys",
            "clients with the key of one would get 401 from the other",
        )
    missing = [
        name for name in service.model_names if name not in answering.model_names
    ]
    if missing:
        return (
            f"{service.name} serves the model {missing[0]}, {answering.name} does not",
            "requests for this model would get 404",
        )
    return None
