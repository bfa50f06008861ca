"""From the words of a command line to flags with typed values, as vLLM's parser reads them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from convert.note import Note, assumed, dropped
from convert.scope import PLACEHOLDER
from convert.secret import advice
from convert.start import Argument
from models.credentials import is_certain
from models.engines.flags import Flag
from models.engines.releases import DEFAULT_VERSION, release

_SHORT = {"-tp": "tensor-parallel-size", "-pp": "pipeline-parallel-size", "-q": "quantization"}
_SIGN = re.compile(r"([^=＝]*)([=＝])(.*)", re.DOTALL)
_DASHES = re.compile(r"^(-{1,2}|[–—]{1,2}-?)(?=[A-Za-z])")


@dataclass
class Flags:
    """The flags of a command line: their values by name, and the lines that they stand on."""

    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)


def read_flags(arguments: Sequence[Argument], server: str, file: str = "") -> Flags:
    """Read a command line of vLLM's.

    Args:
        arguments: The words after the module.
        server: The kind of server that is started.
        file: Where they stand, for the notes.
    """
    read = Flags()
    for option in _options(arguments):
        _take(read, option, _flag(option.name, server), file)
    return read


@dataclass
class _Option:
    """An option as it is written, with the words up to the next one."""

    name: str
    values: list[str]
    line: int
    odd: bool = False
    """Whether its dash or its sign is none that vLLM reads."""


def _options(arguments: Sequence[Argument]) -> Iterator[_Option]:
    """Each option with the words up to the next one; `--name=value` begins with the value."""
    option = _Option("", [], 0)
    for word in arguments:
        found = _SIGN.match(word.text)
        name, sign, value = found.groups() if found else (word.text, "", "")
        if _DASHES.match(name) and not re.search(r"\s", name):
            if option.name or option.values:
                yield option
            odd = sign == "＝" or not name.startswith("-")
            option = _Option(name, [value] if sign else [], word.line, odd)
        else:
            option = _Option(option.name, [*option.values, word.text], option.line or word.line, option.odd)
    if option.name or option.values:
        yield option


def _flag(option: str, server: str) -> Flag | None:
    """The flag that an option names, in full or by a beginning that no other has, with `-` or `_`."""
    flags = release(DEFAULT_VERSION).flags
    if option in _SHORT:
        return flags[_SHORT[option]]
    name = _DASHES.sub("", option).replace("_", "-").lower()
    if name == "config":
        return None
    known = [flag for flag in flags.values() if server in flag.servers]
    near = [flag for flag in known if flag.name.startswith(name)] if name else []
    return flags.get(name) or (near[0] if len(near) == 1 else None)


def _take(read: Flags, option: _Option, flag: Flag | None, file: str) -> None:
    """Take an option with its words into what is read."""
    line, values = option.line, option.values
    if flag is None:
        read.notes.append(_unknown(option, file))
        return
    if option.odd:
        why = "its dash or its sign is none that vLLM reads; taken as meant"
        read.notes.append(assumed(flag.option, why, file, line))
    if flag.name == "api-key" or any(map(is_certain, values)):
        read.notes.append(dropped(flag.option, advice(flag.option), file, line))
        return
    if flag.name in read.values and flag.kind != "append":
        read.notes.append(dropped(f"{flag.option} of line {read.lines[flag.name]}", "the last one counts", file, line))
    value, rest = _value(flag, values)
    if rest:
        read.notes.append(dropped(f"a word after {flag.option}", "vLLM's parser refuses it", file, line))
    before = read.values.get(flag.name) or []
    read.values[flag.name] = [*before, *value] if flag.kind == "append" and isinstance(value, list) else value
    read.lines[flag.name] = line


def _unknown(option: _Option, file: str) -> Note:
    """A note of what is no flag; of what stands there only the beginning that may be a name is shown."""
    if not option.name:
        return dropped("a word before the flags", "vLLM's parser refuses it", file, option.line)
    name = re.sub(r"[^a-z_-].*", "", _DASHES.sub("--", option.name), flags=re.DOTALL)[:40]
    why = "the flags of a file are not seen; write them into the script" if name == "--config" else _UNKNOWN
    return dropped(name if len(name) > 2 else "a flag", why, file, option.line)


_UNKNOWN = f"vLLM {DEFAULT_VERSION} has no such flag, and ends on it"


def _value(flag: Flag, words: list[str]) -> tuple[Any, list[str]]:
    """The typed value of a flag, and the words that are left over; what has another type stays text."""
    if flag.kind == "flag":
        return True, words
    if flag.kind == "bool":
        text = words[0].lower() if words else "true"
        return {"true": True, "false": False}.get(text, text), words[1:]
    if flag.kind == "list":
        return [typed(flag, word) for word in words], []
    if not words:
        return "", []
    return [typed(flag, words[0])] if flag.kind == "append" else typed(flag, words[0]), words[1:]


def typed(flag: Flag, text: str) -> Any:
    """The value that a text is for a flag; text where it is none of its type."""
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
    return int(number) if number.is_integer() and abs(number) < 1e15 else number


def _json(text: str) -> Any:
    value = json.loads(text)
    json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    return value


def _pairs(text: str) -> dict[str, int]:
    return {name: int(count) for name, _, count in (pair.partition("=") for pair in text.split(","))}


_TYPES: dict[str, Callable[[str], Any]] = {"int": int, "float": _number, "json": _json, "pairs": _pairs}
