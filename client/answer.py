"""What a server answers: texts, tokens and times, whole or piece by piece."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Piece:
    """A part of an answer, as it came."""

    seconds: float
    """Since the request was sent."""
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """An answer, or a refusal."""

    status: int
    seconds: float
    """From the sending to the end."""
    pieces: tuple[Piece, ...] = ()
    prompt: str = ""
    """What `/generate` puts before each of its texts."""
    error: str = ""
    """The server's own words, when it refused or failed."""
    texts: Mapping[int, str] = field(default_factory=dict)
    """The answers by index."""

    @property
    def ok(self) -> bool:
        """Whether there is an answer."""
        return self.status == 200 and not self.error

    @property
    def data(self) -> Mapping[str, Any]:
        """The last that came."""
        return self.pieces[-1].data if self.pieces else {}

    @property
    def text(self) -> str:
        """The first answer."""
        return self.texts.get(0, "")

    @property
    def first(self) -> float | None:
        """Seconds until the first piece with text came, or None when none did."""
        return next((piece.seconds for piece in self.pieces if any(texts(piece.data, self.prompt).values())), None)

    @property
    def tokens(self) -> int | None:
        """Tokens of all answers, or None when the server does not say it."""
        usage = next((usage for piece in reversed(self.pieces) if (usage := piece.data.get("usage"))), None)
        return int(usage["completion_tokens"]) if usage and usage.get("completion_tokens") is not None else None

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens of the answers in a second after the first came; None where there are too few to tell."""
        if self.first is None or self.tokens is None or self.tokens < 2 or self.seconds <= self.first:
            return None
        return (self.tokens - 1) / (self.seconds - self.first)

    @property
    def ends(self) -> list[str]:
        """Why each answer ended: `stop`, or `length` at max_tokens."""
        choices = (choice for piece in self.pieces for choice in _choices(piece.data))
        return [str(choice["finish_reason"]) for choice in choices if choice.get("finish_reason")]


def texts(data: Mapping[str, Any], prompt: str = "") -> dict[int, str]:
    """The texts of an answer or of a piece of one, by their index."""
    whole = data.get("text")
    if isinstance(whole, list):
        return {index: str(text).removeprefix(prompt) for index, text in enumerate(whole)}
    return {int(choice.get("index", 0)): _text(choice) for choice in _choices(data)}


def joined(pieces: Iterable[Piece], prompt: str = "") -> dict[int, str]:
    """The texts that pieces add up to; `/generate` sends all that is there each time."""
    whole: dict[int, str] = {}
    for piece in pieces:
        for index, text in texts(piece.data, prompt).items():
            whole[index] = text if "text" in piece.data else whole.get(index, "") + text
    return whole


def _choices(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    choices = data.get("choices")
    yield from (choice for choice in choices if isinstance(choice, dict)) if isinstance(choices, list) else ()


def _text(choice: Mapping[str, Any]) -> str:
    inner = choice.get("message") or choice.get("delta") or {}
    return str(choice.get("text") or inner.get("content") or "")


def error_text(body: str) -> str:
    """What a server says went wrong: vLLM's `message`, FastAPI's `detail`, `{"error": "Unauthorized"}`, or its text."""
    try:
        said = json.loads(body)
    except ValueError:
        return " ".join(body.split())[:_LONGEST]
    for key in ("error", "message", "detail"):
        if isinstance(said, dict) and said.get(key) and said[key] != "error":
            inner = said[key]
            return error_text(json.dumps(inner)) if isinstance(inner, dict) else " ".join(str(inner).split())[:_LONGEST]
    return " ".join(body.split())[:_LONGEST]


_LONGEST = 1000
