"""Check a request before it is sent: its fields, its values, and whether the service supports them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from client.request import setting, with_origins
from client.service_rules import SERVICE_RULES
from models.catalog.facts import ModelKind
from models.engines.parameters import Parameters
from models.engines.requests import ENDPOINTS, Kind, Request, RequestFields
from models.engines.tasks import task_of
from models.finding import Finding
from models.rules.registry import add_rules, id_of
from models.service.resolved import ResolvedService
from models.stack_file.errors.shape import shape_finding
from models.stack_file.errors.unknown_keys import nearest

_EXAMPLES = {
    "messages": '[{"role": "user", "content": "Hello"}]',
    "prompt": '"Hello"',
    "input": '"Hello"',
    "query": '"Hello"',
    "documents": '["Hello", "world"]',
    "text_1": '"Hello"',
    "text_2": '["Hello", "world"]',
}
"""An example of each required field, as JSON."""

_TASKS: Mapping[ModelKind, str] = {
    "generate": "it generates text",
    "embed": "it embeds texts",
    "rerank": "it scores documents",
}

_OTHER_RULES = {
    "other-server": """The server has the path of the request.

The OpenAI server has /v1/chat/completions and /v1/completions, the plain server /generate (manual, Step 5).""",
    "other-task": """The model can do the task of the request: generate text, embed texts, or score documents.

/v1/embeddings is for embedding models; /v1/rerank and /v1/score are for reranking and embedding models; all other
paths are for models that generate text.""",
    "missing-field": """The request contains its question.

A chat requires messages, every other request a prompt (manual, Step 5, tables 1 and 3).""",
}
"""Documentation of the rules that are not functions."""

_UNKNOWN_FIELD = """The server knows every field of the request.

