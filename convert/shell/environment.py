"""The variables of a script while it is read, and those of them that the server gets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from convert.note import Notes, Place
from convert.placeholder import PLACEHOLDER, is_secret, placeholder_name
from convert.server_start import Argument, Setting
from convert.shell.arithmetic import value_of
from convert.shell.variables import (
    Scope,
    Value,
    assigned,
    assignment,
    expand,
    expand_one,
)
from convert.shell.words import Word

DECLARATIONS = ("export", "declare", "typeset", "local", "readonly", "unset")
"""Commands that declare variables."""

_NAME = re.compile(r"[A-Za-z_]\w*")
_QUOTED_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
"""The text of `export "NAME=value"`."""


@dataclass(frozen=True)
class Assigned:
    """A variable with its new value."""

    name: str
    value: Value
    place: Place


@dataclass(frozen=True)
class Snapshot:
    """The variables at a point of a script."""

    values: dict[str, Value]
    exported: dict[str, int]
    settings: dict[str, Setting]


class ShellEnvironment:
    """The variables of a script.

    Args:
        settings: The variables of the container.
        notes: Gets a note for each credential.
        set_values: The values of `--set` by name. They win over those of the script.
    """

    def __init__(
        self,
        settings: Mapping[str, Setting],
        notes: Notes,
        set_values: Mapping[str, str],
    ) -> None:
        self.settings = dict(settings)
        self.of_container = dict(settings)
        self.notes = notes
        self.set_values = set_values
        self.exports_all = False
        """Whether each variable that is set is exported: `set -a`."""
        self.scope = Scope()
        for name, text in set_values.items():
            self.scope.assign(name, text, line=0)
        for name, setting in settings.items():
            self.scope.assign(name, setting.text, setting.place.line)

    def expanded(self, words: Sequence[Word]) -> list[Argument]:
        """The words with the values of their variables."""
        arguments = []
        for word in words:
            texts = expand(word, self.scope)
            arguments += [Argument(text, word.line) for text in texts]
        return arguments

    def text(self, word: Word) -> str:
        """The text of a word as in double quotes."""
        return expand_one(word, self.scope)

    def number(self, expression: str) -> int | None:
        """The value of arithmetic, or None if only the running script knows it."""
        return value_of(expression, self._known_text)

    def _known_text(self, name: str) -> str | None:
        if name == "#" and name not in self.scope.values:
            return "0"
        return self.scope.text(name)

    def arguments(self) -> list[str]:
        """The arguments of the script or the function; empty if they are unknown."""
        values = self.scope.values.get("@", [])
        return [*values] if isinstance(values, list) else []

    def set_arguments(self, texts: Sequence[str]) -> None:
        """Set the arguments of a script or a function."""
        self.scope.set_arguments(texts)

    def set_options(self, words: Sequence[str]) -> None:
        """Read `set -a`, `set +a` and `set -- ARGUMENTS`; other options change nothing about the server."""
        if words[:1] == ["--"]:
            self.set_arguments(words[1:])
        for option, value in pairwise([*words, ""]):
            is_all = value == "allexport" or "a" in option.removeprefix(option[:1])
            is_option = option[:1] in ("-", "+") and not option.startswith("--")
            if is_option and is_all:
                self.exports_all = option.startswith("-")

    def assigned(self, word: Word, file: str) -> Assigned | None:
        """The variable that a word `NAME=value` sets; None for any other word."""
        found = assignment(word)
        if not found:
            return None
        value = assigned(found, self.scope)
        return Assigned(found.name, value, Place(file, word.line))

    def set(self, variable: Assigned, *, export: bool = False) -> None:
        """Set a variable; a variable that is exported already remains exported."""
        name = variable.name
        if variable.value == f"${{{name}}}" and name not in self.scope.values:
            return  # the manual's export NAME=${NAME} changes nothing
        value = self.set_values.get(name, variable.value)
        self.scope.assign(name, value, variable.place.line)
        is_exported = name in self.scope.exported or name in self.settings
        if export or is_exported or self.exports_all:
            self.export(name, variable.place)

    def export(self, name: str, place: Place) -> None:
        """Export a variable to the server, unless its value looks like a credential."""
        self.scope.exported[name] = place.line
        text = self.scope.text(name)
        is_known_secret = name in self.scope.secrets or is_secret(name, text or "")
        if is_known_secret or self._contains_secret(text or ""):
            self.settings.pop(name, None)
            self.notes.drop_credential(name, place)
        elif text is not None:
            self.settings[name] = Setting(text, place)

    def declare(self, words: Sequence[Word], file: str) -> None:
        """Read `export NAME=value`, `declare -x NAME`, `unset NAME` and the like."""
        declaration, *texts = (self.text(word) for word in words)
        options = [text for text in texts if text.startswith("-")]
        exports = declaration == "export" or any("x" in option for option in options)
        for word in words[1:]:
            name = self.text(word)
            variable = self.assigned(word, file)
            quoted = _QUOTED_ASSIGNMENT.fullmatch(name)
            if variable:
                self.set(variable, export=exports)
            elif quoted and declaration != "unset":
                place = Place(file, word.line)
                self.set(Assigned(quoted[1], quoted[2], place), export=exports)
            elif declaration == "unset" and not name.startswith("-"):
                self._unset(name)
            elif exports and _NAME.fullmatch(name):
                self.export(name, Place(file, word.line))

    def enter_container(self) -> None:
        """Forget the exports before `docker run`: the container does not get them."""
        self.settings = dict(self.of_container)
        self.scope.exported.clear()

    def snapshot(self) -> Snapshot:
        """The variables as they are now."""
        return Snapshot(
            values=dict(self.scope.values),
            exported=dict(self.scope.exported),
            settings=dict(self.settings),
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Return to the variables of a snapshot."""
        self.scope.values = snapshot.values
        self.scope.exported = snapshot.exported
        self.settings = snapshot.settings

    def _unset(self, name: str) -> None:
        self.scope.unset(name)
        self.settings.pop(name, None)

    def _contains_secret(self, text: str) -> bool:
        """Whether a text contains the placeholder of a variable whose value looks like a credential."""
        placeholders = PLACEHOLDER.findall(text)
        names = {placeholder_name(placeholder) for placeholder in placeholders}
        return not names.isdisjoint(self.scope.secrets)
