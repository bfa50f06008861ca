"""Passwords in commands, such as `curl -u user:…` and `mysql -p…`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from models.credentials.command_forms import FORMS, LITERAL, LITERALS_OF_SECRET
from models.credentials.tokens import Range


@lru_cache(maxsize=256)
def command_ranges(text: str) -> tuple[Range, ...]:
    """The parts of a text that are passwords in a command."""
    return tuple(_command_ranges(text))


def _command_ranges(text: str) -> Iterator[Range]:
    for part, form in FORMS:
        if part in text:
            for match in form.finditer(text):
                yield match.span(form.groups)
    if "--from-literal" in text:
        for command in LITERALS_OF_SECRET.finditer(text):
            for literal in LITERAL.finditer(text, *command.span()):
                yield literal.span(1)