vLLM 0.6.3 answers 400 to other fields (vllm/entrypoints/openai/protocol.py:60), its plain server 500. vLLM 0.18.0 and
later ignore them without an error. That includes guided_json and its relatives: the answer is then any text."""

add_rules("request", ("error",), _OTHER_RULES)
add_rules("request", ("error", "no-effect"), {"unknown-field": _UNKNOWN_FIELD})


def check_request(request: Request, service: ResolvedService) -> tuple[Finding, ...]:
    """Find the errors and doubts in a request.

    A request with an error must not be sent. A warning reports a request that the service probably refuses, or a
    probable mistake.
    """
    if request.endpoint.server != service.server.kind:
        return (_other_server(request, service),)
    if request.kind not in service.release.request_fields:
        return (_other_release(request, service),)
    task = task_of(service)
    if task and task not in request.endpoint.tasks:
        return (_other_task(request, service, task),)
    findings = [*_unknown_fields(request, service), *_missing_fields(request, service)]
    values = _parameter_values(request, service)
    record = service.release.request_fields[request.kind].parameters
    try:
        parameters = record.model_validate(values)
    except ValidationError as problem:
        return (*findings, *_invalid_values(request, service, values, problem))
    findings += _rule_findings(request, parameters, service)
    return tuple(findings)


def _rule_findings(
    request: Request,
    parameters: Parameters,
    service: ResolvedService,
) -> Iterator[Finding]:
    for rule in service.release.request_rules:
        for finding in rule.check(request, parameters, service):
            yield with_origins(replace(finding, rule=rule.id), service)
    for check in SERVICE_RULES:
        for finding in check(request, parameters, service):
            yield with_origins(replace(finding, rule=id_of(check)), service)


def _other_server(request: Request, service: ResolvedService) -> Finding:
    configured = service.server.kind
    kinds = _kinds_of(service)
    return Finding(
        rule="other-server",
        severity="error",
        message=f"{service.name} has no {request.endpoint.path}",
        why=f"its server.kind is {configured}; only {request.endpoint.server} has this path",
        fix=f"use one of: {', '.join(kinds)}",
        marks=(setting(service, "server.kind"),),
    )


def _other_release(request: Request, service: ResolvedService) -> Finding:
    version = service.release.version
    return Finding(
        rule="other-server",
        severity="error",
        message=f"{service.name} has no {request.endpoint.path}",
        why=f"the program knows no such requests of vLLM {version}, which serves models that generate text",
        fix=f"use one of: {', '.join(_kinds_of(service))}",
        marks=(setting(service, "engine.version"),),
    )


def _other_task(request: Request, service: ResolvedService, task: ModelKind) -> Finding:
    """The finding about a request for another kind of model."""
    return Finding(
        rule="other-task",
        severity="error",
        message=f"{request.endpoint.path} is not for {service.model.name}: {_TASKS[task]}",
        why="a model server has only the paths for the task of its model",
        fix=f"use one of: {', '.join(_kinds_of(service))}",
        marks=(setting(service, "model.source"),),
    )


def _kinds_of(service: ResolvedService) -> list[Kind]:
    """The kinds of requests that a service answers."""
    task = task_of(service) or "generate"
    kinds = []
    for kind, endpoint in ENDPOINTS.items():
        is_known = kind in service.release.request_fields
        is_served = endpoint.server == service.server.kind
        if is_known and is_served and task in endpoint.tasks:
            kinds.append(kind)
    return sorted(kinds, key=list(Kind).index)


def _unknown_fields(request: Request, service: ResolvedService) -> Iterator[Finding]:
    """Fields of the body that the server refuses or ignores."""
    fields = service.release.request_fields[request.kind]
    for field in request.body:
        if field in fields.replaced:
            yield _replaced_field(request, service, field)
        elif field not in fields.accepted:
            yield _unknown_field(request, service, field)


def _replaced_field(request: Request, service: ResolvedService, field: str) -> Finding:
    fields = service.release.request_fields[request.kind]
    return Finding(
        rule="unknown-field",
        severity="error",
        message=f"{request.endpoint.path} ignores {field}: the answer would be any text",
        why=fields.unknown_why,
        fix=f"move {field} to {fields.replaced[field]}",
        marks=(request.at(field),),
    )


def _unknown_field(request: Request, service: ResolvedService, field: str) -> Finding:
    request_fields = service.release.request_fields
    fields = request_fields[request.kind]
    marks = [request.at(field)]
    fix = _known_field_fix(field, fields.accepted)
    if request.kind is Kind.GENERATE and _is_accepted(field, request_fields):
        fix = f"remove {field} (only server.kind openai has it)"
        marks.append(setting(service, "server.kind"))
    return Finding(
        rule="unknown-field",
        severity=fields.unknown_severity,
        message=f"{request.endpoint.path} has no field {field}",
        why=fields.unknown_why,
        fix=fix,
        marks=tuple(marks),
    )


def _known_field_fix(field: str, known: frozenset[str]) -> str:
    similar = nearest(field, dict.fromkeys(known))
    if similar:
        return f"rename {field} to {similar}"
    return f"remove {field} (known fields: {', '.join(sorted(known))})"


def _is_accepted(field: str, request_fields: Mapping[Kind, RequestFields]) -> bool:
    """Whether any kind of request accepts a field."""
    return any(field in fields.accepted for fields in request_fields.values())


def _missing_fields(request: Request, service: ResolvedService) -> Iterator[Finding]:
    for field in service.release.request_fields[request.kind].required:
        if request.body.get(field) in (None, "", []):
            yield Finding(
                rule="missing-field",
                severity="error",
                message=f"{field} is missing",
                why=f"{request.endpoint.path} requires it (manual, Step 5, tables 1 and 3)",
                fix=f"write {field}: {_EXAMPLES[field]}",
                marks=(request.at(field),),
            )


def _invalid_values(
    request: Request,
    service: ResolvedService,
    values: Mapping[str, Any],
    problem: ValidationError,
) -> Iterator[Finding]:
    """One finding for each parameter with an invalid value."""
    record = service.release.request_fields[request.kind].parameters
    source = service.release.request_sources["bad-value"]
    why = f"the server answers 400 to another value ({source})"
    findings: dict[str, Finding] = {}
    for details in problem.errors():
        field = str(details["loc"][0])
        findings[field] = shape_finding(record, (), details, values, why=why)
    for field, finding in findings.items():
        yield replace(finding, marks=(request.at(field),))


def _parameter_values(request: Request, service: ResolvedService) -> dict[str, Any]:
    """The parameters in the body that the server reads, over the defaults of the server."""
    fields = service.release.request_fields[request.kind]
    parameters = {}
    for name, value in {**fields.defaults, **request.body}.items():
        is_read = name in fields.parameters.model_fields and name in fields.accepted
        is_default = value is None and name in fields.nullable
        if is_read and not is_default:
            parameters[name] = value
    return parameters
