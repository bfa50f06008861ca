"""The answer to a question, reduced to what is compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from client.answer import Answer
from client.numbers import scores, vectors
from models.engines.requests import Kind


@dataclass(frozen=True)
class Token:
    """A generated token."""

    text: str
    logprob: float
    likely: Mapping[str, float] = field(default_factory=dict)
    """The logprobs of the most likely tokens in its place."""


@dataclass(frozen=True)
class Reply:
    """The answer to a question, or why there is none."""

    text: str = ""
    tokens: tuple[Token, ...] = ()
    """The tokens with their logprobs; empty if the server does not give them."""
    prompt_tokens: int | None = None
    """Tokens of the question, as the server counts them."""
    numbers: tuple[float, ...] = ()
    """The vector of a text, or the scores of documents."""
    error: str = ""
    """Why there is no answer. Empty: there is one."""


def reply_of(kind: Kind, answer: Answer) -> Reply:
    """The part of an answer that is compared.

    Args:
        kind: The kind of the request.
        answer: The answer, which is not an error.
    """
    data = answer.data
    if kind is Kind.EMBED:
        return _with_numbers(tuple(_first_vector(data)))
    if kind in (Kind.RERANK, Kind.SCORE):
        in_order = []
        for _, score in sorted(scores(data)):
            in_order.append(score)
        return _with_numbers(tuple(in_order))
    usage = data.get("usage") or {}
    return Reply(
        text=_text(answer),
        tokens=tuple(_tokens(data)),
        prompt_tokens=usage.get("prompt_tokens"),
    )


def _with_numbers(numbers: tuple[float, ...]) -> Reply:
    if not numbers:
        return Reply(error="the answer has no numbers")
    return Reply(numbers=numbers)


def _first_vector(data: Mapping[str, Any]) -> list[float]:
    found = vectors(data)
    if not found:
        return []
    first = found[0]
    return [number for number in first if isinstance(number, int | float)]


def _text(answer: Answer) -> str:
    """The text of an answer, after the text of its reasoning if the server separates it."""
    message = _choice(answer.data).get("message") or {}
    reasoning = message.get("reasoning_content") or message.get("reasoning") or ""
    return f"{reasoning}{answer.text}"


def _choice(data: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = data.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        return choices[0]
    return {}


def _tokens(data: Mapping[str, Any]) -> list[Token]:
    """The tokens of an answer, in the form of a chat or of a completion."""
    logprobs = _choice(data).get("logprobs") or {}
    items = logprobs.get("content")
    if items:
        return [_chat_token(item) for item in items]
    return _completion_tokens(logprobs)


def _completion_tokens(logprobs: Mapping[str, Any]) -> list[Token]:
    """The tokens in the form of a completion: lists of texts, logprobs and likely tokens."""
    tokens = []
    texts = logprobs.get("tokens") or []
    values = logprobs.get("token_logprobs") or []
    alternatives = logprobs.get("top_logprobs") or [None] * len(texts)
    for text, value, likely in zip(texts, values, alternatives, strict=False):
        if value is None:
            continue
        token = Token(
            text=text,
            logprob=float(value),
            likely=dict(likely or {}),
        )
        tokens.append(token)
    return tokens


def _chat_token(item: Mapping[str, Any]) -> Token:
    likely = {}
    for other in item.get("top_logprobs") or []:
        text = _token_text(other)
        likely[text] = float(other["logprob"])
    return Token(
        text=_token_text(item),
        logprob=float(item["logprob"]),
        likely=likely,
    )


def _token_text(item: Mapping[str, Any]) -> str:
    """The text of a token. Parts of a character have none, so their bytes stand for them."""
    text = str(item.get("token", ""))
    if "\ufffd" in text and item.get("bytes"):
        return bytes(item["bytes"]).hex(" ")
    return text
