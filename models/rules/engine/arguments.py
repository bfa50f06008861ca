"""Rules on the flags under `extraArgs`: known to the release, without a key, and with a valid value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from models.engines.code_places import RemovedFlag
from models.engines.flags import Flag, Limit, expected, flag_accepts, plain_name
from models.engines.number_range import in_range
from models.finding import Finding, Mark, at, error
from models.rules.engine.argument_edits import (
    limit_edit,
    move_edit,
    replacement_edit,
    value_edit,
)
from models.rules.engine.exclusions import FEATURES
from models.rules.registry import rule
from models.service.resolved import ResolvedService
from models.stack_file.errors.unknown_keys import nearest


@dataclass(frozen=True)
class Argument:
    """A flag under `extraArgs` of a service."""

    part: str
    """`engine` or `server`."""
    name: str
    """The name in the stack file."""
    value: Any
    flag: Flag | None
    """The flag of the release; None if it is unknown."""

    @property
    def key(self) -> str:
        """The path of the flag in the service."""
        return f"{self.part}.extraArgs.{self.name}"

    @property
    def mark(self) -> Mark:
        """The mark of the flag."""
        return at(f"{self.part}.extraArgs", key=self.name)


def _arguments(service: ResolvedService) -> Iterator[Argument]:
    groups = {"engine": service.engine.extra_args, "server": service.server.extra_args}
    for part, group in groups.items():
        for name, value in group.items():
            yield Argument(part, name, value, service.release.flag(name))


@rule("error")
def unknown_flag(service: ResolvedService) -> Iterator[Finding]:
    """Every flag under `extraArgs` is a flag of the release.

    vLLM's argument parser exits with code 2 at an unknown flag.
    """
    for argument in _arguments(service):
        if argument.flag:
            continue
        removed = service.release.removed_flags.get(plain_name(argument.name))
        if removed:
            yield _removed_flag(service, argument, removed)
        else:
            yield _unknown_flag(service, argument)


def _removed_flag(
    service: ResolvedService, argument: Argument, removed: RemovedFlag
) -> Finding:
    """The finding about a flag that only other releases have."""
    version = service.release.version
    why = f"the argument parser of vLLM {version} exits at a flag that it does not have"
    if removed.why:
        why = f"{why}; {removed.why}"
    return error(
        f"vLLM {version} has no flag {argument.name!r}",
        why=why,
        fix=replacement_edit(service, removed, argument.key, argument.value),
        marks=[argument.mark],
    )


def _unknown_flag(service: ResolvedService, argument: Argument) -> Finding:
    """The finding about a flag that no known release has."""
    version = service.release.version
    near_name = nearest(argument.name, service.release.flags) or ""
    near = service.release.flag(near_name)
    if near is None:
        fix = f"remove {argument.key}"
    elif near.name in service.release.owned_flags:
        fix = move_edit(service, near, argument.key, argument.value)
    else:
        fix = f"rename {argument.key} to {near.key}"
    return error(
        f"vLLM {version} has no flag {argument.name!r}",
        why=f"the argument parser of vLLM {version} exits at an unknown flag (vllm/engine/arg_utils.py)",
        fix=fix,
        marks=[argument.mark],
    )


@rule("error")
def flag_with_key(service: ResolvedService) -> Iterator[Finding]:
    """A flag that a key of the stack file sets is not under `extraArgs`, and no flag is there twice.

    The rules read the key only, and would miss the flag. If a flag is given twice, vLLM uses the last value.
    """
    names: set[str] = set()
    for argument in _arguments(service):
        flag = argument.flag
        if flag is None:
            continue
        owner = service.release.owned_flags.get(flag.name)
        if owner:
            yield error(
                f"{flag.option} is set by the key {owner}",
                why="the rules read the key and would miss the flag, so a wrong value would stop the server",
                fix=move_edit(service, flag, argument.key, argument.value),
                marks=[argument.mark],
            )
        elif flag.name in names:
            yield error(
                f"{flag.option} is set twice",
                why="vLLM uses the last value without a message (argparse)",
                fix=f"remove {argument.key}",
                marks=[argument.mark],
            )
        names.add(flag.name)


@rule("error")
def flag_value(service: ResolvedService) -> Iterator[Finding]:
    """The value of a flag under `extraArgs` is valid for the argument parser of the release.

    vLLM exits with code 2 at a value of another type or outside of the choices.
    """
    version = service.release.version
    for argument in _arguments(service):
        flag = argument.flag
        if (
            flag is None
            or flag.name in service.release.owned_flags
            or flag_accepts(flag, argument.value)
        ):
            continue
        yield error(
            f"{flag.option} must be {expected(flag)}",
            why=f"the argument parser of vLLM {version} exits at another value (vllm/engine/arg_utils.py)",
            fix=value_edit(flag, argument.key, argument.value),
            marks=[argument.mark],
        )


@rule("error")
def flag_limit(service: ResolvedService) -> Iterator[Finding]:
    """A flag under `extraArgs` is within the limits that the engine checks after its parser.

    The engine exits with a traceback when it creates its configuration from another value (vllm/config.py).
    """
    for argument in _arguments(service):
        flag = argument.flag
        if (
            flag is None
            or argument.value is False
            or not flag_accepts(flag, argument.value)
        ):
            continue
        for limit in service.release.limits:
            if limit.flag != flag.name or not _is_checked(service, limit):
                continue
            problem = _problem(service, limit, argument.value)
            if problem:
                yield error(
                    f"{flag.option} {problem}",
                    why=limit.why,
                    fix=limit_edit(limit, argument.key, argument.value),
                    marks=[argument.mark],
                )


def _is_checked(service: ResolvedService, limit: Limit) -> bool:
    """Whether the engine checks a limit with the other settings of a service."""
    if limit.only_with and not _has_feature(service, limit.only_with):
        return False
    return not (limit.not_with and _has_feature(service, limit.not_with))


def _problem(service: ResolvedService, limit: Limit, value: Any) -> str | None:
    """How a value breaks a limit, in words, or None."""
    if limit.never:
        return "is never accepted"
    if limit.needs and not _has_feature(service, limit.needs):
        return f"needs --{limit.needs}"
    if limit.range and not in_range(limit.range, value):
        return f"must be {limit.range.words}"
    if limit.choices:
        items = value.split(",") if isinstance(value, str) else [value]
        if not {*items} <= {*limit.choices}:
            return f"must be one of {', '.join(map(str, limit.choices))}"
    if limit.pattern and not all(re.fullmatch(limit.pattern, item) for item in value):
        return f"must be {limit.words}"
    return None


def _has_feature(service: ResolvedService, name: str) -> bool:
    """Whether a service has a feature, or sets a flag under `extraArgs`."""
    feature = FEATURES.get(name)
    if feature:
        return feature.is_on(service)
    return bool(service.further(name))


@rule("error")
def flag_of_other_server(service: ResolvedService) -> Iterator[Finding]:
    """The server has all flags that the stack file sets.

    The plain server does not have `--chat-template`, `--api-key` and other flags of the OpenAI server. The OpenAI
    server does not have `--log-level` (vllm/entrypoints/openai/cli_args.py, vllm/entrypoints/api_server.py).
    """
    kind = service.server.kind
    for mark, flag in _server_flags(service):
        if kind not in flag.servers:
            other = flag.servers[0]
            yield error(
                f"the server {kind} has no flag {flag.option}",
                why=f"its argument parser exits at a flag of the server {other} (vllm/entrypoints)",
                fix=f"remove {mark.field}, or write server.kind: {other}",
                marks=[
                    mark,
                    at("server.kind", f"the server is {kind}"),
                ],
            )


def _server_flags(service: ResolvedService) -> Iterator[tuple[Mark, Flag]]:
    """The flags that a service sets and that not every server has, each with its mark."""
    flags = service.release.flags
    if service.lora:
        yield at("lora"), flags["lora-modules"]
    if service.server.chat_template:
        yield at("server.chatTemplate"), flags["chat-template"]
    if service.server.api_key:
        yield at("server.apiKey"), flags["api-key"]
    for argument in _arguments(service):
        if argument.flag and argument.flag.name not in service.release.owned_flags:
            yield argument.mark, argument.flag
