"""Rules on requests whose numbers exceed the limits of the server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from models.engines.model_server import ModelServer
from models.engines.parameters import Parameters
from models.engines.requests import Kind, Request
from models.engines.rules import request_rule
from models.engines.vllm_ascend.request_limits import request_limits
from models.engines.vllm_ascend.request_shapes import number_of, value_of
from models.finding import Finding, error

_LIMIT = "max-logprobs"

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


REQUEST_SIZES = (logprobs_above_limit, truncation_above_length)
