"""Judge a request before it is sent: its fields, its values, and what the service it goes to does with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from client.request import setting, with_origins
from client.service_rules import SERVICE_RULES
from models.engines.parameters import Parameters
from models.engines.requests import ENDPOINTS, Kind, Request
from models.finding import Finding
from models.rules.registry import add_rules, id_of
from models.service.resolved import ResolvedService
from models.stack_file.errors import nearest, shape_finding


def check_request(request: Request, service: ResolvedService) -> tuple[Finding, ...]:
    """Everything that is wrong with a request to a service; errors must not be sent.

    Warnings are what the service probably refuses, or what hardly is meant.
    """
    if wrong := [*_other_server(request, service)]:
        return tuple(wrong)
    shape = [*_fields(request, service), *_missing(request, service)]
    parameters = _parameters(request, service)
    if not isinstance(parameters, Parameters):
        return (*shape, *parameters)
    found = shape
    for rule in service.release.request_rules:
        for finding in rule.check(request, parameters, service):
            found += [with_origins(replace(finding, rule=rule.id), service)]
    for check in SERVICE_RULES:
        for finding in check(request, parameters, service):
            found += [with_origins(replace(finding, rule=id_of(check)), service)]
    return tuple(found)


def _other_server(request: Request, service: ResolvedService) -> Iterator[Finding]:
    wanted, there = request.endpoint.server, service.server.kind
    if wanted != there:
        yield Finding(
            "other-server",
            "error",
            f"{service.name} has no {request.endpoint.path}",
            f"server.kind is {there}, and only {wanted} has it",
            f"ask with one of: {', '.join(kind for kind in Kind if ENDPOINTS[kind].server == there)}",
            (setting(service, "server.kind"),),
        )


def _fields(request: Request, service: ResolvedService) -> Iterator[Finding]:
    """Fields that the server does not know: the OpenAI server answers 400, the plain one 500."""
    fields = service.release.request_fields
    known = fields[request.kind].accepted
    for field in request.body:
        if field in known:
            continue
        near = nearest(field, dict.fromkeys(known))
        fix = f"write {near}" if near else f"leave it out; known are: {', '.join(sorted(known))}"
        if elsewhere := request.kind is Kind.GENERATE and any(field in other.accepted for other in fields.values()):
            fix = "leave it out, or start the service with server.kind openai"
        yield Finding(
            "unknown-field",
            "error",
            f"{request.endpoint.path} takes no {field}",
            fields[request.kind].unknown_why,
            fix,
            (request.at(field), *([setting(service, "server.kind")] if elsewhere else [])),
        )


_OTHERS = {
    "other-server": """A request goes to a server that has its path.

The OpenAI server has /v1/chat/completions and /v1/completions, the plain one /generate (manual, Step 5).""",
    "unknown-field": """Every field of a request is one that the server takes.

vLLM 0.6.3 answers 400 to others (vllm/entrypoints/openai/protocol.py:60), its plain server 500.""",
    "missing-field": """A request holds its question.

Chats need messages, all others a prompt (manual, Step 5, tables 1 and 3).""",
}
add_rules("request", ("error",), _OTHERS)


def _missing(request: Request, service: ResolvedService) -> Iterator[Finding]:
    for field in service.release.request_fields[request.kind].required:
        if request.body.get(field) in (None, "", []):
            why = f"{request.endpoint.path} needs it (manual, Step 5, tables 1 and 3)"
            marks = (request.at(field),)
            yield Finding("missing-field", "error", f"{field} is missing", why, "give the question", marks)


def _parameters(request: Request, service: ResolvedService) -> Parameters | list[Finding]:
    """The parameters with the server's defaults, or what is wrong with their values."""
    try:
        return Parameters.model_validate(_effective(request, service))
    except ValidationError as problem:
        wrong = [shape_finding(Parameters, (), details) for details in problem.errors()]
        fields = [str(details["loc"][0]) for details in problem.errors()]
        return [
            replace(finding, marks=(request.at(field),))
            for field, finding in dict(zip(fields, wrong, strict=True)).items()
        ]


def _effective(request: Request, service: ResolvedService) -> dict[str, Any]:
    """The parameters that the server uses, with its own defaults."""
    fields = service.release.request_fields[request.kind]
    values = {}
    for field, value in {**fields.defaults, **request.body}.items():
        is_default = value is None and field in fields.nullable
        if field in Parameters.model_fields and not is_default:
            values[field] = value
    return values
