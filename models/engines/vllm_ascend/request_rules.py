"""Rules on requests for vLLM 0.18.0 and later: fields that the server refuses with 400, or ignores.

The name of a rule's function is its id. Its limits and sources are in `request_limits.json`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from models.engines.model_server import ModelServer
from models.engines.parameters import Parameters, schema_problem
from models.engines.requests import Kind, Request, service_key
from models.engines.rules import request_rule
from models.engines.vllm_ascend.request_limits import RequestLimits, request_limits
from models.engines.vllm_ascend.request_shapes import REQUEST_SHAPES, value_of
from models.engines.vllm_ascend.request_sizes import REQUEST_SIZES
from models.finding import Finding, error, no_effect, warning

_CONSTRAINTS = ("json", "regex", "choice", "grammar", "json_object", "structural_tag")
"""Keys of `structured_outputs` that say what the answer contains. A request has exactly one of them."""

_OPTIONS = (
    "disable_any_whitespace",
    "disable_additional_properties",
    "whitespace_pattern",
)
"""Further keys of `structured_outputs`."""


def _limits(server: ModelServer) -> RequestLimits:
    return request_limits(server.release.version)


def _refused(server: ModelServer, rule: str) -> str:
    """The reason of a finding: the release answers 400, with its source."""
    source = _limits(server).sources[rule]
    return f"vLLM {server.release.version} answers 400 ({source})"


@request_rule("error")
def one_greedy_answer(
    request: Request, parameters: Parameters, server: ModelServer
) -> Iterator[Finding]:
    """With temperature 0, a request has one answer: greedy sampling always chooses the most likely token.

    Beam search can return several answers at any temperature.
    """
    if parameters.use_beam_search or not parameters.greedy or parameters.n == 1:
        return
    yield error(
        f"n is {parameters.n}, but temperature {parameters.temperature:g} allows only one answer",
        why=_refused(server, "one-greedy-answer"),
        fix="write temperature 1, or n 1",
        marks=[request.at("temperature"), request.at("n")],
    )


@request_rule("error")
def beam_search_stream(
    request: Request, parameters: Parameters, server: ModelServer
) -> Iterator[Finding]:
    """A completion with beam search cannot be streamed: the best answer is known at the end of the search."""
    if request.kind is not Kind.COMPLETE:
        return
    if not (parameters.use_beam_search and parameters.stream):
        return
    yield error(
        "cannot stream a completion with beam search",
        why=_refused(server, "beam-search-stream"),
        fix="remove stream or use_beam_search",
        marks=[request.at("stream"), request.at("use_beam_search")],
    )


@request_rule("no-effect")
def unused_length_penalty(
    request: Request, parameters: Parameters, server: ModelServer
) -> Iterator[Finding]:
    """length_penalty requires beam search. Sampling ignores it."""
    if parameters.length_penalty == 1 or parameters.use_beam_search:
        return
    yield no_effect(
        f"length_penalty {parameters.length_penalty:g} has no effect without beam search",
        why=f"vLLM {server.release.version} uses it only to compare the answers of beam search",
        fix="add use_beam_search true, or remove length_penalty",
        marks=[request.at("length_penalty")],
    )


@request_rule("error")
def temperature_range(
    request: Request, parameters: Parameters, server: ModelServer
) -> Iterator[Finding]:
    """The temperature does not exceed the limit of the release. Releases before 0.30.0 have no limit."""
    limit = _limits(server).temperature
    if limit is None or parameters.temperature <= limit:
        return
    yield error(
        f"temperature {parameters.temperature:g} exceeds {limit:g}",
        why=_refused(server, "temperature-range"),
        fix=f"write temperature: {limit:g}",
        marks=[request.at("temperature")],
    )


@request_rule("error")
def stop_texts(
    request: Request, parameters: Parameters, server: ModelServer
) -> Iterator[Finding]:
    """A request does not have more stop texts than the release accepts: 4 from 0.30.0 on."""
    limit = _stop_limit(server)
    if limit is None or len(parameters.stop) <= limit:
        return
    yield error(
        f"stop has {len(parameters.stop)} texts, the limit is {limit}",
        why=_refused(server, "stop-texts"),
        fix=f'write env.VLLM_MAX_STOP_STRINGS: "{len(parameters.stop)}" in the stack file, or send {limit} texts',
        marks=[request.at("stop"), service_key(server, "env")],
    )


def _stop_limit(server: ModelServer) -> int | None:
    limit = _limits(server).stop_texts
    configured = server.env.get("VLLM_MAX_STOP_STRINGS", "")
    if limit is not None and configured.isdecimal():
        return int(configured)
    return limit


@request_rule("error")
def min_tokens_above_max(
    request: Request, parameters: Parameters, server: ModelServer
) -> Iterator[Finding]:
    """min_tokens does not exceed the most tokens of the answer."""
    shortest = getattr(parameters, "min_tokens", 0)
    longest = parameters.answer_tokens
    if longest is None or shortest <= longest:
        return
    yield error(
        f"min_tokens {shortest} exceeds the {longest} tokens of the answer",
        why=_refused(server, "bad-value"),
        fix=f"write min_tokens: {longest}",
        marks=[request.at("min_tokens"), request.at("max_tokens")],
    )


@request_rule("error")
def tool_parser(
    request: Request, _: Parameters, server: ModelServer
) -> Iterator[Finding]:
    """A chat with tools requires a service with server.toolCallParser, unless tool_choice is none.

    gpt-oss and the tokenizers of Mistral have separate parsers.
    """
    if not value_of(request, server, "tools"):
        return
    if value_of(request, server, "tool_choice") == "none":
        return
    if server.server.tool_call_parser or _has_own_tool_parser(server):
        return
    yield error(
        f"{server.name} does not call tools",
        why=_refused(server, "tool-parser"),
        fix="remove tools, or set server.toolCallParser to the parser of the model",
        marks=[request.at("tools"), service_key(server, "server.toolCallParser")],
    )


def _has_own_tool_parser(server: ModelServer) -> bool:
    if server.further("tokenizer-mode") == "mistral":
        return True
    return server.facts is not None and server.facts.model_type == "gpt_oss"


@request_rule("error")
def suffix(request: Request, _: Parameters, server: ModelServer) -> Iterator[Finding]:
    """A completion has no suffix: no model of vLLM supports it."""
    if not value_of(request, server, "suffix"):
        return
    yield error(
        "suffix is not supported",
        why=_refused(server, "suffix"),
        fix="remove suffix",
        marks=[request.at("suffix")],
    )


@request_rule("error")
def speculation_sampling(
    request: Request, parameters: Parameters, server: ModelServer
) -> Iterator[Finding]:
    """With speculative decoding, requests cannot use min_p or logit_bias."""
    if server.speculative is None:
        return
    fields = []
    if getattr(parameters, "min_p", 0) > 0:
        fields.append("min_p")
    if request.body.get("logit_bias"):
        fields.append("logit_bias")
    for field in fields:
        yield error(
            f"{server.name} does not accept {field}: speculative decoding is on",
            why=_refused(server, "speculation-sampling"),
            fix=f"remove {field}",
            marks=[request.at(field), service_key(server, "speculative")],
        )


@request_rule("error", "warning", "no-effect")
def structured_outputs(
    request: Request, _: Parameters, server: ModelServer
) -> Iterator[Finding]:
    """structured_outputs contains exactly one of json, regex, choice, grammar, json_object and structural_tag.

    The server refuses several, or none. It ignores unknown keys.
    """
    outputs = request.body.get("structured_outputs")
    if outputs is None:
        return
    why = _refused(server, "structured-outputs")
    if not isinstance(outputs, dict):
        yield _wrong_outputs(request, "is not an object", why)
        return
    constraints = [key for key in _CONSTRAINTS if outputs.get(key) is not None]
    if len(constraints) > 1:
        several = " and ".join(constraints)
        yield _wrong_outputs(request, f"contains both {several}", why)
    if not constraints:
        yield _wrong_outputs(request, "does not define the content of the answer", why)
    yield from _wrong_schema(request, outputs, why)
    yield from _wrong_regex(request, outputs, why)
    if constraints:
        yield from _unknown_keys(request, outputs)


def _wrong_outputs(request: Request, problem: str, why: str) -> Finding:
    return error(
        f"structured_outputs {problem}",
        why=why,
        fix=f"write exactly one of: {', '.join(_CONSTRAINTS)}",
        marks=[request.at("structured_outputs")],
    )


def _wrong_schema(
    request: Request, outputs: Mapping[str, Any], why: str
) -> Iterator[Finding]:
    problem = schema_problem(outputs.get("json"))
    if problem:
        yield error(
            f"structured_outputs.json is not a JSON Schema: {problem}",
            why=why,
            fix="pass a JSON Schema as text, or the name of a file that contains one",
            marks=[request.at("structured_outputs")],
        )


def _wrong_regex(
    request: Request, outputs: Mapping[str, Any], why: str
) -> Iterator[Finding]:
    """A warning: the server's regular expressions are not exactly those of Python."""
    regex = outputs.get("regex")
    if not isinstance(regex, str):
        return
    try:
        re.compile(regex)
    except re.error as problem:
        yield warning(
            f"structured_outputs.regex is probably not a regular expression: {problem}",
            why=why,
            fix="correct the regular expression",
            marks=[request.at("structured_outputs")],
        )


