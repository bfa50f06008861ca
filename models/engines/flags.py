"""Flags of vLLM and of its servers: their types, the values they accept, and how they are written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from pydantic.alias_generators import to_camel

from models.engines.number_range import NumberRange

_MOST_NAMES = 20_000
"""Names that are remembered: as many keys as a stack file may have."""

_EXPECTED = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "json": "a mapping or list",
    "pairs": "a mapping of names to whole numbers",
}

_PLURALS = {"a number": "numbers", "a whole number": "whole numbers"}

_ANY_TEXT = "text"
"""The entry of `Flag.also` that stands for any text."""

_NOT_SET = ("None", "")
"""The words of the command line that mean null."""

_SUFFIXES = {
    "k": 10**3,
    "m": 10**6,
    "g": 10**9,
    "t": 10**12,
    "K": 2**10,
    "M": 2**20,
    "G": 2**30,
    "T": 2**40,
}
"""Factors of the suffixes of a number (vllm/utils/argparse_utils.py:29 of 0.23.0)."""

_WITH_SUFFIX = re.compile(r"(\d+)(\.\d+)?([kKmMgGtT])")


@dataclass(frozen=True)
class Flag:
    """A flag of the engine or of its server.

    The kind `flag` has no value, `value` takes one value, `list` takes one or more, `append` may be repeated and `bool`
    takes true or false.

    The fields from `aliases` on are those of releases later than 0.6.3.
    """

    name: str
    servers: tuple[str, ...]
    """Kinds of servers whose parser has the flag."""
    kind: Literal["flag", "value", "list", "append", "bool"]
    type: Literal["int", "float", "str", "json", "pairs"] | None = None
    choices: tuple[str | int, ...] = ()
    default: Any = None
    aliases: tuple[str, ...] = ()
    """Short forms: `-tp`."""
    negated: bool = False
    """Whether the parser also has `--no-NAME`. It turns a switch off that is on by default."""
    suffixes: bool = False
    """Whether a number may have a suffix: `4k` is 4000, `4K` is 4096."""
    also: tuple[str, ...] = ()
    """Further words that are accepted; `text` stands for any text."""
    null: bool = False
    """Whether null is accepted. It means that the flag is not set."""
    optional_value: bool = False
    """Whether the flag may be written without its value. True in the stack file means that."""
    config: str | None = None
    """The configuration whose fields the value has; see `json_fields.py`."""
    normalized: bool = False
    """Whether choices are compared in lower case and with `_` for `-`."""

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
    range: NumberRange | None = None
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


@lru_cache(maxsize=_MOST_NAMES)
def plain_name(text: str) -> str:
    """A name in lower case, without `-` and `_`: two spellings of one name have the same plain name."""
    return text.lower().replace("-", "").replace("_", "")


def suffixed_number(text: str) -> int | None:
    """The number that a text with a suffix stands for: 4000 for `4k`, 4096 for `4K`; None for any other text.

    The suffixes of powers of 1024 have no decimals.
    """
    match = _WITH_SUFFIX.fullmatch(text)
    if match is None:
        return None
    whole, decimals, suffix = match.groups()
    if decimals is None:
        return int(whole) * _SUFFIXES[suffix]
    if suffix.isupper():
        return None
    return int(float(whole + decimals) * _SUFFIXES[suffix])


def flag_accepts(flag: Flag, value: Any) -> bool:
    """Whether the release's parser accepts this value for the flag.

    The fields of a flag with a `config` are checked by `json_fields.field_problems`.
    """
    if _is_further_word(flag, value):
        return True
    if flag.kind in ("flag", "bool"):
        return isinstance(value, bool)
    if flag.kind in ("list", "append"):
        return (
            isinstance(value, list)
            and bool(value)
            and all(_is_word(flag, item) for item in value)
        )
    return _is_value(flag, value)


def _is_further_word(flag: Flag, value: Any) -> bool:
    """Whether a value is accepted whatever the type of the flag is."""
    if flag.kind != "value":
        return False
    if value is None:
        return flag.null
    if isinstance(value, bool):
        return flag.optional_value
    return isinstance(value, str) and _is_further_text(flag, value)


def _is_further_text(flag: Flag, text: str) -> bool:
    if text in flag.also or (flag.null and text in _NOT_SET):
        return True
    if _ANY_TEXT in flag.also and "\0" not in text:
        return True
    return flag.suffixes and suffixed_number(text) is not None


def _is_value(flag: Flag, value: Any) -> bool:
    """Whether a value has the type of the flag."""
    if flag.config:
        return isinstance(value, dict)
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
    if flag.choices and _normalized(flag, value) not in flag.choices:
        return False
    if isinstance(value, bool):
        return False
    if flag.type == "int":
        return isinstance(value, int)
    if flag.type == "float":
        return isinstance(value, int | float)
    return isinstance(value, str) and "\0" not in value


def _normalized(flag: Flag, value: Any) -> Any:
    """The form in which a value is compared with the choices."""
    if flag.normalized and isinstance(value, str):
        return value.lower().replace("-", "_")
    return value


def expected(flag: Flag) -> str:
    """The values that a flag accepts, in words."""
    alternatives = [_expected_value(flag)]
    if flag.suffixes:
        alternatives.append("text such as 4k (4000) or 4K (4096)")
    alternatives.extend(flag.also)
    if flag.optional_value:
        alternatives.append("true")
    if flag.null and flag.kind == "value":
        alternatives.append("null")
    return " or ".join(alternatives)


def _expected_value(flag: Flag) -> str:
    if flag.kind in ("flag", "bool"):
        return "true or false"
    if flag.choices:
        return f"one of {', '.join(map(str, flag.choices))}"
    if flag.config:
        return "a mapping"
    words = _EXPECTED.get(flag.type or "", _EXPECTED["pairs"])
    if flag.kind in ("list", "append"):
        return f"a list of {_PLURALS.get(words, words)}"
    return words


def flag_words(flag: Flag, value: Any) -> Iterator[str]:
    """The words of the command line that give a flag this value."""
    if value is None:
        yield f"{flag.option}=None"
    elif flag.kind == "flag":
        if value:
            yield flag.option
        elif flag.negated:
            yield f"--no-{flag.name}"
    elif flag.optional_value and isinstance(value, bool):
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
    if flag.type == "json" and not isinstance(value, str):
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
        aliases=tuple(entry.get("aliases", ())),
        negated=entry.get("negated", False),
        suffixes=entry.get("suffixes", False),
        also=tuple(entry.get("also", ())),
        null=entry.get("null", False),
        optional_value=entry.get("optional_value", False),
        config=entry.get("config"),
        normalized=entry.get("normalized", False),
    )
