"""The answer of a server: texts, tokens and times, as a whole or as a stream."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_LONGEST_ERROR = 1000
"""Characters of an error that are kept."""


@dataclass(frozen=True)
class Piece:
    """A JSON document of an answer. A stream has several."""

    seconds: float
    """Time since the request was sent."""
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """An answer or an error of the server."""

    status: int
    seconds: float
    """Time from sending the request to the end of the answer."""
    pieces: tuple[Piece, ...] = ()
    prompt: str = ""
    """The prompt that `/generate` repeats at the beginning of each text."""
    error: str = ""
    """The error message of the server. Empty: it answered."""
    texts: Mapping[int, str] = field(default_factory=dict)
    """The generated texts by index. A request with `n: 2` has two."""

    @property
    def ok(self) -> bool:
        """Whether the server answered without an error."""
        return self.status == 200 and not self.error

    @property
    def failure(self) -> str:
        """The status and the error message. Only the message, if the error came after status 200."""
        if self.status == 200:
            return self.error
        return f"{self.status}: {self.error}"

    @property
    def data(self) -> Mapping[str, Any]:
        """The last document."""
        if not self.pieces:
            return {}
        return self.pieces[-1].data

    @property
    def text(self) -> str:
        """The first text."""
        return self.texts.get(0, "")

    @property
    def first(self) -> float | None:
        """Seconds until the first document with text. None: no document has text."""
        for piece in self.pieces:
            if any(texts(piece.data, self.prompt).values()):
                return piece.seconds
        return None

    @property
    def tokens(self) -> int | None:
        """The number of generated tokens. None: the server does not report it."""
        for piece in reversed(self.pieces):
            usage = piece.data.get("usage")
            if not usage:
                continue
            count = usage.get("completion_tokens")
            if count is None:
                return None
            return int(count)
        return None

    @property
    def tokens_per_second(self) -> float | None:
        """Generated tokens per second after the first text. None: there are fewer than two tokens."""
        if self.first is None or self.tokens is None or self.tokens < 2:
            return None
        seconds = self.seconds - self.first
        if seconds <= 0:
            return None
        return (self.tokens - 1) / seconds

    @property
    def ends(self) -> list[str]:
        """Why each text ended: `stop`, or `length` if it reached max_tokens."""
        reasons: list[str] = []
        for piece in self.pieces:
            reasons += _finish_reasons(piece.data)
        return reasons


def texts(data: Mapping[str, Any], prompt: str = "") -> dict[int, str]:
    """The texts of a document by their index.

    Args:
        data: A document of an answer.
        prompt: The prompt that `/generate` repeats. It is removed.
    """
    generated = data.get("text")
    if isinstance(generated, list):
        return {
            index: str(text).removeprefix(prompt)
            for index, text in enumerate(generated)
        }
    found = {}
    for choice in _choices(data):
        index = int(choice.get("index", 0))
        found[index] = _choice_text(choice)
    return found


def joined(pieces: Iterable[Piece], prompt: str = "") -> dict[int, str]:
    """The whole texts of a stream. Each document of `/generate` repeats the text before it."""
    whole: dict[int, str] = {}
    for piece in pieces:
        repeats = "text" in piece.data
        for index, text in texts(piece.data, prompt).items():
            if repeats:
                whole[index] = text
            else:
                whole[index] = whole.get(index, "") + text
    return whole


def _choices(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    choices = data.get("choices")
    if not isinstance(choices, list):
        return
    for choice in choices:
        if isinstance(choice, dict):
            yield choice


def _finish_reasons(data: Mapping[str, Any]) -> Iterator[str]:
    for choice in _choices(data):
        reason = choice.get("finish_reason")
        if reason:
            yield str(reason)


def _choice_text(choice: Mapping[str, Any]) -> str:
    message = choice.get("message") or choice.get("delta") or {}
    text = choice.get("text") or message.get("content")
    return str(text or "")


def error_text(body: str) -> str:
    """The error message in a body, or the whole body as one line.

    vLLM answers with `message`, FastAPI with `detail`, the check of the API key with `{"error": "Unauthorized"}`.
    """
    try:
        document = json.loads(body)
    except ValueError:
        return _one_line(body)
    if not isinstance(document, dict):
        return _one_line(body)
    for key in ("error", "message", "detail"):
        message = document.get(key)
        if not message or message == "error":
            continue
        if isinstance(message, dict):
            return error_text(json.dumps(message))
        return _one_line(str(message))
    return _one_line(body)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST_ERROR]
