"""Parts of a request: the keys of the service in a finding, the text, and the tokens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from models.engines.requests import parts
from models.finding import Finding, Mark
from models.service.resolved import ResolvedService


def setting(service: ResolvedService, field: str) -> Mark:
    """Where the stack file sets a field of the service: `setting(service, "server.kind")`."""
    source = "default"
    origin = service.origins.get(field)
    if origin:
        source = origin.source
    keys = field.split(".")
    return Mark(("services", service.name, *keys), source)


def with_origins(finding: Finding, service: ResolvedService) -> Finding:
    """A finding whose marks on keys of the service have the file and line."""
    marks = tuple(_with_origin(mark, service) for mark in finding.marks)
    return replace(finding, marks=marks)


def _with_origin(mark: Mark, service: ResolvedService) -> Mark:
    if mark.note or mark.path[0] != "services":
        return mark
    return setting(service, mark.field)


def refusal_text(finding: Finding) -> str:
    """A finding about a request as text. It has the form of the output of `check`."""
    lines = [f"{finding.severity}[{finding.rule}]: {finding.message}"]
    sign = "-->"
    for mark in finding.marks:
        lines.append(f"  {sign} {_place(mark)}")
        sign = ":::"
    lines.append(f"   = why: {finding.why}")
    lines.append(f"   = fix: {finding.fix}")
    return "\n".join(lines)


def _place(mark: Mark) -> str:
    if mark.path[0] == "services":
        return f"{mark.note}   {mark.path[1]} · {mark.field}"
    return mark.path[0]


def words(body: Mapping[str, Any]) -> str:
    """All text of the prompt or the messages."""
    prompt = body.get("prompt")
    if isinstance(prompt, str):
        return prompt
    if isinstance(prompt, list):
        texts = [text for text in prompt if isinstance(text, str)]
    else:
        texts = [str(part.get("text", "")) for part in parts(body)]
    return "\n".join(texts)


def tokens_given(body: Mapping[str, Any]) -> int:
    """The length of the longest prompt that consists of token ids. 0: the prompt is text."""
    prompt = body.get("prompt")
    if not isinstance(prompt, list):
        return 0
    longest = _token_count(prompt)
    for item in prompt:
        if isinstance(item, list):
            longest = max(longest, _token_count(item))
    return longest


def _token_count(items: list[Any]) -> int:
    return sum(isinstance(item, int) for item in items)


def as_json(body: Mapping[str, Any]) -> str:
    """The body as JSON in one line."""
    return json.dumps(body, ensure_ascii=False)
