"""The real engine refuses what `check` refuses, and accepts what `check` accepts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from models.launch.launch import launch
from models.service.resolve import resolve
from models.service.resolved import ResolvedService
from models.stack_file.load import load_text
from tests.configs.conftest import refusals
from tests.models.engines.vllm_ascend.test_vllm_refusals import ACCEPTED, places, shown, stack_file

RELEASE = "0.23.0"
ARCHITECTURES = {
    "deepseek_v3": "DeepseekV3ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "qwen3_moe": "Qwen3MoeForCausalLM",
    "xlm-roberta": "XLMRobertaModel",
}
OF_THE_PROGRAM = {"kind", "moe", "multimodal", "num_full_attention_layers", "quantization", "rope_scaling"}
"""Facts that config.json does not have, or in another form."""

IN_THE_WORKER = {"divided-sizes", "draft-model-parts"}
"""Refusals of the worker, which divides the layers."""

NEEDS_A_DRAFT = {"draft-length", "draft-parts", "draft-vocabulary"}
"""Refusals that need the files of a draft model."""

NEEDS_A_VARIABLE = {"second-runner"}
"""Refusals that depend on a variable, which all launches of the program that asks would share."""

WITH_WEIGHTS = ("draft", "eagle3")
"""Kinds of speculative decoding that need the files of a draft model."""


NOT_SHOWN = IN_THE_WORKER | NEEDS_A_DRAFT | NEEDS_A_VARIABLE


def config_json(service: ResolvedService) -> dict[str, Any]:
    facts = service.facts
    assert facts
    config = facts.model_dump(exclude_none=True, exclude=OF_THE_PROGRAM)
    config["architectures"] = [ARCHITECTURES[facts.model_type]]
    if facts.model_type == "deepseek_v3":
        config["n_routed_experts"] = facts.num_experts
    if facts.rope_scaling:
        scaling = facts.rope_scaling.model_dump(exclude_none=True)
        config["rope_scaling"] = {"rope_type": scaling.pop("type"), **scaling}
    return config


def command(directory: Path, service: dict[str, Any]) -> list[str]:
    """The words after `vllm serve`, with a model of which only config.json exists."""
    stack = resolve(load_text("test", "Pulumi.test.yaml", stack_file(RELEASE, service)))
    (resolved,) = stack.services
    model = directory / resolved.model.name
    model.mkdir(exist_ok=True)
    (model / "config.json").write_text(json.dumps(config_json(resolved)), encoding="utf-8")
    return [str(model), *launch(resolved).argv[3:]]


def test_the_engine_refuses_each_launch_that_is_refused(tmp_path: Path) -> None:
    ids = [refusal for refusal, lines in places().items() if RELEASE in lines]
    shown_by_config = [refusal for refusal in ids if refusal not in NOT_SHOWN]
    answers = refusals([command(tmp_path, shown(refusal)) for refusal in shown_by_config])

    accepted = [refusal for refusal, answer in zip(shown_by_config, answers, strict=True) if not answer]
    assert len(shown_by_config) > 15
    assert accepted == []


def test_the_engine_accepts_each_launch_that_is_accepted(tmp_path: Path) -> None:
    without_variables = {
        name: service
        for name, service in ACCEPTED.items()
        if "env" not in service and service.get("speculative", {}).get("kind") not in WITH_WEIGHTS
    }
    answers = refusals([command(tmp_path, service) for service in without_variables.values()])

    assert len(answers) > 5
    assert dict(zip(without_variables, answers, strict=True)) == dict.fromkeys(without_variables, "")
