"""Rules on the requests that Ascend-vLLM 0.6.3 answers: what it refuses, and what ends its engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from models.engines.ascend_vllm.requests import BEAM_FIELDS, single_answer_key
from models.engines.model_server import ModelServer
from models.engines.parameters import Parameters
from models.engines.requests import Kind, Request, service_key
from models.engines.rules import request_rule
from models.finding import Finding, error, warning

_PROCESSED = ("guided_json", "guided_regex", "guided_choice", "guided_grammar", "logit_bias", "allowed_token_ids")
"""Fields that change the probabilities of tokens."""


@request_rule("error")
def greedy_answers(request: Request, parameters: Parameters, _: ModelServer) -> Iterator[Finding]:
    """Several answers need chance: greedy sampling has only one (manual, Step 5, table 1, n)."""
    if parameters.greedy and parameters.answers > 1 and not parameters.use_beam_search:
        field = "n" if parameters.n > 1 else "best_of"
        yield error(
            f"{field} is {parameters.answers}, and temperature {parameters.temperature:g} has one answer only",
            why="vLLM 0.6.3 refuses it (vllm/sampling_params.py:399); manual, Step 5, table 1, n",
            fix="raise temperature above 0, or leave it at one answer",
            marks=[request.at("temperature"), request.at(field)],
        )


@request_rule("error")
def best_of_below_n(request: Request, parameters: Parameters, _: ModelServer) -> Iterator[Finding]:
    """No more answers come back than are made."""
    if parameters.best_of is not None and parameters.best_of < parameters.n and not parameters.use_beam_search:
        yield error(
            f"best_of {parameters.best_of} is below n {parameters.n}",
            why="the n best of best_of answers come back (vllm/sampling_params.py:292)",
            fix=f"raise best_of to {parameters.n}, or leave it out",
            marks=[request.at("best_of"), request.at("n")],
        )


@request_rule("error")
def stream_best_of(request: Request, parameters: Parameters, _: ModelServer) -> Iterator[Finding]:
    """Which answers are the best shows at their end only, so they cannot come piece by piece."""
    if request.kind is Kind.GENERATE or parameters.use_beam_search:
        return
    if parameters.stream and parameters.best_of not in (None, parameters.n):
        yield error(
            f"answers that are the best of {parameters.best_of} cannot be streamed",
            why="vLLM 0.6.3 refuses best_of other than n with stream (vllm/sampling_params.py:394)",
            fix="leave out stream or best_of",
            marks=[request.at("stream"), request.at("best_of")],
        )


@request_rule("error")
def beam_search(request: Request, parameters: Parameters, _: ModelServer) -> Iterator[Finding]:
    """Beam search needs n above 1, top_p 1, top_k -1 and temperature 0 (manual, Step 5, table 1, use_beam_search).

    n is the width of the search. The manual's own request to `/generate` gives it as best_of.
    """
    if not parameters.use_beam_search:
        return
    width = parameters.n
    if request.kind is Kind.GENERATE:
        width = parameters.answers
    needed = {}
    if width < 2:
        needed["n"] = "2"
    if parameters.top_p != 1:
        needed["top_p"] = "1"
    if parameters.top_k != -1:
        needed["top_k"] = "-1"
    if parameters.temperature != 0:
        needed["temperature"] = "0"
    if needed:
        edits = ", ".join(f"{field} {value}" for field, value in needed.items())
        yield error(
            f"beam search needs {edits.replace('n 2', 'n above 1')}",
            why="beam search draws nothing, and its width is n (manual, Step 5, table 1, use_beam_search)",
            fix=f"write {edits}",
            marks=[request.at("use_beam_search"), *map(request.at, needed)],
        )


@request_rule("error")
def length_penalty(request: Request, parameters: Parameters, _: ModelServer) -> Iterator[Finding]:
    """length_penalty needs beam search and best_of above 1 (manual, Step 5, table 1, length_penalty)."""
    if parameters.length_penalty == 1:
        return
    lacking = []
    if not parameters.use_beam_search:
        lacking.append("use_beam_search true")
    if (parameters.best_of or 1) < 2:
        lacking.append(f"best_of {max(parameters.n, 2)}")
    if lacking:
        yield error(
            f"length_penalty needs {' and '.join(lacking)}",
            why="it weighs the answers of beam search only (manual, Step 5, table 1, length_penalty)",
            fix=f"add {' and '.join(lacking)}, or leave length_penalty out",
            marks=[request.at("length_penalty")],
        )


@request_rule("error")
def multi_step_logits(request: Request, _: Parameters, server: ModelServer) -> Iterator[Finding]:
    """With multi-step scheduling no request may bend the probabilities of tokens: guided decoding, logit_bias."""
    if server.engine.num_scheduler_steps == 1:
        return
    shaped = [field for field in _PROCESSED if request.body.get(field)]
    if (request.body.get("response_format") or {}) == {"type": "json_object"}:
        shaped.append("response_format")
    for field in shaped:
        yield error(
            f"{field} would end the engine of {server.name}, and all requests with it",
            why="multi-step scheduling has no logits processors (vllm/worker/multi_step_model_runner.py:822)",
            fix=f"leave {field} out, or set engine.numSchedulerSteps: 1",
            marks=[request.at(field), service_key(server, "engine.numSchedulerSteps")],
        )


@request_rule("error")
def several_tokens_one_answer(request: Request, parameters: Parameters, server: ModelServer) -> Iterator[Finding]:
    """Where the engine makes several tokens at a time, a request has one answer."""
    cause = single_answer_key(server)
    if cause and parameters.answers > 1 and not parameters.use_beam_search:
        field = "n" if parameters.n > 1 else "best_of"
        yield error(
            f"{field} {parameters.answers} would end the engine of {server.name}, and all requests with it",
            why="an engine that makes several tokens at a time asserts that a request has one answer "
            "(vllm/engine/output_processor/multi_step.py:98)",
            fix=f"ask {parameters.answers} times, or remove {cause}",
            marks=[request.at(field), service_key(server, cause)],
        )


@request_rule("error")
def multi_step_prompt_logprobs(request: Request, _: Parameters, server: ModelServer) -> Iterator[Finding]:
    """With multi-step scheduling there are no probabilities of the prompt's tokens."""
    if server.engine.num_scheduler_steps > 1 and request.body.get("prompt_logprobs"):
        yield error(
            f"prompt_logprobs would end the engine of {server.name}, and all requests with it",
            why="multi-step scheduling does not have them (https://github.com/vllm-project/vllm/issues/8198)",
            fix="leave prompt_logprobs out, or set engine.numSchedulerSteps: 1",
            marks=[request.at("prompt_logprobs"), service_key(server, "engine.numSchedulerSteps")],
        )


