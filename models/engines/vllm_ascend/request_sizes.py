"""Rules on requests whose numbers exceed the limits of the server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from models.engines.model_server import ModelServer
from models.engines.parameters import Parameters
from models.engines.requests import Kind, Request, service_key
from models.engines.rules import request_rule
from models.engines.vllm_ascend.request_limits import Count, request_limits
from models.engines.vllm_ascend.request_shapes import number_of, value_of
from models.finding import Finding, error

_LIMIT = "max-logprobs"

_OF_PATHS = frozenset("@/\\\x00")
"""Characters that a `cache_salt` with a limit does not contain (validate_cache_salt)."""

_ITEMS = {"n": "answers", "prompt": "prompts"}
"""The items of the fields with a count."""

_ALL = -1
"""The number that stands for every token of the vocabulary."""


@request_rule("error")
def logprobs_above_limit(
    request: Request, _: Parameters, server: ModelServer
) -> Iterator[Finding]:
    """A request asks for at most as many probabilities of each token as `max-logprobs` allows."""
    limit = _most_logprobs(server)
    if limit is None:
        return
    for field, least in _fields(request, server).items():
        count = number_of(request, server, field)
        if count is None or 0 <= count <= limit or count < least:
            continue
        yield error(
            f"{field} {count} exceeds max-logprobs, which is {limit}",
            why=_refused(server, "logprobs-above-limit"),
            fix=f"write {field}: {limit}",
            marks=[request.at(field)],
        )


@request_rule("error")
def truncation_above_length(
    request: Request, _: Parameters, server: ModelServer
) -> Iterator[Finding]:
    """A request does not shorten its prompt to more tokens than the server accepts."""
    length = number_of(request, server, "truncate_prompt_tokens")
    longest = server.engine.max_model_len
    if length is None or length <= longest:
        return
    yield error(
        f"truncate_prompt_tokens {length} exceeds maxModelLen {longest}",
        why=_refused(server, "truncation-above-length"),
        fix="remove truncate_prompt_tokens",
        marks=[request.at("truncate_prompt_tokens")],
    )


@request_rule("error")
def count_above_limit(
    request: Request, _: Parameters, server: ModelServer
) -> Iterator[Finding]:
    """A request has at most as many answers (from 0.23.0 on) and prompts (from 0.30.0 on) as the server allows."""
    for field, limit in request_limits(server.release.version).counts.items():
        count = _count(request, server, field)
        most = _most(server, limit)
        if count <= most:
            continue
        yield error(
            f"the request asks for {count} {_ITEMS[field]}, the limit is {most}",
            why=f"vLLM {server.release.version} answers 400 ({limit.source})",
            fix=f'write env.{limit.variable}: "{count}" in the stack file, or send several requests',
            marks=[request.at(field), service_key(server, "env")],
        )


def _count(request: Request, server: ModelServer, field: str) -> int:
    """The number of answers or prompts; a list of token numbers is one prompt."""
    value = value_of(request, server, field)
    if not isinstance(value, list):
        return number_of(request, server, field) or 0
    if all(type(item) is int for item in value):
        return 1
    return len(value)


def _most(server: ModelServer, limit: Count) -> int:
    configured = server.env.get(limit.variable, "")
    return int(configured) if configured.isdecimal() else limit.most


@request_rule("error")
def cache_salt(
    request: Request, _: Parameters, server: ModelServer
) -> Iterator[Finding]:
    """From 0.30.0 on, cache_salt is short, and contains no character of a path."""
    limit = request_limits(server.release.version).cache_salt
    salt = value_of(request, server, "cache_salt")
    if limit is None or not isinstance(salt, str):
        return
    problem = ""
    if len(salt) > limit:
        problem = f"cache_salt has {len(salt)} characters, the limit is {limit}"
    elif _OF_PATHS & set(salt):
        problem = r"cache_salt contains @, /, \ or NUL"
    if problem:
        yield error(
            problem,
            why=_refused(server, "cache-salt"),
            fix="remove cache_salt",
            marks=[request.at("cache_salt")],
        )


def _most_logprobs(server: ModelServer) -> int | None:
    """The most probabilities of each token; None if the server has no limit, or a value that other rules report."""
    configured = server.further(_LIMIT)
    if configured is None:
        flag = server.release.flag(_LIMIT)
        configured = flag.default if flag else None
    if type(configured) is not int or configured == _ALL:
        return None
    return configured


def _fields(request: Request, server: ModelServer) -> Mapping[str, int]:
    """The fields with a number of probabilities, and the least number; other rules report a smaller one.

    In a chat, `logprobs` turns on those of the answer.
    """
    fields = {"prompt_logprobs": _ALL}
    if request.kind is Kind.COMPLETE:
        fields["logprobs"] = request_limits(server.release.version).least_logprobs
    elif value_of(request, server, "logprobs") is True:
        fields["top_logprobs"] = _ALL
    return fields


def _refused(server: ModelServer, rule: str) -> str:
    version = server.release.version
    return f"vLLM {version} answers 400 ({request_limits(version).sources[rule]})"


REQUEST_SIZES = (
    logprobs_above_limit,
    truncation_above_length,
    count_above_limit,
    cache_salt,
)
