"""Parts of a request: where its settings stand, its text and its tokens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from models.engines.requests import parts
from models.finding import Finding, Mark
from models.service.resolved import ResolvedService


def setting(service: ResolvedService, field: str) -> Mark:
    """A setting of the service, with where the stack file has it: `setting(service, "server.kind")`."""
    origin = service.origins.get(field)
    return Mark(("services", service.name, *field.split(".")), origin.source if origin else "default")


def with_origins(finding: Finding, service: ResolvedService) -> Finding:
    """A finding about a request, in which each key of the service has its place in the stack file."""
    return replace(finding, marks=tuple(_with_origin(mark, service) for mark in finding.marks))


def _with_origin(mark: Mark, service: ResolvedService) -> Mark:
    if mark.note or mark.path[0] != "services":
        return mark
    return setting(service, mark.field)


def refusal_text(finding: Finding) -> str:
    """A finding about a request, in the form that `check` has: what, where, why, and the fix."""
    lines = [f"{finding.severity}[{finding.rule}]: {finding.message}"]
    for number, mark in enumerate(finding.marks):
        lines.append(f"  {':::' if number else '-->'} {_place(mark)}")
    return "\n".join([*lines, f"   = why: {finding.why}", f"   = fix: {finding.fix}"])


def _place(mark: Mark) -> str:
    if mark.path[:1] == ("services",):
        return f"{mark.note}   {mark.path[1]} · {mark.field}"
    return mark.path[0]


def words(body: Mapping[str, Any]) -> str:
    """All text of the question, for a look at its length."""
    prompt = body.get("prompt")
    if isinstance(prompt, str):
        return prompt
    if isinstance(prompt, list):
        return "\n".join(text for text in prompt if isinstance(text, str))
    return "\n".join(str(part.get("text", "")) for part in parts(body))


def tokens_given(body: Mapping[str, Any]) -> int:
    """Tokens of a prompt that is given as token ids; 0 for text."""
    prompt = body.get("prompt")
    if not isinstance(prompt, list):
        return 0
    many = [prompt, *(one for one in prompt if isinstance(one, list))]
    return max(sum(isinstance(token, int) for token in one) for one in many)


def as_json(body: Mapping[str, Any]) -> str:
    """The body as it is sent."""
    return json.dumps(body, ensure_ascii=False)
