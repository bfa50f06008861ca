"""Engine releases as data: the flags of each release of vLLM and the servers that take them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

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
class Exclusion:
    """Two features that a release does not run together; `one` is what a finding points at first."""

    rule: str
    one: str
    other: str
    why: str


@dataclass(frozen=True)
class Limit:
    """What the engine asks of a flag's value once its parser has taken it."""

    flag: str
    why: str
    minimum: int | None = None
    choices: tuple[str | int, ...] = ()
    pattern: str | None = None
    """What every text in it matches, and that in `words`."""
    words: str = ""
    needs: str | None = None
    """Another flag that has to be given."""
    never: bool = False
    """Whether the engine refuses every value."""
    only_with: str | None = None
    """The feature or the flag without which the engine does not look at the value."""
    not_with: str | None = None
    """The flag with which it takes any value."""


@dataclass(frozen=True)
class Engine:
    """A release of vLLM: the module of each server, all flags by name, and the rules that are data."""

    release: str
    modules: Mapping[str, str]
    flags: Mapping[str, Flag]
    exclusions: tuple[Exclusion, ...]
    limits: tuple[Limit, ...]
    architectures: tuple[str, ...]
    """Kinds of models, as config.json's `model_type`, that the release can load."""
    no_lora: tuple[str, ...]
    """Kinds of models that take no LoRA adapters."""
    integer_variables: tuple[str, ...]
    """Environment variables that are read as whole numbers."""
    remote_code: tuple[str, ...]
    """Kinds of models whose configuration or tokenizer is Python code beside the weights."""
    no_pipeline_parallelism: tuple[str, ...]
    """Kinds of models whose layers cannot be divided into stages."""


@cache
def engine(release: str) -> Engine:
    """The facts of a release of `RELEASES`."""
    data = json.loads((Path(__file__).parent / "ascend_vllm" / f"vllm-{release}.json").read_text(encoding="utf-8"))
    flags = (_flag(entry) for entry in data["flags"])
    return Engine(
        release=data["release"],
        modules=data["modules"],
        flags={flag.name: flag for flag in flags},
        exclusions=tuple(Exclusion(**entry) for entry in data["exclusions"]),
        limits=tuple(Limit(**entry) for entry in data["limits"]),
        architectures=tuple(data["architectures"]),
        no_lora=tuple(data["no_lora"]),
        integer_variables=tuple(data["integer_variables"]),
        remote_code=tuple(data["remote_code"]),
        no_pipeline_parallelism=tuple(data["no_pipeline_parallelism"]),
    )


def find_flag(text: str, release: str = RELEASES[-1]) -> Flag | None:
    """The flag that a text names, written with or without `--`, in any case, with `-`, `_` or neither."""
    return _by_plain_name(release).get(plain_name(text))


def flag_accepts(flag: Flag, value: Any) -> bool:
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
