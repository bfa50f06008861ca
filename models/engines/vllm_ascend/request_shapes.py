"""Rules on requests for vLLM 0.18.0 and later: the types of fields, and fields that need or exclude each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from models.engines.model_server import ModelServer
from models.engines.parameters import Parameters
from models.engines.requests import Kind, Request
from models.engines.rules import request_rule
from models.engines.vllm_ascend.request_limits import request_limits
from models.engines.vllm_ascend.tables import flag_table
from models.finding import Finding, error

_TABLES = {Kind.CHAT: "chat", Kind.IMAGE: "chat", Kind.COMPLETE: "complete"}

_TYPES: dict[str, Any] = {
    "bool": bool,
    "dict[str, Any]": dict[str, Any],
    "dict[str, dict[str, Any]]": dict[str, dict[str, Any]],
    "dict[str, float]": dict[str, float],
    "float": float,
    "int": int,
    "list[dict[str, Any]]": list[dict[str, Any]],
    "list[dict[str, str]]": list[dict[str, str]],
    "list[int]": list[int],
    "list[str]": list[str],
    "str": str,
    "str | list[str]": str | list[str],
}
"""The types that fields have, without null. Fields with other types are not checked."""

_IN_WORDS = {
    "bool": "true or false",
    "dict[str, Any]": "an object",
    "dict[str, dict[str, Any]]": "an object of objects",
    "dict[str, float]": "an object of numbers",
    "float": "a number",
    "int": "a whole number",
    "list[dict[str, Any]]": "a list of objects",
    "list[dict[str, str]]": "a list of objects of texts",
    "list[int]": "a list of whole numbers",
    "list[str]": "a list of texts",
    "str": "a text",
    "str | list[str]": "a text or a list of texts",
}

_RESPONSE_TYPES = ("text", "json_object", "json_schema", "structural_tag")
"""Types of `response_format` (vllm/entrypoints/openai/engine/protocol.py, AnyResponseFormat)."""

_NULL = " | None"
_CHOICES = "Literal"


def _refused(server: ModelServer, request: Request, rule: str) -> str:
    """The reason of a finding: the release answers 400, with its source for this kind of request."""
    sources = request_limits(server.release.version).sources
    source = sources.get(f"{rule}/{_TABLES.get(request.kind)}") or sources[rule]
    return f"vLLM {server.release.version} answers 400 ({source})"


@request_rule("error")
def field_type(
    request: Request, parameters: Parameters, server: ModelServer
) -> Iterator[Finding]:
    """Every field has the type that the server reads.

    The types are those of the class of the release that reads the request. Texts that are numbers count as numbers.
    """
    table = _TABLES.get(request.kind)
    if table is None:
        return
    types = flag_table(server.release.version).server.request_types[table]
    for field, value in request.body.items():
        if field not in types or field in type(parameters).model_fields:
            continue
        expected = _mismatch(types[field], value)
        if expected:
            yield error(
                f"{field} must be {expected}, not {value!r}",
                why=_refused(server, request, "field-type"),
                fix=f"remove {field}",
                marks=[request.at(field)],
            )


def _mismatch(annotation: str, value: Any) -> str | None:
    """The required form of a value; None if the value has it, or if the type is not known."""
    name = annotation.removesuffix(_NULL)
    if value is None and annotation.endswith(_NULL):
        return None
    if name.startswith(_CHOICES):
        choices = ast.literal_eval(name.removeprefix(_CHOICES))
        return None if value in choices else f"one of {', '.join(choices)}"
    if name not in _TYPES:
        return None
    try:
        _adapter(name).validate_python(value)
    except ValidationError:
        return _IN_WORDS[name]
    return None


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(_TYPES[name])


@request_rule("error")
def stream_options(
    request: Request, _: Parameters, server: ModelServer
) -> Iterator[Finding]:
    """stream_options requires stream."""
    if value_of(request, server, "stream_options") and not value_of(
        request, server, "stream"
    ):
        yield _error(
            server,
            request,
            "stream-options",
            "stream_options requires stream",
            fix="write stream: true, or remove stream_options",
            field="stream_options",
        )


@request_rule("error")
def prompt_logprobs(
    request: Request, _: Parameters, server: ModelServer
) -> Iterator[Finding]:
    """prompt_logprobs is -1 or at least 0, and is not streamed."""
    count = number_of(request, server, "prompt_logprobs")
    if count is None:
        return
    problem = ""
    if count < 0 and count != -1:
        problem = f"prompt_logprobs must be -1 or at least 0, not {count}"
    elif value_of(request, server, "stream") and count != 0:
        problem = "prompt_logprobs cannot be streamed"
    if problem:
        yield _error(
            server,
            request,
            "prompt-logprobs",
            problem,
            fix="remove prompt_logprobs",
            field="prompt_logprobs",
        )


@request_rule("error")
def top_logprobs(
    request: Request, _: Parameters, server: ModelServer
) -> Iterator[Finding]:
    """In a chat, top_logprobs is -1 or at least 0 and requires logprobs."""
    count = number_of(request, server, "top_logprobs")
    if count is None:
        return
    problem = ""
    fix = "remove top_logprobs"
    if count < -1:
        problem = f"top_logprobs must be -1 or at least 0, not {count}"
    elif count != 0 and not value_of(request, server, "logprobs"):
        problem = "top_logprobs requires logprobs"
        fix = "write logprobs: true, or remove top_logprobs"
    if problem:
        yield _error(
            server,
            request,
            "top-logprobs",
            problem,
            fix=fix,
            field="top_logprobs",
        )


@request_rule("error")
def logprobs_count(
    request: Request, _: Parameters, server: ModelServer
) -> Iterator[Finding]:
    """In a completion, logprobs is at least 0; from 0.30.0 on, -1 means all tokens."""
    count = number_of(request, server, "logprobs")
    if count is None or request.kind is not Kind.COMPLETE:
        return
    least = request_limits(server.release.version).least_logprobs
    if count >= least:
        return
    yield _error(
        server,
        request,
        "logprobs-count",
        f"logprobs must be at least {least}, not {count}",
        fix="remove logprobs",
        field="logprobs",
    )


@request_rule("error")
def tool_choice(
    request: Request, _: Parameters, server: ModelServer
) -> Iterator[Finding]:
    """tool_choice is none, auto, required or one of the tools of the request."""
    choice = value_of(request, server, "tool_choice")
    if choice in (None, "none"):
        return
    tools = value_of(request, server, "tools")
    problem = ""
    fix = "write tool_choice: auto, or remove tool_choice"
    if tools is None:
        problem = "tool_choice requires tools"
        fix = "remove tool_choice"
    elif isinstance(choice, str) and choice not in ("auto", "required"):
        problem = f"tool_choice {choice!r} is not none, auto, required or a named tool"
    elif isinstance(choice, dict) and _name(choice) not in _names(tools):
        problem = "tool_choice names none of the tools"
    if problem:
        yield _error(
            server,
            request,
            "tool-choice",
            problem,
            fix=fix,
            field="tool_choice",
        )


@request_rule("error")
def empty_tools(
    request: Request, _: Parameters, server: ModelServer
) -> Iterator[Finding]:
    """tools is not empty. 0.18.0 accepts an empty list."""
    has_source = "empty-tools" in request_limits(server.release.version).sources
    if has_source and value_of(request, server, "tools") == []:
        yield _error(
            server,
            request,
            "empty-tools",
            "tools is empty",
            fix="remove tools",
            field="tools",
        )


@request_rule("error")
def final_message(
    request: Request, _: Parameters, server: ModelServer
) -> Iterator[Finding]:
    """A chat does not both continue the final message and begin a new one."""
    is_continued = value_of(request, server, "continue_final_message")
    if is_continued and value_of(request, server, "add_generation_prompt"):
        yield _error(
            server,
            request,
            "final-message",
            "continue_final_message and add_generation_prompt are both true",
            fix="write add_generation_prompt: false",
            field="continue_final_message",
        )


@request_rule("error")
def empty_text(
    request: Request, _: Parameters, server: ModelServer
) -> Iterator[Finding]:
    """cache_salt and the texts of bad_words are not empty."""
    if value_of(request, server, "cache_salt") == "":
        yield _error(
            server,
            request,
            "cache-salt",
            "cache_salt is empty",
            fix="remove cache_salt",
            field="cache_salt",
        )
    words = value_of(request, server, "bad_words")
    if isinstance(words, list) and "" in words:
        yield _error(
            server,
            request,
            "bad-words",
            "bad_words contains an empty text",
            fix="remove bad_words",
            field="bad_words",
        )


@request_rule("error")
def response_form(
    request: Request, _: Parameters, server: ModelServer
) -> Iterator[Finding]:
    """response_format has a known type. With json_schema, it has a schema."""
    form = value_of(request, server, "response_format")
    if not isinstance(form, dict):
        return
    problem = ""
    if form.get("type") not in _RESPONSE_TYPES:
        types = ", ".join(_RESPONSE_TYPES)
        problem = f"response_format.type {form.get('type')!r} is not one of {types}"
    elif form["type"] == "json_schema" and form.get("json_schema") is None:
        problem = "response_format has no json_schema"
    if problem:
        yield _error(
            server,
            request,
            "response-form",
            problem,
            fix="remove response_format",
            field="response_format",
        )


def _error(
    server: ModelServer,
    request: Request,
    rule: str,
    message: str,
    *,
    fix: str,
    field: str,
) -> Finding:
    why = _refused(server, request, rule)
    return error(message, why=why, fix=fix, marks=[request.at(field)])


def value_of(request: Request, server: ModelServer, field: str) -> Any:
    """The value of a field; None if requests of this kind do not have the field, so that the server ignores it."""
    if request.kind not in _TABLES:
        return None
    if field not in server.release.request_fields[request.kind].accepted:
        return None
    return request.body.get(field)


def number_of(request: Request, server: ModelServer, field: str) -> int | None:
    """The value of a field that is a whole number; the rule `field-type` reports others."""
    value = value_of(request, server, field)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value


def _name(tool: Any) -> str | None:
    """The name of the function of a tool; None if the tool has another form."""
    if not isinstance(tool, dict):
        return None
    function = tool.get("function")
    if not isinstance(function, dict):
        return None
    name = function.get("name")
    if not isinstance(name, str):
        return None
    return name


def _names(tools: Any) -> set[str | None]:
    if not isinstance(tools, list):
        return set()
    return {_name(tool) for tool in tools} - {None}


REQUEST_SHAPES = (
    field_type,
    stream_options,
    prompt_logprobs,
    top_logprobs,
    logprobs_count,
    tool_choice,
    empty_tools,
    final_message,
    empty_text,
    response_form,
)
