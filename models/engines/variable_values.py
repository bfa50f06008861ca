"""The texts that an engine can read from an environment variable."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Literal

SWITCH_WORDS = MappingProxyType(
    {"false": 0, "no": 0, "off": 0, "on": 1, "true": 1, "yes": 1}
)
"""Words that a user writes to switch something off or on, with the number that they mean."""

_MEANS_ON = {"1", *(word for word, number in SWITCH_WORDS.items() if number)}

_SIMILAR = 0.7
"""How similar a text and a choice are, from 0 to 1, if one is meant to be the other."""


@dataclass(frozen=True)
class VariableValues:
    """The values of one variable."""

    kind: Literal["integer", "number", "json", "choice", "choices", "switch"]
    """`choices` is a list with commas. A `switch` is on with one of its choices, and off with every other text."""
    where: str
    """File and line that read the text."""
    choices: tuple[str, ...] = ()
    ignores_case: bool = False
    unless: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Variables that make the engine ignore this one, with the value that does not."""

    def refused(self, text: str) -> str | None:
        """The part of a text that the engine stops with, or None if it can read the text."""
        if self.kind == "choice":
            return None if self._is_choice(text) else text
        if self.kind == "choices":
            words = [word.strip() for word in text.split(",")]
            unknown = [word for word in words if word and not self._is_choice(word)]
            return unknown[0] if unknown else None
        if self.kind == "switch":
            return None
        return None if _converts(self.kind, text) else text

    def is_missed(self, text: str) -> bool:
        """Whether a text is meant to switch the variable on, and the engine reads it as off."""
        word = text.strip()
        if self.kind != "switch" or self._is_choice(word):
            return False
        return word.lower() in _MEANS_ON

    def is_read(self, variables: Mapping[str, str]) -> bool:
        """Whether the engine reads the variable next to the others of a service."""
        return all(
            variables.get(name, value) == value for name, value in self.unless.items()
        )

    def nearest(self, text: str) -> str | None:
        """The choice that a text probably means."""
        by_word = {choice.lower(): choice for choice in self.choices}
        word = text.strip().lower()
        for choice in sorted(by_word, key=len, reverse=True):
            if word and (choice.startswith(word) or word.startswith(choice)):
                return by_word[choice]
        close = get_close_matches(word, by_word, n=1, cutoff=_SIMILAR)
        return by_word[close[0]] if close else None

    def _is_choice(self, text: str) -> bool:
        if self.ignores_case:
            return text.lower() in {choice.lower() for choice in self.choices}
        return text in self.choices


def variable_values(table: Mapping[str, Any]) -> dict[str, VariableValues]:
    """The values of all variables in the table of a release, by name."""
    values = {}
    for name, entry in table.items():
        values[name] = VariableValues(
            kind=entry["kind"],
            where=entry["where"],
            choices=tuple(entry.get("choices", ())),
            ignores_case=entry.get("ignores_case", False),
            unless=entry.get("unless", {}),
        )
    return values


def _converts(kind: str, text: str) -> bool:
    """Whether Python converts a text."""
    convert: Any = {"integer": int, "number": float, "json": json.loads}[kind]
    try:
        convert(text)
    except ValueError:
        return False
    return True
