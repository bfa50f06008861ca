"""What a service does not take by its settings, its kind of server and its release."""

from __future__ import annotations

import json
from collections.abc import Iterator

from client.kinds import BEAM_FIELDS, Kind
from client.parameters import Parameters
from client.request import Asked, pictures, setting, tokens_given
from models.finding import Finding, Mark, error, warning
from models.service.resolved import ResolvedService
from models.stack_file.unknown_keys import nearest
from models.words import counted

_PROCESSED = ("guided_json", "guided_regex", "guided_choice", "guided_grammar", "logit_bias", "allowed_token_ids")


def model_not_served(asked: Asked, _: Parameters, service: ResolvedService) -> Iterator[Finding]:
    """The model is one that the service serves: its names, else the path of its weights, and its LoRA adapters."""
    names, given = service.model_names, asked.body.get("model")
    if asked.kind is not Kind.GENERATE and given not in names:
        near = nearest(str(given), dict.fromkeys(names))
        yield error(
            f"{service.name} serves no model {given!r}",
            why="vLLM answers 404 to other names (vllm/entrypoints/openai/serving_engine.py:169)",
            fix=f"write {near}" if near else f"name one of: {', '.join(names)}",
            marks=[asked.at("model"), setting(service, "engine.servedModelName")],
        )


def multi_step_logits(asked: Asked, _: Parameters, service: ResolvedService) -> Iterator[Finding]:
    """With multi-step scheduling no request may bend the probabilities of tokens: guided decoding, logit_bias."""
    if service.engine.num_scheduler_steps == 1:
        return
    shaped = [field for field in _PROCESSED if asked.body.get(field)]
    if (asked.body.get("response_format") or {}) == {"type": "json_object"}:
        shaped.append("response_format")
    for field in shaped:
        yield error(
            f"{field} would end the engine of {service.name}, and all requests with it",
            why="multi-step scheduling has no logits processors (vllm/worker/multi_step_model_runner.py:822)",
            fix=f"leave {field} out, or set engine.numSchedulerSteps: 1",
            marks=[asked.at(field), setting(service, "engine.numSchedulerSteps")],
        )


def several_tokens_one_answer(asked: Asked, given: Parameters, service: ResolvedService) -> Iterator[Finding]:
    """Where the engine makes several tokens at a time, a request has one answer."""
    cause = one_answer(service)
    if cause and given.answers > 1 and not given.use_beam_search:
        field = "n" if given.n > 1 else "best_of"
        yield error(
            f"{field} {given.answers} would end the engine of {service.name}, and all requests with it",
            why="an engine that makes several tokens at a time asserts that a request has one answer "
            "(vllm/engine/output_processor/multi_step.py:98)",
            fix=f"ask {given.answers} times, or remove {cause}",
            marks=[asked.at(field), setting(service, cause)],
        )


def one_answer(service: ResolvedService) -> str | None:
    """The setting for which requests have one answer only, or None when they may have several."""
    if service.engine.num_scheduler_steps > 1:
        return "engine.numSchedulerSteps"
    return "speculative.tokens" if service.speculative else None


def multi_step_prompt_logprobs(asked: Asked, _: Parameters, service: ResolvedService) -> Iterator[Finding]:
    """With multi-step scheduling there are no probabilities of the prompt's tokens."""
    if service.engine.num_scheduler_steps > 1 and asked.body.get("prompt_logprobs"):
        yield error(
            f"prompt_logprobs would end the engine of {service.name}, and all requests with it",
            why="multi-step scheduling does not have them (https://github.com/vllm-project/vllm/issues/8198)",
            fix="leave prompt_logprobs out, or set engine.numSchedulerSteps: 1",
            marks=[asked.at("prompt_logprobs"), setting(service, "engine.numSchedulerSteps")],
        )


def too_long(asked: Asked, given: Parameters, service: ResolvedService) -> Iterator[Finding]:
    """Prompt and max_tokens together are within the service's length; a text is one token at least."""
    prompt, longest = max(tokens_given(asked.body), 1), service.engine.max_model_len
    answer = given.max_tokens or 1
    if prompt + answer > longest:
        yield length_error(asked, service, prompt, answer)


def length_error(asked: Asked, service: ResolvedService, prompt: int, answer: int) -> Finding:
    """A request that is longer than the service allows, by the tokens of its prompt and of its answer."""
    longest = service.engine.max_model_len
    return Finding(
        "too-long",
        "error",
        f"{counted(prompt, 'token')} of the prompt and max_tokens {answer} are more than {longest}",
        "vLLM answers 400 beyond maxModelLen (vllm/entrypoints/openai/serving_engine.py:272)",
        f"lower max_tokens to {longest - prompt}" if prompt < longest else "shorten the prompt",
        (asked.at("max_tokens"), setting(service, "engine.maxModelLen")),
    )