@request_rule("error")
def beam_search_forgets(request: Request, parameters: Parameters, server: ModelServer) -> Iterator[Finding]:
    """Beam search answers for the model itself, without its LoRA adapter and without pictures."""
    if not parameters.use_beam_search:
        return
    adapters = [*server.lora.adapters] if server.lora else []
    if request.body.get("model") in adapters:
        ignored, field = "LoRA adapter", "model"
    elif request.pictures:
        ignored, field = "picture", "messages"
    else:
        return
    yield error(
        f"beam search does not see the {ignored}",
        why="vLLM 0.6.3 searches with the prompt's tokens alone (vllm/engine/async_llm_engine.py:1042)",
        fix="leave beam search out",
        marks=[request.at("use_beam_search"), request.at(field)],
    )


@request_rule("error")
def beam_width(request: Request, parameters: Parameters, server: ModelServer) -> Iterator[Finding]:
    """Beam search asks for the probabilities of twice as many tokens as it is wide, of which there are so many only."""
    most = int(server.further("max-logprobs") or 20)
    needed = 2 * parameters.n
    if parameters.use_beam_search and needed > most:
        yield error(
            f"a beam search of width {parameters.n} needs {needed} probabilities of each token, and there are {most}",
            why="vLLM answers 400 beyond --max-logprobs (vllm/engine/llm_engine.py:846, async_llm_engine.py:1063)",
            fix=f"lower n to {most // 2}, or raise maxLogprobs under engine.extraArgs",
            marks=[request.at("n")],
        )


@request_rule("warning")
def plain_beam_search(request: Request, _: Parameters, server: ModelServer) -> Iterator[Finding]:
    """The manual sends beam search to `/generate`; vLLM's own 0.6.3 does not know it there."""
    fields = [field for field in BEAM_FIELDS if field in request.body]
    if request.kind is Kind.GENERATE and fields:
        yield warning(
            f"/generate of vLLM's own {server.release.version} answers 500 to {' and '.join(fields)}",
            why="it was removed from SamplingParams (vllm/sampling_params.py:94); the manual has it (Step 5, way 2), "
            "so Ascend's image may take it",
            fix="where the image answers 500, start the service with server.kind openai",
            marks=[request.at(fields[0]), service_key(server, "server.kind")],
        )


@request_rule("error")
def guided_schema(request: Request, parameters: Parameters, _: ModelServer) -> Iterator[Finding]:
    """guided_json is a JSON Schema: an object, or a text that holds one."""
    problem = _schema_problem(parameters.guided_json)
    if problem:
        yield error(
            f"guided_json is no JSON Schema: {problem}",
            why="the engine makes a grammar of it (manual, Step 5, table 1, guided_json)",
            fix="give a JSON Schema as text, or the name of a file that holds one",
            marks=[request.at("guided_json")],
        )


def _schema_problem(schema: str | dict[str, Any] | None) -> str:
    """Why a value is not a JSON Schema; empty if it is one, or if there is none."""
    if not isinstance(schema, str):
        return ""
    try:
        value = json.loads(schema)
    except ValueError as problem:
        return str(problem)
    return "" if isinstance(value, dict) else "not an object"


REQUEST_RULES = (
    greedy_answers,
    best_of_below_n,
    stream_best_of,
    beam_search,
    length_penalty,
    multi_step_logits,
    several_tokens_one_answer,
    multi_step_prompt_logprobs,
    beam_search_forgets,
    beam_width,
    plain_beam_search,
    guided_schema,
)
