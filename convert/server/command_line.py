"""Reads the command line of a server into flags with typed values, as vLLM's parser does."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from convert.note import Note, Notes, Place, dropped
from convert.server.flag_values import field_value, flag_value, with_field
from convert.server_start import Argument
from models.credentials import is_credential
from models.engines.flags import Flag
from models.engines.release import Release

_SHORT = {
    "-tp": "tensor-parallel-size",
    "-pp": "pipeline-parallel-size",
    "-q": "quantization",
}
_SIGN = re.compile(r"([^=＝]*)([=＝])(.*)", re.DOTALL)
_DASHES = re.compile(r"^(-{1,2}|[–—]{1,2}-?)(?=[A-Za-z])")
_LEVEL = re.compile(r"-O(\d)")
"""The short form of `--optimization-level` with its value."""
_AFTER_NAME = re.compile(r"[^a-z_-].*", re.DOTALL)
_WHITESPACE = re.compile(r"\s")
_REFUSED = "vLLM's parser refuses it"
_OUTPUT = re.compile(r"\$\{output(-of-[\w-]+)?\}")
"""The placeholder of the output of a command."""
OUTPUT_AFTER = "the output of a command after"
"""How the note about such a word begins."""


@dataclass
class Flags:
    """The flags of a command line."""

    values: dict[str, Any] = field(default_factory=dict)
    """The values by name. A value that has not the flag's type remains text."""
    places: dict[str, Place] = field(default_factory=dict)
    """The line of each flag."""
    notes: Notes = field(default_factory=Notes)
    unknown: int = 0
    """How many options the release does not have."""
    loose_model: str = ""
    """A word that no flag takes: the model of `vllm serve --port 8000 MODEL`."""


def read_flags(
    arguments: Sequence[Argument],
    server: str,
    file: str,
    engine: Release,
) -> Flags:
    """Read a command line of vLLM.

    Args:
        arguments: The words after the module, or after `vllm serve`.
        server: The kind of server: `openai` or `api_server`.
        file: The file of the command line, for the notes.
        engine: The release whose parser reads it.
    """
    flags = Flags()
    for option in _options(arguments):
        place = Place(option.file or file, option.line)
        flag = _find_flag(option, server, engine)
        if flag is None:
            flags.unknown += 1
            flags.notes.append(_unknown(option, place, engine))
            continue
        if option.mistyped:
            why = "vLLM does not read its dash or its equals sign; convert reads it as meant"
            flags.notes.assume(flag.option, why, place)
        if option.is_false:
            _add_false(flags, flag, place)
        elif _is_secret(flag, option):
            flags.notes.drop_credential(flag.option, place)
        else:
            _add(flags, flag, option, place)
    _take_loose_model(flags, file)
    return flags


def _add_false(flags: Flags, flag: Flag, place: Place) -> None:
    """Add an option of a file whose value is false. A switch that is off anyway remains as it is."""
    if flag.negated or flag.kind == "bool":
        why = "releases before 0.30.0 ignore false in a file of options; convert reads it as meant"
        flags.notes.assume(flag.option, why, place)
        flags.values[flag.name] = False
        flags.places[flag.name] = place


def _take_loose_model(flags: Flags, file: str) -> None:
    """Take the word between the flags as the model, if no flag names one."""
    word = flags.loose_model
    if not word:
        return
    if "model" in flags.values:
        flags.notes.drop("a word between the flags", _REFUSED, Place(file))
        return
    flags.values["model"] = word
    flags.notes.assume(
        "the model", "it is the word that no flag takes, as in vllm serve", Place(file)
    )


