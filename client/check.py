"""Judge a request before it is sent: its fields, its values, and what the service it goes to does with them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from client.kinds import ENDPOINTS, Kind
from client.parameters import Parameters
from client.request import Asked, setting
from client.rules import RULES
from client.service_rules import SERVICE_RULES
from models.finding import Finding
from models.service.resolved import ResolvedService
from models.stack_file.errors import shape_finding
from models.stack_file.unknown_keys import nearest

_NULLABLE = ("temperature", "top_p", "n", "presence_penalty", "frequency_penalty", "stop", "stream")
"""Fields for which the OpenAI server takes null as the default (vllm/sampling_params.py:238)."""


def check_request(asked: Asked, service: ResolvedService) -> tuple[Finding, ...]:
    """Everything that is wrong with a request to a service; errors must not be sent.

    Warnings are what the service probably refuses, or what hardly is meant.
    """
    if wrong := [*_other_server(asked, service)]:
        return tuple(wrong)
    shape = [*_fields(asked, service), *_missing(asked)]
    parameters = _parameters(asked)
    if not isinstance(parameters, Parameters):
        return (*shape, *parameters)
    found = [
        replace(finding, rule=judge.__name__.replace("_", "-"))
        for judge in RULES
        for finding in judge(asked, parameters)
    ]
    found += [
        replace(finding, rule=judge.__name__.replace("_", "-"))
        for judge in SERVICE_RULES
        for finding in judge(asked, parameters, service)
    ]
    return (*shape, *found)


def _other_server(asked: Asked, service: ResolvedService) -> Iterator[Finding]:
    wanted, there = asked.endpoint.server, service.server.kind
    if wanted != there:
        yield Finding(
            "other-server",
            "error",
            f"{service.name} has no {asked.endpoint.path}",
            f"server.kind is {there}, and only {wanted} has it",
            f"ask with one of: {', '.join(kind for kind in Kind if ENDPOINTS[kind].server == there)}",
            (setting(service, "server.kind"),),
        )


def _fields(asked: Asked, service: ResolvedService) -> Iterator[Finding]:
    """Fields that the server does not know: the OpenAI server answers 400, the plain one 500."""
    known = asked.endpoint.fields
    for field in asked.body:
        if field in known:
            continue
        near = nearest(field, dict.fromkeys(known))
        fix = f"write {near}" if near else f"leave it out; known are: {', '.join(sorted(known))}"
        if elsewhere := asked.kind is Kind.GENERATE and any(field in one.fields for one in ENDPOINTS.values()):
            fix = "leave it out, or start the service with server.kind openai"
        yield Finding(
            "unknown-field",
            "error",
            f"{asked.endpoint.path} takes no {field}",
            _STRICT[asked.endpoint.server],
            fix,
            (asked.at(field), *([setting(service, "server.kind")] if elsewhere else [])),
        )


def request_rules() -> dict[str, str]:
    """The documentation of the rules about requests, by id."""
    judged = {judge.__name__.replace("_", "-"): inspect.getdoc(judge) or "" for judge in (*RULES, *SERVICE_RULES)}
    return {**judged, **_OTHERS}


_OTHERS = {
    "other-server": """A request goes to a server that has its path.

The OpenAI server has /v1/chat/completions and /v1/completions, the plain one /generate (manual, Step 5).""",
    "unknown-field": """Every field of a request is one that the server takes.

vLLM 0.6.3 answers 400 to others (vllm/entrypoints/openai/protocol.py:60), its plain server 500.""",
    "missing-field": """A request holds its question.

Chats need messages, all others a prompt (manual, Step 5, tables 1 and 3).""",
}

_STRICT = {
    "openai": "vLLM 0.6.3 answers 400 to a field that it does not know (vllm/entrypoints/openai/protocol.py:60)",
    "api_server": "vLLM 0.6.3 gives every field to SamplingParams, and answers 500 to one that this does not know "
    "(vllm/entrypoints/api_server.py:52)",
}


def _missing(asked: Asked) -> Iterator[Finding]:
    for field in asked.endpoint.needed:
        if asked.body.get(field) in (None, "", []):
            why = f"{asked.endpoint.path} needs it (manual, Step 5, tables 1 and 3)"
            yield Finding("missing-field", "error", f"{field} is missing", why, "give the question", (asked.at(field),))


def _parameters(asked: Asked) -> Parameters | list[Finding]:
    """The parameters with the server's defaults, or what is wrong with their values."""
    try:
        return Parameters.model_validate(_effective(asked))
    except ValidationError as problem:
        wrong = [shape_finding(Parameters, (), details) for details in problem.errors()]
        fields = [str(details["loc"][0]) for details in problem.errors()]
        return [
            replace(finding, marks=(asked.at(field),))
            for field, finding in dict(zip(fields, wrong, strict=True)).items()
        ]


def _effective(asked: Asked) -> Mapping[str, Any]:
    given = {**asked.endpoint.defaults, **asked.body}
    lenient = asked.endpoint.server == "openai"
    return {
        field: value
        for field, value in given.items()
        if field in Parameters.model_fields and not (lenient and value is None and field in _NULLABLE)
    }
