"""A refused value of a record in somebody's own program is reported in the words of `check`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components import ClusterConfig, EngineArgs, InferenceDeploymentArgs, ServiceConfig

MODEL = "/mnt/models/Qwen2-7B-Instruct"


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda: ServiceConfig(image="x", model=MODEL), "engine is missing"),
        (
            lambda: ServiceConfig(image="x", model=MODEL, engine={"maxModelLen": 4096}, npus="two"),
            'npus must be a whole number, not text "two"',
        ),
        (
            lambda: ServiceConfig(image="x", model=MODEL, engine={"maxModelLen": 4096}, npuz=2),
            "unknown key 'npuz'\n    fix: write npus: 2",
        ),
        (lambda: EngineArgs(max_model_len="long"), 'max_model_len must be a whole number, not text "long"'),
        (lambda: ClusterConfig(contxt="prod"), "context is missing"),
    ],
    ids=["a missing key", "a wrong type", "an unknown key", "the engine", "the cluster"],
)
def test_a_refused_value_is_told_without_the_text_of_a_library(build: Callable[[], object], text: str) -> None:
    with pytest.raises(pulumi.RunError) as refusal:
        build()

    assert text in str(refusal.value)
    assert "pydantic" not in str(refusal.value)
    assert "input_type" not in str(refusal.value)


def test_a_valid_record_can_be_written_with_the_names_of_python() -> None:
    service = ServiceConfig(image="x", model=MODEL, engine=EngineArgs(max_model_len=4096))

    assert service.engine.max_model_len == 4096


def test_a_mapping_is_refused_with_the_record_to_write() -> None:
    values: Any = {"image": "x:1", "model": "/mnt/models/x", "engine": {"maxModelLen": 4096}}

    with pytest.raises(
        pulumi.RunError, match=r"config is a dict, not a ServiceConfig\n  fix: write config=ServiceConfig"
    ):
        InferenceDeploymentArgs(config=values, cluster=ClusterConfig(context="prod"))
