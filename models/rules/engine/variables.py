"""Rules on the environment variables of a service."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from models.credentials import holds_hidden, is_hidden
from models.engines.edits import is_written
from models.engines.variable_values import SWITCH_WORDS, VariableValues
from models.finding import Finding, Mark, at, error, no_effect
from models.rules.registry import rule
from models.secret_reference import CreatedSecret, NamespaceSecret
from models.service.resolved import ResolvedService
from models.stack_file.shell_text import shell_part, value_without_shell
from models.yaml_scalar import as_yaml

_NOT_OF_THE_LAUNCH = (
    "accept",
    "compare",
    "env",
    "expose",
    "monitoring",
    "network",
    "podTemplate",
    "server.chatTemplate.inline",
)
"""Keys whose values are not quoted in the launch script, or that the rule judges otherwise."""

_WHOLE_NUMBER = re.compile(r"\s*(-?\d+)\s*")
_WHOLE_FLOAT = re.compile(r"\s*(-?\d+)\.0*\s*")


@rule("error")
def variable_with_key(service: ResolvedService) -> Iterator[Finding]:
    """A variable that a key of the stack file sets is not set under `env`.

    The rules read the key only, and would miss the variable. Variables of a feature may be set under `env` while the
    feature is off.
    """
    owners = service.release.variables_of_keys(service)
    for name in service.configured_env:
        if name in owners:
            yield error(
                f"{name} is set by the key {owners[name]}",
                why="the rules read the key and would miss the variable, so a wrong value would stop the server",
                fix=_move(service, name, owners[name]),
                marks=[at("env", key=name)],
            )


@rule("error")
def shell_text(service: ResolvedService) -> Iterator[Finding]:
    """No value contains text that only a shell expands, such as `$POD_IP` or `$(hostname -i)`.

    The launch script quotes every value, so the process gets the text itself. With `/opt/lib:$LD_LIBRARY_PATH`, the
    loader does not find CANN. `env` has forms for fields of the pod and for paths added to a variable of the image.
    """
    for name, value in service.env.items():
        part = shell_part(value)
        if part and not is_hidden(("env", name), value):
            yield _shell_text(
                f"env.{name}", part, _typed(name, value), at("env", key=name)
            )
    for field, origin in service.origins.items():
        if field.startswith(_NOT_OF_THE_LAUNCH) or not is_written(service, field):
            continue
        part = shell_part(origin.value)
        if part is None or holds_hidden(tuple(field.split(".")), origin.value):
            continue
        if not (isinstance(origin.value, str) and part.startswith("${")):
            yield _shell_text(field, part, f"remove {field}", at(field))


def _shell_text(field: str, part: str, fix: str, mark: Mark) -> Finding:
    return error(
        f"{field} contains the shell text {part}",
        why="every value is quoted, so nothing expands it: the process gets the text itself",
        fix=f"{fix}, or replace it with the value itself",
        marks=[mark],
    )


def _typed(name: str, text: str) -> str:
    """The edit that writes a value with shell text in a form of the stack file."""
    value = value_without_shell(name, text)
    if value is None:
        return f"remove env.{name}"
    return f"write env.{name}: {as_yaml(value)}"


def _move(service: ResolvedService, name: str, owner: str) -> str:
    """The edit that moves a variable to its key, if the key is free and has a form of the value."""
    remove = f"remove env.{name}"
    key = owner.partition(":")[0]
    if is_written(service, key):
        return remove
    if name == "VLLM_API_KEY" and name in service.secret_env:
        reference = _reference(service.secret_env[name])
        return f"{remove} and write server.apiKey: {as_yaml(reference)}"
    convert = _CONVERSIONS.get(owner)
    value = convert(service.env[name]) if convert and name in service.env else None
    if value is None:
        return f"{remove}, and use {owner}"
    return f"{remove} and write {key}: {as_yaml(value)}"


def _reference(secret: NamespaceSecret) -> dict[str, str]:
    """The reference to a Secret, as the stack file has it."""
    if isinstance(secret, CreatedSecret):
        return {"config": secret.config}
    return {"secret": secret.secret, "key": secret.key}


def _indices(text: str) -> list[int] | None:
    parts = text.split(",")
    if not all(part.strip().isdecimal() for part in parts):
        return None
    return [int(part) for part in parts]


def _switch(text: str) -> bool | None:
    return {"0": False, "1": True}.get(text.strip())


def _seconds(text: str) -> str | None:
    match = _WHOLE_NUMBER.fullmatch(text)
    return f"{match[1]}s" if match else None


_CONVERSIONS: dict[str, Callable[[str], Any]] = {
    "visibleDevices": _indices,
    "prefixCaching": _switch,
    "precision.prefill": _switch,
    "precision.decode": _switch,
    "graph.iterationTimeout": _seconds,
    "multimodal.imageFetchTimeout": _seconds,
    "multimodal.iterationTimeout": _seconds,
}
"""The value of a key for the text of its variable; None if the key cannot express the text."""


@rule("error")
def variable_value(service: ResolvedService) -> Iterator[Finding]:
    """The engine can read the value of a variable: a number, or one of its choices.

    It exits when it reads any other text. Current releases of vLLM read every variable that they declare at start.
    """
    for name, value in service.env.items():
        values = service.release.variable_values.get(name)
        if values is None or not values.is_read(service.env):
            continue
        refused = values.refused(value)
        if refused is None:
            continue
        yield error(
            _value_message(name, values, refused),
            why=_value_reason(service, values),
            fix=_value_edit(name, value, refused, values),
            marks=[at("env", key=name)],
        )


@rule("no-effect")
def switch_word(service: ResolvedService) -> Iterator[Finding]:
    """A variable that switches something on has a word that the engine reads as on.

    The engine compares the text with one or two words, such as `1` and `true`. It reads every other text as off, and
    reports nothing.
    """
    for name, value in service.env.items():
        values = service.release.variable_values.get(name)
        if values is None or not values.is_missed(value):
            continue
        choice = as_yaml(values.choices[-1])
        yield no_effect(
            f"vLLM {service.release.version} reads {name} {value!r} as off",
            why=f"only {_listed(values)} switches it on ({values.where})",
            fix=f"write env.{name}: {choice}",
            marks=[at("env", key=name)],
        )


def _value_message(name: str, values: VariableValues, refused: str) -> str:
    if values.kind == "integer":
        return f"{name} must be a whole number, not {refused!r}"
    if values.kind == "number":
        return f"{name} must be a number, not {refused!r}"
    if values.kind == "json":
        return f"{name} must be JSON, not {refused!r}"
    return f"{name} must be {_listed(values)}, not {refused!r}"


def _listed(values: VariableValues) -> str:
    """The choices in words: `fork or spawn`."""
    *others, last = values.choices
    if not others:
        return last
    return f"{', '.join(others)} or {last}"


def _value_reason(service: ResolvedService, values: VariableValues) -> str:
    if values.choices:
        version = service.release.version
        return f"vLLM {version} exits with another text ({values.where})"
    if values.kind == "json":
        return f"vLLM reads the text as JSON, and exits if it cannot ({values.where})"
    return (
        f"vLLM converts the text to a number, and exits if it cannot ({values.where})"
    )


def _value_edit(name: str, value: str, refused: str, values: VariableValues) -> str:
    """The edit that writes the value that the text means, or removes the variable."""
    if values.kind == "integer":
        return _number_edit(name, value)
    nearest = values.nearest(refused)
    if nearest is None:
        return f"remove env.{name}"
    return f"write env.{name}: {as_yaml(value.replace(refused, nearest))}"


def _number_edit(name: str, value: str) -> str:
    match = _WHOLE_FLOAT.fullmatch(value)
    if match:
        return f'write env.{name}: "{match[1]}"'
    word = value.strip().lower()
    if word in SWITCH_WORDS:
        return f'write env.{name}: "{SWITCH_WORDS[word]}"'
    return f"remove env.{name} (vLLM has a default), or set it to a whole number"
