"""Flags and variables: each in its place, known to the release, and for the server that is started."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from models.catalog.facts import UNSCALED
from models.engines.ascend_vllm.owned_keys import PICTURE_VARIABLES
from models.engines.flags import Limit, expected, flag_accepts
from models.finding import Finding, at, error
from models.rules.exclusions import FEATURES
from models.rules.registry import rule
from models.service.resolved import ResolvedService
from models.stack_file.unknown_keys import nearest


@rule("error")
def unknown_flag(service: ResolvedService) -> Iterator[Finding]:
    """Every flag under `extraArgs` is one of the release.

    vLLM's parser ends the server at once on a flag that it does not know (exit code 2).
    """
    for where, name, _ in _extra_arguments(service):
        if service.release.flag(name):
            continue
        near = service.release.flag(nearest(name, service.release.flags) or "")
        yield error(
            f"vLLM {service.release.version} has no flag {name!r}",
            why="its parser ends the server on an unknown flag",
            fix=f"write {service.release.owned_flags.get(near.name, near.key)}" if near else "remove it",
            marks=[at(where, key=name)],
        )


@rule("error")
def flag_with_key(service: ResolvedService) -> Iterator[Finding]:
    """A flag that has a key of its own is given by that key, not under `extraArgs`; no flag is given twice.

    Only what has a key is judged by the rules, and a flag that is given twice counts the last time.
    """
    given: set[str] = set()
    for where, name, _ in _extra_arguments(service):
        flag = service.release.flag(name)
        if flag and (flag.name in service.release.owned_flags or flag.name in given):
            owner = service.release.owned_flags.get(flag.name)
            yield error(
                f"{flag.option} has a key of its own" if owner else f"{flag.option} is given twice",
                why="the rules judge the key, and of a flag given twice the last one counts",
                fix=f"write {owner}" if owner else "remove one of the two",
                marks=[at(where, key=name)],
            )
        given.add(flag.name if flag else name)


@rule("error")
def flag_value(service: ResolvedService) -> Iterator[Finding]:
    """The value of a flag under `extraArgs` is one that the release's parser takes.

    vLLM's parser ends the server at once on a value of another type or outside the choices (exit code 2).
    """
    for where, name, value in _extra_arguments(service):
        flag = service.release.flag(name)
        if flag and flag.name not in service.release.owned_flags and not flag_accepts(flag, value):
            yield error(
                f"{flag.option} takes {expected(flag)}",
                why=f"the parser of vLLM {service.release.version} ends the server on anything else",
                fix=f"give {flag.key} {expected(flag)}",
                marks=[at(where, key=name)],
            )


@rule("error")
def flag_limit(service: ResolvedService) -> Iterator[Finding]:
    """A flag under `extraArgs` keeps the limits that the engine sets once its parser has taken it.

    The engine ends with a traceback when it makes its configuration of such a value (vllm/config.py).
    """
    for where, name, value in _extra_arguments(service):
        flag = service.release.flag(name)
        if flag is None or value is False or not flag_accepts(flag, value):
            continue
        for limit in service.release.limits:
            if limit.flag == flag.name and (problem := _broken(limit, value, service)):
                yield error(
                    f"--{limit.flag} {problem}",
                    why=limit.why,
                    fix=f"correct {name}, or remove it",
                    marks=[at(where, key=name)],
                )


@rule("error")
def rope_scaling(service: ResolvedService) -> Iterator[Finding]:
    """`ropeScaling` under `extraArgs` says its type, and what that type needs.

    vLLM 0.6.3 ends when it works out the longest request: it reads `type` or `rope_type`, of most types `factor`, and
    of yarn `original_max_position_embeddings` (vllm/config.py:1741).
    """
    given = service.further("rope-scaling")
    if not isinstance(given, dict):
        return
    kind = given.get("type", given.get("rope_type"))
    needed = {
        "type": kind is None,
        "factor": kind not in UNSCALED and "factor" not in given,
        "original_max_position_embeddings": kind == "yarn" and "original_max_position_embeddings" not in given,
    }
    if missing := [key for key, lacks in needed.items() if lacks]:
        yield error(
            f"--rope-scaling lacks {' and '.join(missing)}",
            why="vLLM 0.6.3 reads it when it works out the longest request (vllm/config.py:1741)",
            fix="give it as the model's config.json would",
            marks=[at("engine.extraArgs")],
        )


@rule("error")
def flag_of_other_server(service: ResolvedService) -> Iterator[Finding]:
    """The server that is started knows every flag it is given.

    The plain server refuses `--chat-template`, `--api-key` and the other flags of the OpenAI server, and that one
    refuses `--log-level` (vllm/entrypoints/openai/cli_args.py, vllm/entrypoints/api_server.py).
    """
    kind, flags = service.server.kind, service.release.flags
    foreign = [(at("lora"), flags["lora-modules"])] if service.lora else []
    if service.server.chat_template:
        foreign.append((at("server.chatTemplate"), flags["chat-template"]))
    if service.server.api_key:
        foreign.append((at("server.apiKey"), flags["api-key"]))
    for where, name, _ in _extra_arguments(service):
        flag = service.release.flag(name)
        if flag and flag.name not in service.release.owned_flags:
            foreign.append((at(where, key=name), flag))
    for mark, flag in foreign:
        if kind not in flag.servers:
            yield error(
                f"the server {kind} has no flag {flag.option}",
                why=f"only {' and '.join(flag.servers)} takes it; the parser of the other ends at once",
                fix=f"remove it, or set server.kind to {flag.servers[0]}",
                marks=[mark, at("server.kind", f"the server is {kind}")],
            )


@rule("error")
def multimodal_server(service: ResolvedService) -> Iterator[Finding]:
    """Pictures need the OpenAI server.

    The plain server's `/generate` takes a prompt of text only (vllm/entrypoints/api_server.py:40).
    """
    if service.multimodal and service.server.kind != "openai":
        yield error(
            "the plain server takes no pictures",
            why="its /generate has no messages and no images (vllm/entrypoints/api_server.py:40)",
            fix="set server.kind to openai, or remove multimodal",
            marks=[at("multimodal", "pictures in requests"), at("server.kind", "text only")],
        )


@rule("error")
def variable_with_key(service: ResolvedService) -> Iterator[Finding]:
    """A variable that a key of the stack file owns is given by that key, not under `env`.

    Otherwise the same thing would be said in two places, and the rules would judge only one. What a feature sets is
    free where the feature is off.
    """
    pta, pictures = service.graph.kind == "pta", service.multimodal is not None
    owners = {
        **service.release.owned_variables,
        **(PICTURE_VARIABLES if pictures else {}),
        **({"HCCL_OP_EXPANSION_MODE": "graph: {kind: pta}, which sets AIV"} if pta else {}),
    }
    if pta or pictures:
        owners["VLLM_ENGINE_ITERATION_TIMEOUT_S"] = f"{'graph' if pta else 'multimodal'}.iterationTimeout"
    for name in (name for name in (*service.env, *service.secret_env) if name in owners):
        yield error(
            f"{name} has a key of its own",
            why="the rules judge the key, not the variable",
            fix=f"remove it, and write {owners[name]}",
            marks=[at("env", key=name)],
        )


@rule("error")
def variable_value(service: ResolvedService) -> Iterator[Finding]:
    """A variable that vLLM reads as a number holds one.

    The engine ends where it reads anything else (vllm/envs.py:160).
    """
    for name, value in service.env.items():
        if name in service.release.integer_variables and not re.fullmatch(r"\s*-?\d+\s*", value):
            yield error(
                f"{name} is a whole number, not {value!r}",
                why="vLLM reads it as one, and ends otherwise (vllm/envs.py:160)",
                fix="write a whole number, or remove it",
                marks=[at("env", key=name)],
            )


def _broken(limit: Limit, value: Any, service: ResolvedService) -> str | None:
    """What a value breaks of a limit, in words."""
    if (limit.only_with and not _has(service, limit.only_with)) or (limit.not_with and _has(service, limit.not_with)):
        return None
    least, given = limit.minimum, value.split(",") if isinstance(value, str) else [value]
    problems = {
        "is never accepted": limit.never,
        f"needs --{limit.needs}": limit.needs and not _has(service, limit.needs),
        f"is at least {least}": least is not None and value < least,
        f"is one of {', '.join(map(str, limit.choices))}": limit.choices and not {*given} <= {*limit.choices},
        f"takes {limit.words}": limit.pattern and not all(re.fullmatch(limit.pattern, item) for item in value),
    }
    return next((words for words, found in problems.items() if found), None)


def _has(service: ResolvedService, name: str) -> bool:
    """Whether a service has a feature, or is given a flag under `extraArgs`."""
    return bool(FEATURES[name][1](service) if name in FEATURES else service.further(name))


def _extra_arguments(service: ResolvedService) -> Iterator[tuple[str, str, Any]]:
    """Where each further flag stands, its name and its value."""
    for where, group in (
        ("engine.extraArgs", service.engine.extra_args),
        ("server.extraArgs", service.server.extra_args),
    ):
        yield from ((where, name, value) for name, value in group.items())
