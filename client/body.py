"""Make the body of a request from user input: a question, pictures, parameters, or a whole body."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from models.engines.parameters import Parameters
from models.engines.requests import Kind, Request
from models.service.resolved import ResolvedService
from models.stack_file.texts import named_bytes

_MOST_BYTES = 100_000_000
"""Of a picture or a JSON Schema."""

_ALWAYS_SENT = ("max_tokens", "temperature")
"""Parameters that are sent even with the manual's default. The server's defaults depend on the kind of request."""

_SIGNATURES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}
"""The first bytes of a file and its media type."""


class BadInputError(Exception):
    """User input that cannot become a request, with a message and a fix."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


def question(
    kind: Kind,
    service: ResolvedService,
    text: str,
    options: Mapping[str, Any],
    images: Sequence[str] = (),
) -> Request:
    """Make a request from a question.

    Args:
        kind: The kind of request.
        service: The service. Its first served model name is used, if `options` has no model.
        text: The question.
        options: The fields that the user set.
        images: Pictures as data URLs.
    """
    body = _model(kind, service)
    body |= _question_fields(kind, text, images)
    for name in _ALWAYS_SENT:
        body[name] = Parameters.model_fields[name].default
    fields = _in_release_form(kind, service, options)
    body |= fields
    if body.get("stream") and kind is not Kind.GENERATE:
        body["stream_options"] = {
            "include_usage": True,
            "continuous_usage_stats": False,
        }
    return Request(kind, body, options=frozenset(fields))


def pooling(
    kind: Kind,
    service: ResolvedService,
    texts: Sequence[str],
    options: Mapping[str, Any],
) -> Request:
    """Make a request that is answered with numbers.

    Args:
        kind: The kind of request.
        service: The service. Its first served model name is used, if `options` has no model.
        texts: The texts to embed; or the query, then the documents to score.
        options: The fields that the user set.
    """
    first, *others = texts
    fields: dict[str, Any] = {"input": list(texts)}
    if kind is Kind.RERANK:
        fields = {"query": first, "documents": others}
    if kind is Kind.SCORE:
        fields = {"text_1": first, "text_2": others}
    body = {**_model(kind, service), **fields, **options}
    return Request(kind, body, options=frozenset(options))


def raw(
    kind: Kind,
    service: ResolvedService,
    text: str,
    options: Mapping[str, Any],
    file: str,
) -> Request:
    """Make a request from a whole body.

    Args:
        kind: The kind of request.
        service: The service. Its first served model name is used, if the body has no model.
        text: The body as JSON.
        options: The fields that the user set with options. They override the body.
        file: Name of the file with the body.

    Raises:
        BadInputError: The text is not a JSON object.
    """
    try:
        body = json.loads(text)
    except ValueError as problem:
        raise BadInputError(
            f"{file} is not valid JSON: {problem}", "pass a JSON object"
        ) from None
    if not isinstance(body, dict):
        raise BadInputError(
            f"{file} does not contain a JSON object",
            'pass a body such as {"messages": […]}',
        )
    fields = _in_release_form(kind, service, options)
    return Request(
        kind=kind,
        body={**_model(kind, service), **body, **fields},
        options=frozenset(fields),
        file=file,
    )


def _in_release_form(
    kind: Kind, service: ResolvedService, fields: Mapping[str, Any]
) -> dict[str, Any]:
    request_fields = service.release.request_fields.get(kind)
    if request_fields is None:
        return dict(fields)
    return request_fields.in_release_form(fields)


def _model(kind: Kind, service: ResolvedService) -> dict[str, Any]:
    if kind is Kind.GENERATE:
        return {}
    return {"model": service.model_names[0]}


def _question_fields(kind: Kind, text: str, images: Sequence[str]) -> dict[str, Any]:
    if kind in (Kind.COMPLETE, Kind.GENERATE):
        return {"prompt": text}
    message: dict[str, Any] = {"role": "user", "content": text}
    if images:
        text_part = {"type": "text", "text": text}
        message["content"] = [text_part, *map(_image_part, images)]
    return {"messages": [message]}


def _image_part(url: str) -> dict[str, Any]:
    return {
        "type": "image_url",
        "image_url": {"url": url},
    }


def data_url(file: Path) -> str:
    """A picture as a data URL. The first bytes, not the file's name, decide whether it is JPEG, PNG or WebP.

    Raises:
        BadInputError: The file cannot be read, or it has another format.
    """
    try:
        data = named_bytes(file, _MOST_BYTES)
    except OSError as problem:
        raise BadInputError(
            f"{file} cannot be read: {problem.strerror}", "pass the path of a picture"
        ) from None
    media_type = picture_type(data)
    if media_type is None:
        raise BadInputError(
            f"{file} is not a JPEG, PNG or WebP picture",
            "pass a JPEG, PNG or WebP picture",
        )
    encoded = base64.b64encode(data).decode()
    return f"data:{media_type};base64,{encoded}"


def picture_type(data: bytes) -> str | None:
    """The media type of a JPEG, PNG or WebP picture. None: the data has another format."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    for signature, media_type in _SIGNATURES.items():
        if data.startswith(signature):
            return media_type
    return None


def schema(text: str) -> dict[str, Any]:
    """The JSON Schema in an option.

    Args:
        text: The schema as JSON, or the name of a file that contains it.

    Raises:
        BadInputError: The file cannot be read, or there is no JSON object.
    """
    source = "the schema"
    content = text
    if not text.lstrip().startswith("{"):
        source = text
        content = _schema_file(text)
    try:
        document = json.loads(content)
    except ValueError as problem:
        raise BadInputError(
            f"{source} is not valid JSON: {problem}", "fix the JSON"
        ) from None
    if not isinstance(document, dict):
        raise BadInputError(f"{source} is not a JSON Schema", "pass a JSON object")
    return document


def _schema_file(name: str) -> str:
    try:
        return named_bytes(Path(name), _MOST_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        message = f"{name} is neither a JSON object nor a readable file: {reason}"
        raise BadInputError(
            message, "pass a JSON object or the name of a file"
        ) from None
