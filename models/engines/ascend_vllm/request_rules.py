"""Rules on requests for Ascend-vLLM 0.6.3: what the server refuses, and what would stop its engine.

The name of a rule's function is its id.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from models.engines.ascend_vllm.requests import BEAM_FIELDS, single_answer_key
from models.engines.model_server import ModelServer
from models.engines.parameters import Parameters, schema_problem
from models.engines.requests import Kind, Request, service_key
from models.engines.rules import request_rule
from models.finding import Finding, error, warning

_LOGITS_FIELDS = (
    "guided_json",
    "guided_regex",
    "guided_choice",
    "guided_grammar",
    "logit_bias",
    "allowed_token_ids",
)
"""Fields that change the probabilities of tokens."""


@request_rule("error")
def greedy_answers(
    request: Request, parameters: Parameters, _: ModelServer
) -> Iterator[Finding]:
    """Several answers require random sampling: greedy sampling has only one answer (manual, Step 5, table 1, n)."""
    if parameters.use_beam_search or not parameters.greedy or parameters.answers == 1:
        return
    field = "n" if parameters.n > 1 else "best_of"
    yield error(
        f"{field} is {parameters.answers}, but temperature {parameters.temperature:g} allows only one answer",
        why="vLLM 0.6.3 refuses it (vllm/sampling_params.py:399); manual, Step 5, table 1, n",
        fix=f"write temperature 1, or {field} 1",
        marks=[request.at("temperature"), request.at(field)],
    )


@request_rule("error")
def best_of_below_n(
    request: Request, parameters: Parameters, _: ModelServer
) -> Iterator[Finding]:
    """The engine generates at least as many answers as it returns."""
    if (
        parameters.use_beam_search
        or parameters.best_of is None
        or parameters.best_of >= parameters.n
    ):
        return
    yield error(
        f"best_of {parameters.best_of} is less than n {parameters.n}",
        why="vLLM returns the n best of best_of answers (vllm/sampling_params.py:292)",
        fix=f"raise best_of to {parameters.n}, or remove it",
        marks=[request.at("best_of"), request.at("n")],
    )


@request_rule("error")
def stream_best_of(
    request: Request, parameters: Parameters, _: ModelServer
) -> Iterator[Finding]:
    """The best of several answers cannot be streamed: they are compared when all of them are complete."""
    if (
        request.kind is Kind.GENERATE
        or parameters.use_beam_search
        or not parameters.stream
    ):
        return
    if parameters.best_of in (None, parameters.n):
        return
    yield error(
        f"cannot stream the best of {parameters.best_of} answers",
        why="vLLM 0.6.3 refuses stream if best_of differs from n (vllm/sampling_params.py:394)",
        fix="remove stream or best_of",
        marks=[request.at("stream"), request.at("best_of")],
    )


@request_rule("error")
def beam_search(
    request: Request, parameters: Parameters, _: ModelServer
) -> Iterator[Finding]:
    """Beam search requires n above 1, top_p 1, top_k -1 and temperature 0 (manual, Step 5, table 1, use_beam_search).

    n is the width of the search. The manual's own request to `/generate` calls it best_of.
    """
    if not parameters.use_beam_search:
        return
    width = parameters.n
    if request.kind is Kind.GENERATE:
        width = parameters.answers
    required: dict[str, str] = {}
    fixes: dict[str, str] = {}
    if width < 2:
        required["n"] = "above 1"
        fixes["n"] = "2"
    if parameters.top_p != 1:
        required["top_p"] = fixes["top_p"] = "1"
    if parameters.top_k != -1:
        required["top_k"] = fixes["top_k"] = "-1"
    if parameters.temperature != 0:
        required["temperature"] = fixes["temperature"] = "0"
    if not required:
        return
    yield error(
        f"beam search requires {_assignments(required)}",
        why="beam search does not sample, and n is its width (manual, Step 5, table 1, use_beam_search)",
        fix=f"write {_assignments(fixes)}",
        marks=[request.at(field) for field in ("use_beam_search", *required)],
    )


def _assignments(values: Mapping[str, str]) -> str:
    return ", ".join(f"{field} {value}" for field, value in values.items())


@request_rule("error")
def length_penalty(
    request: Request, parameters: Parameters, _: ModelServer
) -> Iterator[Finding]:
    """length_penalty requires beam search and best_of above 1 (manual, Step 5, table 1, length_penalty)."""
    if parameters.length_penalty == 1:
        return
    missing = []
    if not parameters.use_beam_search:
        missing.append("use_beam_search true")
    if parameters.best_of in (None, 1):
        missing.append(f"best_of {max(parameters.n, 2)}")
    if not missing:
        return
    additions = " and ".join(missing)
    yield error(
        f"length_penalty requires {additions}",
        why="only beam search uses it (manual, Step 5, table 1, length_penalty)",
        fix=f"add {additions}, or remove length_penalty",
        marks=[request.at("length_penalty")],
    )


@request_rule("error")
def multi_step_logits(
    request: Request, _: Parameters, server: ModelServer
) -> Iterator[Finding]:
    """With multi-step scheduling, requests cannot use guided decoding or logit_bias."""
    if server.engine.num_scheduler_steps == 1:
        return
    fields = [field for field in _LOGITS_FIELDS if request.body.get(field)]
    if request.body.get("response_format") == {"type": "json_object"}:
        fields.append("response_format")
    for field in fields:
        yield error(
            f"{field} would stop the engine of {server.name} and fail all its requests",
            why="multi-step scheduling does not support logits processors (vllm/worker/multi_step_model_runner.py:822)",
            fix=f"remove {field}, or set engine.numSchedulerSteps: 1",
            marks=[request.at(field), service_key(server, "engine.numSchedulerSteps")],
        )


@request_rule("error")
def several_tokens_one_answer(
    request: Request,
    parameters: Parameters,
    server: ModelServer,
) -> Iterator[Finding]:
    """A request has one answer if the engine generates several tokens in one step."""
    cause = single_answer_key(server)
    if cause is None or parameters.use_beam_search or parameters.answers == 1:
        return
    field = "n" if parameters.n > 1 else "best_of"
    yield error(
        f"{field} {parameters.answers} would stop the engine of {server.name} and fail all its requests",
        why="an engine that generates several tokens in one step asserts that a request has one answer "
        "(vllm/engine/output_processor/multi_step.py:98)",
        fix=f"send {parameters.answers} requests, or remove {cause}",
        marks=[request.at(field), service_key(server, cause)],
    )


@request_rule("error")
def multi_step_prompt_logprobs(
    request: Request, _: Parameters, server: ModelServer
) -> Iterator[Finding]:
    """With multi-step scheduling, requests cannot use prompt_logprobs."""
    if server.engine.num_scheduler_steps == 1 or not request.body.get(
        "prompt_logprobs"
    ):
        return
    yield error(
        f"prompt_logprobs would stop the engine of {server.name} and fail all its requests",
        why="multi-step scheduling does not support it (https://github.com/vllm-project/vllm/issues/8198)",
        fix="remove prompt_logprobs, or set engine.numSchedulerSteps: 1",
        marks=[
            request.at("prompt_logprobs"),
            service_key(server, "engine.numSchedulerSteps"),
        ],
    )


@request_rule("error")
def beam_search_forgets(
    request: Request, parameters: Parameters, server: ModelServer
) -> Iterator[Finding]:
    """Beam search uses neither a LoRA adapter nor pictures."""
    if not parameters.use_beam_search:
        return
    if server.lora is not None and request.body.get("model") in list(
        server.lora.adapters
    ):
        ignored = "the LoRA adapter"
        field = "model"
    elif request.pictures:
        ignored = "the picture"
        field = "messages"
    else:
        return
    yield error(
        f"beam search ignores {ignored}",
        why="vLLM 0.6.3 searches with the tokens of the prompt alone (vllm/engine/async_llm_engine.py:1042)",
        fix="remove use_beam_search and n",
        marks=[request.at("use_beam_search"), request.at(field)],
    )


@request_rule("error")
def beam_width(
    request: Request, parameters: Parameters, server: ModelServer
) -> Iterator[Finding]:
    """Beam search requests the probabilities of 2 × n tokens, which must not exceed the limit of the server."""
    limit = int(server.further("max-logprobs") or 20)
    required = 2 * parameters.n
    if not parameters.use_beam_search or required <= limit:
        return
    yield error(
        f"beam search with n {parameters.n} requires {required} probabilities for each token, the limit is {limit}",
        why="vLLM answers 400 to more than --max-logprobs (vllm/engine/llm_engine.py:846, async_llm_engine.py:1063)",
        fix=f"lower n to {limit // 2}, or write engine.extraArgs.maxLogprobs: {required} in the stack file",
        marks=[request.at("n")],
    )


@request_rule("warning")
def plain_beam_search(
    request: Request, _: Parameters, server: ModelServer
) -> Iterator[Finding]:
    """The manual sends beam search to `/generate`, but vLLM 0.6.3 itself does not support it there."""
    fields = [field for field in BEAM_FIELDS if field in request.body]
    if request.kind is not Kind.GENERATE or not fields:
        return
    yield warning(
        f"/generate of vLLM {server.release.version} answers 500 to {' and '.join(fields)}",
        why="vLLM removed it from SamplingParams (vllm/sampling_params.py:94); the manual has it (Step 5, way 2), "
        "so Ascend's image may accept it",
        fix="if the image answers 500, start the service with server.kind openai",
        marks=[request.at(fields[0]), service_key(server, "server.kind")],
    )


@request_rule("error")
def guided_schema(
    request: Request, parameters: Parameters, _: ModelServer
) -> Iterator[Finding]:
    """guided_json is a JSON Schema: an object, or a text that contains an object."""
    problem = schema_problem(parameters.guided_json)
    if problem is None:
        return
    yield error(
        f"guided_json is not a JSON Schema: {problem}",
        why="the engine makes a grammar from it (manual, Step 5, table 1, guided_json)",
        fix="pass a JSON Schema as text, or the name of a file that contains one",
        marks=[request.at("guided_json")],
    )


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