def picture_count(asked: Asked, _: Parameters, service: ResolvedService) -> Iterator[Finding]:
    """Pictures go to services for pictures, and no more of them than one request may have."""
    given = len(pictures(asked.body))
    where = Mark(("PICTURE",)) if asked.kind is Kind.IMAGE and not asked.file else asked.at("messages")
    if given and service.multimodal is None:
        yield error(
            f"{service.name} reads no pictures",
            why="multimodal is not set, so its model is taken for one of text",
            fix="ask a service that has multimodal, or set multimodal: true for a model that reads pictures",
            marks=[where, setting(service, "multimodal")],
        )
        return
    most = (service.multimodal and service.multimodal.images_per_prompt) or 1
    if given > most:
        yield error(
            f"{given} pictures are more than the {most} that {service.name} takes in a request",
            why="vLLM answers 400 beyond --limit-mm-per-prompt (vllm/entrypoints/chat_utils.py:208)",
            fix=f"send {most}, or set multimodal.imagesPerPrompt: {given}",
            marks=[where, setting(service, "multimodal.imagesPerPrompt")],
        )


def beam_search_forgets(asked: Asked, given: Parameters, service: ResolvedService) -> Iterator[Finding]:
    """Beam search answers for the model itself, without its LoRA adapter and without pictures."""
    adapter = service.lora is not None and asked.body.get("model") in [*service.lora.adapters]
    if given.use_beam_search and (adapter or pictures(asked.body)):
        yield error(
            f"beam search does not see the {'LoRA adapter' if adapter else 'picture'}",
            why="vLLM 0.6.3 searches with the prompt's tokens alone (vllm/engine/async_llm_engine.py:1042)",
            fix="leave beam search out",
            marks=[asked.at("use_beam_search"), asked.at("model" if adapter else "messages")],
        )


def beam_width(asked: Asked, given: Parameters, service: ResolvedService) -> Iterator[Finding]:
    """Beam search asks for the probabilities of twice as many tokens as it is wide, of which there are so many only."""
    most = int(service.further("max-logprobs") or 20)
    if given.use_beam_search and 2 * given.n > most:
        yield error(
            f"a beam search of width {given.n} needs {2 * given.n} probabilities of each token, and there are {most}",
            why="vLLM answers 400 beyond --max-logprobs (vllm/engine/llm_engine.py:846, async_llm_engine.py:1063)",
            fix=f"lower n to {most // 2}, or raise maxLogprobs under engine.extraArgs",
            marks=[asked.at("n")],
        )


def plain_beam_search(asked: Asked, _: Parameters, service: ResolvedService) -> Iterator[Finding]:
    """The manual sends beam search to `/generate`; vLLM's own 0.6.3 does not know it there."""
    given = [field for field in BEAM_FIELDS if field in asked.body]
    if asked.kind is Kind.GENERATE and given:
        yield warning(
            f"/generate of vLLM's own {service.engine.version} answers 500 to {' and '.join(given)}",
            why="it was removed from SamplingParams (vllm/sampling_params.py:94); the manual has it (Step 5, way 2), "
            "so Ascend's image may take it",
            fix="where the image answers 500, start the service with server.kind openai",
            marks=[asked.at(given[0]), setting(service, "server.kind")],
        )


def guided_schema(asked: Asked, given: Parameters, _: ResolvedService) -> Iterator[Finding]:
    """guided_json is a JSON Schema: an object, or a text that holds one."""
    schema = given.guided_json
    try:
        whole = isinstance(json.loads(schema) if isinstance(schema, str) else schema, dict)
        said = "not an object"
    except ValueError as problem:
        whole, said = False, str(problem)
    if schema is not None and not whole:
        yield error(
            f"guided_json is no JSON Schema: {said}",
            why="the engine makes a grammar of it (manual, Step 5, table 1, guided_json)",
            fix="give a JSON Schema as text, or the name of a file that holds one",
            marks=[asked.at("guided_json")],
        )


SERVICE_RULES = (
    model_not_served,
    multi_step_logits,
    several_tokens_one_answer,
    multi_step_prompt_logprobs,
    too_long,
    picture_count,
    beam_search_forgets,
    beam_width,
    plain_beam_search,
    guided_schema,
)
"""The rules; the name of each is its id."""
