"""Texts in base64, which hides a credential from a reader and not from anybody else."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

from models.credentials.values import is_harmless

_BASE64 = re.compile(r"(?<![\w+/-])([A-Za-z0-9+/_-]{12,65536}={0,2})(?![\w+/=-])")
_PAIR = re.compile(r"[\w.@+-]{1,64}:([^\s:]{4,256})")
_VERSION = re.compile(
    r"v?[0-9]+(?:[.][0-9]+)*(?:[-_.][a-z0-9]+)*|[a-z]+(?:[-_.][a-z0-9]+)*"
)


def encoded_texts(text: str) -> Iterator[tuple[int, int, str]]:
    """The parts of a text that are printable texts in base64: start, end and the decoded text."""
    for match in _BASE64.finditer(text):
        decoded = _decoded(match[1])
        if decoded is not None:
            yield *match.span(1), decoded


def encoded_pair(decoded: str) -> bool:
    """Whether a decoded text is `user:password`, as in a header with basic authentication.

    `model:v1.0` is none: its second part is a version or plain words.
    """
    match = _PAIR.fullmatch(decoded.strip())
    if match is None:
        return False
    password = match[1]
    return not is_harmless("", password) and _VERSION.fullmatch(password) is None


def _decoded(text: str) -> str | None:
    """The printable ASCII text that a text in base64 stands for; None if it stands for none."""
    plain = text.rstrip("=").replace("-", "+").replace("_", "/")
    if len(plain) % 4 == 1:
        return None
    padding = "=" * (-len(plain) % 4)
    decoded = base64.b64decode(plain + padding)
    if not decoded.isascii():
        return None
    words = decoded.decode().replace("\n", " ").replace("\r", " ").replace("\t", " ")
    if not words.isprintable():
        return None
    return decoded.decode()