@dataclass
class _Option:
    """An option as the script has it, with the words up to the next option."""

    name: str
    line: int
    values: list[str] = field(default_factory=list)
    mistyped: bool = False
    """Whether it has a dash or an equals sign that vLLM does not read, such as `–` or `＝`."""
    fields: tuple[str, ...] = ()
    """The path of one field of a JSON flag: `cudagraph_mode` of `--compilation-config.cudagraph_mode`."""
    negated: bool = False
    """Whether it is written as `--no-NAME`."""
    file: str = ""
    """Its file; empty for that of the command."""
    is_false: bool = False
    """Whether it is an option of a file whose value is false."""


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
    level = _LEVEL.fullmatch(word.text)
    if level:
        return _Option("--optimization-level", word.line, [level[1]])
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
    name, *fields = name.split(".")
    return _Option(
        name=name,
        line=word.line,
        values=values,
        mistyped=mistyped,
        fields=tuple(fields),
        file=word.file,
        is_false=word.is_false,
    )


def _find_flag(
    option: _Option,
    server: str,
    engine: Release,
) -> Flag | None:
    """The flag that an option names, in full or by a unique beginning, with `-` or `_`."""
    short = _short_flag(option.name, engine)
    if short:
        return short
    name = _DASHES.sub("", option.name).replace("_", "-").lower()
    if not name:
        return None
    if name in engine.flags:
        return engine.flags[name]
    positive = engine.flags.get(name.removeprefix("no-"))
    if positive and positive.negated and name.startswith("no-"):
        option.negated = True
        return positive
    return _only_flag_with(name, server, engine)


def _short_flag(name: str, engine: Release) -> Flag | None:
    """The flag with a short form such as `-tp`."""
    if name in _SHORT:
        return engine.flags[_SHORT[name]]
    for flag in engine.flags.values():
        if name in flag.aliases:
            return flag
    return None


def _only_flag_with(
    beginning: str,
    server: str,
    engine: Release,
) -> Flag | None:
    """The only flag of a server that begins with a text; None if several do."""
    candidates = []
    for flag in engine.flags.values():
        if server in flag.servers and flag.name.startswith(beginning):
            candidates.append(flag)
    if len(candidates) != 1:
        return None
    return candidates[0]


def _is_secret(flag: Flag, option: _Option) -> bool:
    if flag.name == "api-key":
        return True
    return any(is_credential(flag.name, value) for value in option.values)


def _unknown(
    option: _Option,
    place: Place,
    engine: Release,
) -> Note:
    """A note about an unknown option. It shows only letters at the beginning, since the rest may be a credential."""
    if not option.name:
        return dropped("a word before the flags", _REFUSED, place)
    written = _DASHES.sub("--", option.name)
    name = _AFTER_NAME.sub("", written)[:40]
    why = f"vLLM {engine.version} does not have this flag and exits at start"
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
    if option.fields and flag.type == "json":
        _add_field(flags, flag, option, place)
        return
    repeats = flag.name in flags.values and flag.kind != "append"
    if repeats:
        what = f"{flag.option} of line {flags.places[flag.name].line}"
        flags.notes.drop(what, "the last value counts", place)
    found = flag_value(flag, option.values)
    value = found.value
    if option.negated:
        value = False
    surplus = found.surplus
    if surplus and "/" in surplus[0] and not flags.loose_model:
        flags.loose_model = surplus.pop(0)
    if surplus and all(_OUTPUT.fullmatch(word) for word in surplus):
        why = "only the running script knows it"
        flags.notes.drop(f"{OUTPUT_AFTER} {flag.option}", why, place)
    elif surplus:
        flags.notes.drop(f"a word after {flag.option}", _REFUSED, place)
    if flag.kind == "append" and isinstance(value, list):
        before = flags.values.get(flag.name) or []
        value = [*before, *value]
    flags.values[flag.name] = value
    flags.places[flag.name] = place


def _add_field(
    flags: Flags,
    flag: Flag,
    option: _Option,
    place: Place,
) -> None:
    """Add one field of a JSON flag: `--limit-mm-per-prompt.image 1`."""
    value = field_value(option.values)
    before = flags.values.get(flag.name)
    flags.values[flag.name] = with_field(before, option.fields, value)
    flags.places[flag.name] = place
