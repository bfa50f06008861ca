"""Requests to a model server: their kinds, their fields, and the rules that a release has for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from models.catalog.facts import ModelKind
from models.engines.model_server import ModelServer
from models.engines.parameters import Parameters
from models.finding import Mark, Severity

_ARGUMENTS = {
    "messages": "TEXT",
    "prompt": "TEXT",
    "input": "TEXT",
    "query": "TEXT",
    "documents": "TEXT",
    "text_1": "TEXT",
    "text_2": "TEXT",
    "structured_outputs": "--guided-json",
}
"""Arguments and options of the command line by the field that they set, if their name is not that of the field."""


class Kind(StrEnum):
    """The kind of a request, as the user names it."""

    CHAT = "chat"
    COMPLETE = "complete"
    GENERATE = "generate"
    IMAGE = "image"
    EMBED = "embed"
    RERANK = "rerank"
    SCORE = "score"


POOLING = (Kind.EMBED, Kind.RERANK, Kind.SCORE)
"""Kinds of requests that are answered with numbers instead of text."""


@dataclass(frozen=True)
class Endpoint:
    """The path that requests of a kind are sent to."""

    path: str
    server: Literal["openai", "api_server"]
    """The kind of server that has it."""
    tasks: tuple[ModelKind, ...] = ("generate",)
    """The task that the request needs."""


ENDPOINTS = {
    Kind.CHAT: Endpoint("/v1/chat/completions", "openai"),
    Kind.IMAGE: Endpoint("/v1/chat/completions", "openai"),
    Kind.COMPLETE: Endpoint("/v1/completions", "openai"),
    Kind.GENERATE: Endpoint("/generate", "api_server"),
    Kind.EMBED: Endpoint("/v1/embeddings", "openai", tasks=("embed",)),
    Kind.RERANK: Endpoint("/v1/rerank", "openai", tasks=("rerank", "embed")),
    Kind.SCORE: Endpoint("/v1/score", "openai", tasks=("rerank", "embed")),
}
"""The path of each kind. A release without a kind has no fields for it (`RequestFields`)."""


@dataclass(frozen=True)
class RequestFields:
    """The fields that a release accepts in requests of a kind."""

    accepted: frozenset[str]
    required: tuple[str, ...]
    unknown_why: str
    """The answer of the server to a field that it does not accept, with its source."""
    unknown_severity: Severity = "error"
    """`error` if the server refuses a request with an unknown field, `no-effect` if it ignores the field."""
    replaced: Mapping[str, str] = field(default_factory=dict)
    """Fields that the server ignores although they decide what the answer contains, and where their values belong."""
    schema_path: tuple[str, ...] = ("guided_json",)
    """The field for the JSON Schema of the answer, and the keys inside the field."""
    parameters: type[Parameters] = Parameters
    """The parameters with the ranges of the release."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Defaults of the server that differ from those of `parameters`."""
    nullable: tuple[str, ...] = ()
    """Fields for which null stands for the default."""

    def in_release_form(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of a request, with the schema of `guided_json` in the field that the release reads."""
        form: dict[str, Any] = {}
        for name, value in fields.items():
            if name == "guided_json":
                form |= self._schema_field(value)
            else:
                form[name] = value
        return form

    def _schema_field(self, schema: Any) -> dict[str, Any]:
        field_value = schema
        for key in reversed(self.schema_path):
            field_value = {key: field_value}
        return dict(field_value)


@dataclass(frozen=True)
class Request:
    """A request before it is sent."""

    kind: Kind
    body: Mapping[str, Any]
    options: frozenset[str] = frozenset()
    """The fields that options of the command line set."""
    file: str = ""
    """The file with the rest of the body; empty if the body consists of arguments."""

    @property
    def endpoint(self) -> Endpoint:
        """Where it is sent to."""
        return ENDPOINTS[self.kind]

    @property
    def pictures(self) -> list[str]:
        """The addresses of the pictures in a chat, data URLs included."""
        return pictures(self.body)

    def at(self, field: str) -> Mark:
        """The position of a field: `--top-p`, or `body.json: $.top_p`."""
        if self.file and field not in self.options:
            return Mark((f"{self.file}: $.{field}",))
        option = f"--{field.replace('_', '-')}"
        return Mark((_ARGUMENTS.get(field, option),))


def service_key(server: ModelServer, key: str) -> Mark:
    """A mark on a key of the service; `check_request` adds its place in the stack file."""
    return Mark(("services", server.name, *key.split(".")))


def pictures(body: Mapping[str, Any]) -> list[str]:
    """The addresses of the pictures in the body of a chat, data URLs included."""
    found = []
    for part in parts(body):
        if part.get("type") == "image_url":
            image = part.get("image_url")
            address = ""
            if isinstance(image, dict):
                address = str(image.get("url", ""))
            found.append(address)
    return found


def parts(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The parts of all messages; a message of plain text is one part."""
    messages = body.get("messages")
    if not isinstance(messages, list):
        return
    for message in messages:
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, str):
            yield {"type": "text", "text": content}
        elif isinstance(content, list):
            yield from (part for part in content if isinstance(part, dict))
