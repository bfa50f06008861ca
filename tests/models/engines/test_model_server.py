"""An engine release reads nothing of a service but its `ModelServer`."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from client.body import question
from models.engines.model_server import ModelServer
from models.engines.parameters import Parameters
from models.engines.requests import Kind
from models.engines.rules import RequestRule
from models.service.resolved import ResolvedService
from tests.conftest import stack_of

PLAIN = "qwen: {image: 'a:1', model: /mnt/models/Qwen2-7B-Instruct, engine: {maxModelLen: 4096}}\n"
FEATURES = """\
moe:
  image: a:1
  model: /mnt/models/Mixtral-8x7B-Instruct-v0.1
  npus: 4
  engine: {maxModelLen: 16384, dtype: float16, extraArgs: {kvCacheDtype: int8, seed: 1}}
  server: {chatTemplate: /opt/template.jinja, extraArgs: {uvicornLogLevel: warning}}
  graph: pta
  prefixCaching: true
  quantization: awq
  lora: {adapters: {first: /mnt/models/first}}
  speculative: {kind: ngram, tokens: 3, promptLookupMax: 4}
  multimodal: {imagesPerPrompt: 2}
  precision: {prefill: false, decode: true}
"""


def service_of(text: str) -> ResolvedService:
    (service,) = stack_of(text).services
    return service


def service_with(**keys: str) -> ResolvedService:
    values = {"image": "a:1", "model": "/mnt/models/a", "engine": "{maxModelLen: 4096}", **keys}
    lines = [f"  {key}: {value}\n" for key, value in values.items()]
    return service_of("qwen:\n" + "".join(lines))


def server_alone(service: ResolvedService) -> ModelServer:
    values: dict[str, Any] = {field.name: getattr(service, field.name) for field in fields(ModelServer)}
    return ModelServer(**values)


@pytest.mark.parametrize("text", [PLAIN, FEATURES])
def test_the_launch_needs_only_the_server(text: str) -> None:
    service = service_of(text)
    server = server_alone(service)

    assert service.release.argv(server, None) == service.release.argv(service, None)
    assert service.release.environment(server) == service.release.environment(service)


@pytest.mark.parametrize("text", [PLAIN, FEATURES])
def test_the_memory_needs_only_the_server(text: str) -> None:
    service = service_of(text)
    assert service.facts is not None
    use = service.release.memory_use(server_alone(service), service.facts)

    assert use == service.release.memory_use(service, service.facts)
    assert use.weights > 10**9
    assert use.token > 0


@pytest.mark.parametrize("rule", service_of(PLAIN).release.request_rules, ids=lambda rule: rule.id)
def test_a_rule_for_requests_needs_only_the_server(rule: RequestRule) -> None:
    service = service_of(FEATURES)
    fields_of_request = {"n": 2, "temperature": 0.0, "use_beam_search": True, "guided_json": "{"}
    request = question(Kind.CHAT, service, "hello", fields_of_request)
    parameters = Parameters(**{name: request.body[name] for name in fields_of_request})

    found = [*rule.check(request, parameters, server_alone(service))]

    assert found == [*rule.check(request, parameters, service)]
    assert {finding.severity for finding in found} <= {*rule.severities}
    assert rule.documentation


@pytest.mark.parametrize(
    ("keys", "counts", "reason"),
    [
        ({}, True, "the OpenAI server has gauges"),
        ({"server": "api_server"}, False, "the plain server has no metrics"),
        ({"server": "{extraArgs: {sslCertfile: /c, sslKeyfile: /k}}"}, False, "the script cannot read them over TLS"),
        ({"engine": "{maxModelLen: 4096, extraArgs: {disableLogStats: true}}"}, False, "there are no statistics"),
    ],
)
def test_the_drain_counts_requests_only_where_the_server_reports_them(
    keys: dict[str, str], counts: bool, reason: str
) -> None:
    service = service_with(**keys)

    assert service.release.counts_requests(server_alone(service)) is counts, reason


@pytest.mark.parametrize(
    ("keys", "cause"),
    [
        ({}, None),
        ({"speculative": "{kind: ngram, tokens: 3, promptLookupMax: 4}"}, "speculative.tokens"),
        ({"engine": "{maxModelLen: 4096, numSchedulerSteps: 8}"}, "engine.numSchedulerSteps"),
    ],
)
def test_an_engine_that_makes_several_tokens_at_once_has_one_answer(keys: dict[str, str], cause: str | None) -> None:
    service = service_with(**keys)

    assert service.release.single_answer_key(server_alone(service)) == cause
