"""A request as it is judged and sent: its kind, its body, and where the user gave each field."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from client.kinds import ENDPOINTS, Endpoint, Kind
from models.finding import Finding, Mark
from models.service.resolved import ResolvedService


@dataclass(frozen=True)
class Asked:
    """A request that may be sent."""

    kind: Kind
    body: Mapping[str, Any]
    options: frozenset[str] = frozenset()
    """The fields that options of the command line gave."""
    file: str = ""
    """Where the rest of the body was read; empty when it was made of arguments."""

    @property
    def endpoint(self) -> Endpoint:
        """Where it goes."""
        return ENDPOINTS[self.kind]

    def at(self, field: str) -> Mark:
        """Where the user gave a field: `--top-p`, or `body.json: $.top_p`."""
        if self.file and field not in self.options:
            return Mark((f"{self.file}: $.{field}",))
        return Mark((_ARGUMENTS.get(field) or f"--{field.replace('_', '-')}",))


_PICTURE = "image_url"
_ARGUMENTS = {"messages": "TEXT", "prompt": "TEXT"}


def setting(service: ResolvedService, field: str) -> Mark:
    """A setting of the service, with where the stack file has it: `setting(service, "server.kind")`."""
    origin = service.origins.get(field)
    return Mark(("services", service.name, *field.split(".")), origin.source if origin else "default")


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


def pictures(body: Mapping[str, Any]) -> list[str]:
    """The addresses of the pictures in a chat, data URLs among them."""
    given = [part.get(_PICTURE) for part in _parts(body) if part.get("type") == _PICTURE]
    return [str(one.get("url", "")) if isinstance(one, dict) else "" for one in given]


def words(body: Mapping[str, Any]) -> str:
    """All text of the question, for a look at its length."""
    prompt = body.get("prompt")
    if isinstance(prompt, str):
        return prompt
    if isinstance(prompt, list):
        return "\n".join(text for text in prompt if isinstance(text, str))
    return "\n".join(str(part.get("text", "")) for part in _parts(body))


def tokens_given(body: Mapping[str, Any]) -> int:
    """Tokens of a prompt that is given as token ids; 0 for text."""
    prompt = body.get("prompt")
    if not isinstance(prompt, list):
        return 0
    many = [prompt, *(one for one in prompt if isinstance(one, list))]
    return max(sum(isinstance(token, int) for token in one) for one in many)


def _parts(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The parts of all messages; a plain text is one."""
    messages = body.get("messages")
    for message in messages if isinstance(messages, list) else []:
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, str):
            yield {"type": "text", "text": content}
        yield from (part for part in content if isinstance(part, dict)) if isinstance(content, list) else ()


def as_json(body: Mapping[str, Any]) -> str:
    """The body as it is sent."""
    return json.dumps(body, ensure_ascii=False)
