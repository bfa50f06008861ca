"""Flags of vLLM and of its servers: their types, the values they accept, and how they are written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic.alias_generators import to_camel

_EXPECTED = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "json": "a mapping or list",
    "pairs": "a mapping of names to whole numbers",
}


@dataclass(frozen=True)
class Flag:
    """A flag of the engine or of its server.

    The kind `flag` has no value, `value` takes one value, `list` takes one or more, `append` may be repeated and `bool`
    takes true or false.
    """

    name: str
    servers: tuple[str, ...]
    """Kinds of servers whose parser has the flag."""
    kind: Literal["flag", "value", "list", "append", "bool"]
    type: Literal["int", "float", "str", "json", "pairs"] | None = None
    choices: tuple[str | int, ...] = ()
    default: Any = None

    @property
    def option(self) -> str:
        """The flag on the command line: `--max-model-len`."""
        return f"--{self.name}"

    @property
    def key(self) -> str:
        """The flag in the stack file: `maxModelLen`."""
        return to_camel(self.name.replace("-", "_"))


@dataclass(frozen=True)
class Limit:
    """A limit on a flag's value that the engine checks after its parser has accepted the value."""

    flag: str
    why: str
    minimum: int | None = None
    choices: tuple[str | int, ...] = ()
    pattern: str | None = None
    """A regular expression that each text of the value matches; `words` says it in words."""
    words: str = ""
    needs: str | None = None
    """Another flag that must be set as well."""
    never: bool = False
    """Whether the engine refuses every value."""
    only_with: str | None = None
    """The feature or the flag without which the engine ignores the value."""
    not_with: str | None = None
    """The flag with which the engine accepts any value."""
    instead: str = ""
    """The key under `extraArgs` of the flag that replaces this one."""


def plain_name(text: str) -> str:
    """A name in lower case, without `-` and `_`: two spellings of one name have the same plain name."""
    return text.lower().replace("-", "").replace("_", "")


def flag_accepts(flag: Flag, value: Any) -> bool:
    """Whether the release's parser accepts this value for the flag."""
    if flag.kind in ("flag", "bool"):
        return isinstance(value, bool)
    if flag.kind in ("list", "append"):
        return (
            isinstance(value, list)
            and bool(value)
            and all(_is_word(flag, item) for item in value)
        )
    if flag.type == "json":
        return isinstance(value, dict | list)
    if flag.type == "pairs":
        return isinstance(value, dict) and all(
            type(item) is int for item in value.values()
        )
    return _is_scalar(flag, value)


def _is_word(flag: Flag, item: Any) -> bool:
    """Whether an item of a list cannot be mistaken for the next flag."""
    return _is_scalar(flag, item) and not str(item).startswith("-")


def _is_scalar(flag: Flag, value: Any) -> bool:
    if flag.choices and value not in flag.choices:
        return False
    if isinstance(value, bool):
        return False
    if flag.type == "int":
        return isinstance(value, int)
    if flag.type == "float":
        return isinstance(value, int | float)
    return isinstance(value, str) and "\0" not in value


def expected(flag: Flag) -> str:
    """The values that a flag accepts, in words."""
    if flag.kind in ("flag", "bool"):
        return "true or false"
    if flag.choices:
        return f"one of {', '.join(map(str, flag.choices))}"
    words = _EXPECTED.get(flag.type or "", _EXPECTED["pairs"])
    if flag.kind in ("list", "append"):
        return f"a list of {words}"
    return words


def flag_words(flag: Flag, value: Any) -> Iterator[str]:
    """The words of the command line that give a flag this value."""
    if flag.kind == "flag":
        if value:
            yield flag.option
    elif flag.kind == "list":
        yield flag.option
        yield from map(str, value)
    elif flag.kind == "append":
        for item in value:
            yield f"{flag.option}={item}"
    else:
        yield f"{flag.option}={_text(flag, value)}"


def _text(flag: Flag, value: Any) -> str:
    if flag.kind == "bool":
        return "true" if value else "false"
    if flag.type == "json":
        return json.dumps(value, ensure_ascii=False)
    if flag.type == "pairs":
        return ",".join(f"{name}={count}" for name, count in value.items())
    return str(value)


def flag_from_json(entry: Mapping[str, Any]) -> Flag:
    """A flag from its entry in a table of flags."""
    return Flag(
        name=entry["name"],
        servers=tuple(entry["servers"]),
        kind=entry["kind"],
        type=entry.get("type"),
        choices=tuple(entry.get("choices", ())),
        default=entry.get("default"),
    )
