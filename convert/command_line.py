"""Reads the command line of a server into flags with typed values, as vLLM's parser does."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from convert.note import Note, Notes, Place, dropped
from convert.placeholder import PLACEHOLDER
from convert.server_start import Argument
from models.credentials import is_certain
from models.engines.flags import Flag
from models.engines.releases import DEFAULT_VERSION, release

_SHORT = {
    "-tp": "tensor-parallel-size",
    "-pp": "pipeline-parallel-size",
    "-q": "quantization",
}
_SIGN = re.compile(r"([^=＝]*)([=＝])(.*)", re.DOTALL)
_DASHES = re.compile(r"^(-{1,2}|[–—]{1,2}-?)(?=[A-Za-z])")
_AFTER_NAME = re.compile(r"[^a-z_-].*", re.DOTALL)
_WHITESPACE = re.compile(r"\s")
_REFUSED = "vLLM's parser refuses it"


@dataclass
class Flags:
    """The flags of a command line."""

    values: dict[str, Any] = field(default_factory=dict)
    """The values by name. A value that has not the flag's type remains text."""
    lines: dict[str, int] = field(default_factory=dict)
    """The line of each flag."""
    notes: Notes = field(default_factory=Notes)


def read_flags(
    arguments: Sequence[Argument],
    server: str,
    file: str = "",
) -> Flags:
    """Read a command line of vLLM.

    Args:
        arguments: The words after the module.
        server: The kind of server: `openai` or `api_server`.
        file: The file of the command line, for the notes.
    """
    flags = Flags()
    for option in _options(arguments):
        place = Place(file, option.line)
        flag = _find_flag(option.name, server)
        if flag is None:
            flags.notes.append(_unknown(option, place))
            continue
        if option.mistyped:
            why = "vLLM does not read its dash or its equals sign; convert reads it as meant"
            flags.notes.assume(flag.option, why, place)
        if _is_secret(flag, option):
            flags.notes.drop_credential(flag.option, place)
        else:
            _add(flags, flag, option, place)
    return flags


@dataclass
class _Option:
    """An option as it is written, with the words up to the next option."""

    name: str
    line: int
    values: list[str] = field(default_factory=list)
    mistyped: bool = False
    """Whether it has a dash or an equals sign that vLLM does not read, such as `–` or `＝`."""


def _options(arguments: Sequence[Argument]) -> Iterator[_Option]:
    """The options of a command line; words before the first option form one without a name."""
    option = _Option("", 0)
    for word in arguments:
        next_option = _option(word)
        if next_option:
            if option.name or option.values:
                yield option
            option = next_option
        else:
            option.values.append(word.text)
            option.line = option.line or word.line
    if option.name or option.values:
        yield option


def _option(word: Argument) -> _Option | None:
    """The option that a word begins, or None for a value."""
    name = word.text
    values = []
    sign = ""
    found = _SIGN.match(word.text)
    if found:
        name, sign, value = found.groups()
        values.append(value)
    if not _DASHES.match(name) or _WHITESPACE.search(name):
        return None
    mistyped = sign == "＝" or not name.startswith("-")
    return _Option(name, word.line, values, mistyped)


def _find_flag(option: str, server: str) -> Flag | None:
    """The flag that an option names, in full or by a unique beginning, with `-` or `_`."""
    flags = release(DEFAULT_VERSION).flags
    if option in _SHORT:
        return flags[_SHORT[option]]
    name = _DASHES.sub("", option).replace("_", "-").lower()
    if name in ("", "config"):
        return None
    if name in flags:
        return flags[name]
    of_server = [flag for flag in flags.values() if server in flag.servers]
    candidates = [flag for flag in of_server if flag.name.startswith(name)]
    if len(candidates) != 1:
        return None
    return candidates[0]


def _is_secret(flag: Flag, option: _Option) -> bool:
    if flag.name == "api-key":
        return True
    return any(is_certain(value) for value in option.values)


def _unknown(option: _Option, place: Place) -> Note:
    """A note about an unknown option. It shows only letters at the beginning, since the rest may be a credential."""
    if not option.name:
        return dropped("a word before the flags", _REFUSED, place)
    written = _DASHES.sub("--", option.name)
    name = _AFTER_NAME.sub("", written)[:40]
    if name == "--config":
        why = "convert does not read flags from a file: write them into the script"
    else:
        why = f"vLLM {DEFAULT_VERSION} does not have this flag and exits at start"
    if len(name) <= 2:
        name = "a flag"
    return dropped(name, why, place)


def _add(
    flags: Flags,
    flag: Flag,
    option: _Option,
    place: Place,
) -> None:
    """Add a flag with the value of an option."""
    repeats = flag.name in flags.values and flag.kind != "append"
    if repeats:
        what = f"{flag.option} of line {flags.lines[flag.name]}"
        flags.notes.drop(what, "the last value counts", place)
    value, surplus = _value(flag, option.values)
    if surplus:
        flags.notes.drop(f"a word after {flag.option}", _REFUSED, place)
    if flag.kind == "append" and isinstance(value, list):
        before = flags.values.get(flag.name) or []
        value = [*before, *value]
    flags.values[flag.name] = value
    flags.lines[flag.name] = option.line


def _value(flag: Flag, words: list[str]) -> tuple[Any, list[str]]:
    """The value of a flag, and the words that the flag does not take."""
    if flag.kind == "flag":
        return True, words
    if flag.kind == "list":
        return [_typed(flag, word) for word in words], []
    if flag.kind == "bool":
        return _boolean(words), words[1:]
    if not words:
        return "", []
    value = _typed(flag, words[0])
    if flag.kind == "append":
        value = [value]
    return value, words[1:]


def _boolean(words: Sequence[str]) -> bool | str:
    if not words:
        return True
    text = words[0].lower()
    return {"true": True, "false": False}.get(text, text)


def _typed(flag: Flag, text: str) -> Any:
    """The value of a text for a flag; the text if it has another type."""
    read = _TYPES.get(flag.type or "")
    if not read or PLACEHOLDER.search(text):
        return text
    try:
        return read(text)
    except (ValueError, OverflowError, RecursionError):
        return text


def _number(text: str) -> int | float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    if number.is_integer() and abs(number) < 1e15:
        return int(number)
    return number


def _json(text: str) -> Any:
    value = json.loads(text)
    json.dumps(
        value, ensure_ascii=False, allow_nan=False
    ).encode()  # raises ValueError if it cannot be written
    return value


def _pairs(text: str) -> dict[str, int]:
    counts = {}
    for pair in text.split(","):
        name, _, count = pair.partition("=")
        counts[name] = int(count)
    return counts


_TYPES: dict[str, Callable[[str], Any]] = {
    "int": int,
    "float": _number,
    "json": _json,
    "pairs": _pairs,
}
