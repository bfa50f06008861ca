"""Make the body of a request from what a user gives: a question, pictures, parameters, or a body of their own."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from models.engines.parameters import Parameters
from models.engines.requests import Kind, Request
from models.service.resolved import ResolvedService

_ALWAYS = ("max_tokens", "temperature")
"""Sent even when they are the manual's defaults: those of the server differ, by the kind of request."""

_SIGNS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}


class BadInputError(Exception):
    """What a user gives cannot be made into a request: what is wrong, and how to mend it."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


def question(
    kind: Kind, service: ResolvedService, text: str, given: Mapping[str, Any], images: Sequence[str] = ()
) -> Request:
    """A request made of a question.

    Args:
        kind: What is asked for.
        service: Whom it goes to; its name for the model is the one of the stack.
        text: The question.
        given: The fields that options gave.
        images: Pictures as data URLs.
    """
    usual = {field: Parameters.model_fields[field].default for field in _ALWAYS}
    body = {**_model(kind, service), **_asking(kind, text, images), **usual, **given}
    if body.get("stream") and kind is not Kind.GENERATE:
        body["stream_options"] = {"include_usage": True, "continuous_usage_stats": False}
    return Request(kind, body, frozenset(given))


def raw(kind: Kind, service: ResolvedService, text: str, given: Mapping[str, Any], file: str) -> Request:
    """A request made of a body of the user's own, to which options are added; the model's name may be left out.

    Raises:
        BadInputError: The text is no JSON object.
    """
    try:
        body = json.loads(text)
    except ValueError as problem:
        raise BadInputError(f"{file} is no JSON: {problem}", "give a JSON object") from None
    if not isinstance(body, dict):
        raise BadInputError(f"{file} holds no JSON object", 'give a body such as {"messages": […]}')
    return Request(kind, {**_model(kind, service), **body, **given}, frozenset(given), file)


def _model(kind: Kind, service: ResolvedService) -> dict[str, Any]:
    return {} if kind is Kind.GENERATE else {"model": service.model_names[0]}


def _asking(kind: Kind, text: str, images: Sequence[str]) -> dict[str, Any]:
    if kind in (Kind.COMPLETE, Kind.GENERATE):
        return {"prompt": text}
    if not images:
        return {"messages": [{"role": "user", "content": text}]}
    parts: list[dict[str, Any]] = [{"type": "text", "text": text}]
    parts += [{"type": "image_url", "image_url": {"url": image}} for image in images]
    return {"messages": [{"role": "user", "content": parts}]}


def data_url(file: Path) -> str:
    """A picture as a data URL; JPEG, PNG and WebP are told by their first bytes, whatever the file's name is.

    Raises:
        BadInputError: The file cannot be read or is no such picture.
    """
    try:
        data = file.read_bytes()
    except OSError as problem:
        raise BadInputError(f"{file} cannot be read: {problem.strerror}", "name a picture") from None
    if kind := picture_type(data):
        return f"data:{kind};base64,{base64.b64encode(data).decode()}"
    raise BadInputError(f"{file} is no picture that services read", "give a JPEG, PNG or WebP")


def picture_type(data: bytes) -> str | None:
    """The media type of a picture, or None for anything but JPEG, PNG and WebP."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for sign, kind in _SIGNS.items() if data.startswith(sign)), None)


def schema(text: str) -> str | dict[str, Any]:
    """The JSON Schema that an option gives: itself, or the name of a file that holds it.

    Raises:
        BadInputError: There is no such file, or it holds no JSON object.
    """
    held, source = text, "the schema"
    if not text.lstrip().startswith("{"):
        try:
            held, source = Path(text).read_text(encoding="utf-8"), text
        except (OSError, UnicodeDecodeError) as problem:
            said = getattr(problem, "strerror", None) or problem
            raise BadInputError(
                f"{text} is neither a JSON object nor a readable file: {said}", "give one of both"
            ) from None
    try:
        found = json.loads(held)
    except ValueError as problem:
        raise BadInputError(f"{source} is no JSON: {problem}", "correct it") from None
    if not isinstance(found, dict):
        raise BadInputError(f"{source} is no JSON Schema", "give a JSON object")
    return found