def _unknown_keys(request: Request, outputs: Mapping[str, Any]) -> Iterator[Finding]:
    for key in outputs:
        if key not in (*_CONSTRAINTS, *_OPTIONS):
            yield no_effect(
                f"structured_outputs has no key {key}",
                why="vLLM ignores unknown keys without an error",
                fix=f"remove structured_outputs.{key}",
                marks=[request.at("structured_outputs")],
            )


@request_rule("warning")
def outputs_after_end(
    request: Request, parameters: Parameters, server: ModelServer
) -> Iterator[Finding]:
    """A structured answer may end where its structure ends: neither ignore_eos nor min_tokens lets it go on.

    From 0.23.0 on, the server answers 500. 0.18.0 adds tokens without a structure.
    """
    structured = _structured_field(request)
    if structured is None:
        return
    fields = {
        "ignore_eos": parameters.ignore_eos,
        "min_tokens": getattr(parameters, "min_tokens", 0),
    }
    for field, value in fields.items():
        if not value:
            continue
        yield warning(
            f"{field} lets the answer go on after the structure of {structured} ends",
            why=f"vLLM {server.release.version} generates tokens that the structure does not allow: the request fails"
            f" with 500, or the answer is another one ({_limits(server).sources['outputs-after-end']})",
            fix=f"remove {field}",
            marks=[request.at(field), request.at(structured)],
        )


def _structured_field(request: Request) -> str | None:
    """The field of a request that requires a structured answer, or None."""
    if request.body.get("structured_outputs"):
        return "structured_outputs"
    form = request.body.get("response_format")
    if isinstance(form, dict) and form.get("type") in ("json_schema", "json_object"):
        return "response_format"
    return None


REQUEST_RULES = (
    one_greedy_answer,
    beam_search_stream,
    unused_length_penalty,
    temperature_range,
    stop_texts,
    min_tokens_above_max,
    tool_parser,
    suffix,
    speculation_sampling,
    structured_outputs,
    outputs_after_end,
    *REQUEST_SHAPES,
    *REQUEST_SIZES,
)
