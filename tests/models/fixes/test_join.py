"""A fix that leads to another error about the same value is joined with the fix of that error."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml

from models.check import check
from models.finding import Finding
from models.fixes import join
from models.service.resolve import resolve
from models.stack_file.load import load_text
from tests.rules.edits import alternatives, apply

OLD: dict[str, Any] = {
    "image": "registry.example.com/ascend-vllm:6.3.912",
    "model": "/mnt/models/Qwen2-7B-Instruct",
    "npus": 4,
    "engine": {"maxModelLen": 4096, "tensorParallelSize": 4},
}
NEW: dict[str, Any] = {
    "image": "quay.io/ascend/vllm-ascend:v0.18.0",
    "model": "/mnt/models/Qwen3-8B",
    "npus": 4,
    "engine": {"maxModelLen": 8192, "tensorParallelSize": 4},
}

CIRCLES = [
    # a service, a key of `engine` or of the service, and the joined fix
    (OLD, "engine: {maxNumBatchedTokens: 0}", "write engine.maxNumBatchedTokens: 4096"),
    (OLD, "engine: {asyncScheduling: 'true'}", "write engine.numSchedulerSteps: 8 and remove engine.asyncScheduling"),
    (
        NEW,
        "engine: {numSchedulerSteps: '8'}",
        "remove engine.numSchedulerSteps (vLLM 0.18.0 has no setting for engine.numSchedulerSteps)",
    ),
    (
        NEW,
        "engine: {version: 0.23.1}",
        "remove engine.version (engine.version is 0.23.0, but the image's tag names 0.18.0)",
    ),
    (
        NEW,
        "engine: {extraArgs: {quantization: awq}}",
        "remove engine.extraArgs.quantization (vLLM 0.18.0 does not accept quantization awq)",
    ),
    (OLD, "engine: {extraArgs: [--seed]}", "remove engine.extraArgs (--seed must be a whole number)"),
    (NEW, "npus: 1000000", "write npus: 16"),
    (NEW, "npus: all", "write npus: 4"),
    (OLD, "graph: piecewise", "remove graph (vLLM 0.6.3 has no setting for graph.mode)"),
    (
        NEW,
        "speculative: mtp",
        "remove speculative (speculative decoding is mtp, but vLLM 0.18.0 has no MTP layers for Qwen3-8B)",
    ),
    (
        OLD,
        "podDisruptionBudget: {minAvailable: 1}",
        "write disruptionBudget: {maxUnavailable: 1} and remove podDisruptionBudget",
    ),
    (NEW, "queue: {name: q}", "write queue: default"),
    (
        OLD,
        "engine: {ropeScaling: {type: yarn, factor: 4}}",
        "write engine.extraArgs.ropeScaling: {factor: 4, type: yarn, original_max_position_embeddings: 32768}"
        " and remove engine.ropeScaling",
    ),
]


def stack(service: dict[str, Any], line: str) -> str:
    service = copy.deepcopy(service)
    entry = yaml.safe_load(line)
    service["engine"].update(entry.pop("engine", {}))
    config = {"ascend-vllm:cluster": {"context": "prod"}, "ascend-vllm:services": {"qwen": {**service, **entry}}}
    return yaml.safe_dump({"config": config}, sort_keys=False)


def errors(text: str) -> list[Finding]:
    return [*check(resolve(load_text("test", "Pulumi.test.yaml", text))).errors]


@pytest.mark.parametrize(("service", "line", "fix"), CIRCLES)
def test_a_fix_needs_no_second_fix_of_the_same_value(service: dict[str, Any], line: str, fix: str) -> None:
    text = stack(service, line)
    (finding,) = errors(text)

    assert finding.fix.partition(", or ")[0] == fix
    edits, *_ = alternatives(finding.fix)
    assert errors(apply(edits, finding, text)) == []


def test_the_alternatives_that_work_stay_as_they_are() -> None:
    finding, *_ = [found for found in errors(stack(OLD, "npus: 3")) if found.rule == "npu-counts"]

    assert finding.fix == "write npus: 4, or correct cluster.platform.npuCounts"


@pytest.mark.parametrize("limit", ["MOST_ERRORS", "MOST_RESOLVED"])
def test_the_fixes_of_a_large_stack_are_not_tried(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(join, limit, 0)
    (finding,) = errors(stack(OLD, "engine: {maxNumBatchedTokens: 0}"))

    assert finding.fix == "write maxNumBatchedTokens: 1"


def test_nothing_is_tried_on_a_stack_without_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(join, "resolve")
    monkeypatch.delattr(join, "parse_stack")

    assert errors(stack(OLD, "replicas: 2")) == []


def test_a_renamed_value_that_may_be_a_credential_is_not_repeated() -> None:
    secret = "hf_abcdefghijklmnopqrstuvwxyzabcdef"  # of no one
    text = stack(NEW, f"environment: {{HF_TOKEN: {secret}, VLLM_LOGGING_LEVEL: loud}}")

    assert [finding.fix for finding in errors(text) if secret in finding.fix] == []


def test_a_key_with_a_space_is_renamed() -> None:
    text = stack(NEW, "env: {A B: x}")
    (finding,) = errors(text)

    assert finding.fix == "rename env.A B to A_B"
    (edits,) = alternatives(finding.fix)
    assert errors(apply(edits, finding, text)) == []
