"""Engine releases as data: the flags of each release of vLLM and the servers that take them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeGuard

from pydantic.alias_generators import to_camel

RELEASES = ("0.6.3",)
"""The releases that the catalogue knows."""


@dataclass(frozen=True)
class Flag:
    """A flag of the engine or of its server.

    `flag` stands alone, `value` takes one value, `list` takes one or more, `append` may be repeated and `bool` takes
    true or false.
    """

    name: str
    servers: tuple[str, ...]
    kind: Literal["flag", "value", "list", "append", "bool"]
    type: Literal["int", "float", "str", "json", "pairs"] | None = None
    choices: tuple[str | int, ...] = ()
    default: Any = None

    @property
    def option(self) -> str:
        """The flag as the command line has it: `--max-model-len`."""
        return f"--{self.name}"

    @property
    def key(self) -> str:
        """The flag as the stack file has it: `maxModelLen`."""
        return to_camel(self.name.replace("-", "_"))


@dataclass(frozen=True)
class Engine:
    """A release of vLLM: the module of each server and all flags by name."""

    release: str
    modules: Mapping[str, str]
    flags: Mapping[str, Flag]


@cache
def engine(release: str) -> Engine:
    """The facts of a release of `RELEASES`."""
    data = json.loads((Path(__file__).parent / "engines" / f"vllm-{release}.json").read_text(encoding="utf-8"))
    flags = (_flag(entry) for entry in data["flags"])
    return Engine(data["release"], data["modules"], {flag.name: flag for flag in flags})


def find_flag(text: str, release: str = RELEASES[-1]) -> Flag | None:
    """The flag that a text names, written with or without `--`, in any case, with `-`, `_` or neither."""
    return _by_plain_name(release).get(plain_name(text))


def flag_accepts(flag: Flag, value: Any) -> TypeGuard[bool | int | float | str | list[Any] | dict[str, Any]]:
    """Whether the release's parser takes this value for the flag."""
    if flag.kind in ("flag", "bool"):
        return isinstance(value, bool)
    if flag.kind in ("list", "append"):
        return isinstance(value, list) and bool(value) and all(_is_word(flag, item) for item in value)
    if flag.type == "json":
        return isinstance(value, dict | list)
    if flag.type == "pairs":
        return isinstance(value, dict) and all(type(item) is int for item in value.values())
    return _scalar_fits(flag, value)


def expected(flag: Flag) -> str:
    """What a flag takes, in words."""
    if flag.kind in ("flag", "bool"):
        return "true or false"
    if flag.choices:
        return f"one of {', '.join(map(str, flag.choices))}"
    words = {"int": "a whole number", "float": "a number", "str": "text", "json": "a mapping or list"}
    one = words.get(flag.type or "", "a mapping of names to whole numbers")
    return f"a list of {one}" if flag.kind in ("list", "append") else one


def _is_word(flag: Flag, item: Any) -> bool:
    """Whether a word of a list can be told from the next flag."""
    return _scalar_fits(flag, item) and not str(item).startswith("-")


def _scalar_fits(flag: Flag, value: Any) -> bool:
    if flag.choices and value not in flag.choices:
        return False
    if isinstance(value, bool):
        return False
    if flag.type == "int":
        return isinstance(value, int)
    return isinstance(value, int | float) if flag.type == "float" else isinstance(value, str) and "\0" not in value


@cache
def _by_plain_name(release: str) -> dict[str, Flag]:
    return {plain_name(name): flag for name, flag in engine(release).flags.items()}


def plain_name(text: str) -> str:
    """A name without what people vary in it: case, `-` and `_`."""
    return text.lower().replace("-", "").replace("_", "")


def _flag(entry: Mapping[str, Any]) -> Flag:
    return Flag(**{**entry, "servers": tuple(entry["servers"]), "choices": tuple(entry.get("choices", ()))})
