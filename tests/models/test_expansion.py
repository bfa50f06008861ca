"""Values of containers reach their processes as they are, whatever Kubernetes expands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.manifests import service_objects
from models.manifests.expansion import literal, literal_container
from tests.models.test_pod_template import EVERYTHING
from tests.review.stacks import stack

VARIABLES = {"VLLM_API_KEY": "sk-secret", "A": "a", "KUBERNETES_SERVICE_HOST": "10.0.0.1"}


def expanded(text: str, variables: Mapping[str, str] = VARIABLES) -> str:
    """What the kubelet makes of a text: third_party/forked/golang/expansion/expand.go of Kubernetes, line by line."""
    result = ""
    checkpoint = cursor = 0
    while cursor < len(text):
        if text[cursor] == "$" and cursor + 1 < len(text):
            result += text[checkpoint:cursor]
            read, is_variable, advance = read_name(text[cursor + 1 :])
            result += variables.get(read, f"$({read})") if is_variable else read
            cursor += advance
            checkpoint = cursor + 1
        cursor += 1
    return result + text[checkpoint:]


def read_name(text: str) -> tuple[str, bool, int]:
    if text[0] == "$":
        return "$", False, 1
    if not text[0].isascii():
        return "$\ufffd", False, 1  # one byte of several
    if text[0] != "(":
        return f"${text[0]}", False, 1
    end = text.find(")", 1)
    if end < 0:
        return "$(", False, 1
    return text[1:end], True, end + 1


ESCAPED = {
    "$(VLLM_API_KEY)": "$$(VLLM_API_KEY)",
    "a$$b": "a$$$$b",
    "$$(A)": "$$$$(A)",
    "$$$(A)": "$$$$$$(A)",
    "$(A)$(A)": "$$(A)$$(A)",
    "$": "$",
    "$(A": "$(A",
    "${A} $0 $A": "${A} $0 $A",
    "$(command -v python || command -v python3)": "$(command -v python || command -v python3)",
    "$(echo $(A))": "$(echo $(A))",
    "$($$)": "$($$)",
    "$(": "$(",
    "$(\n)$(A)": "$(\n)$$(A)",
    "$模型": "$$模型",
    "$(模)": "$(模)",
    "": "",
}
"""Texts, and how the program writes them. tests/node passes them to a real kubelet."""


@pytest.mark.parametrize(("text", "written"), ESCAPED.items())
def test_only_what_kubernetes_would_change_is_escaped(text: str, written: str) -> None:
    assert literal(text) == written
    assert expanded(written) == text


texts = st.lists(st.sampled_from(["$", "(", ")", "A", "VLLM_API_KEY", "$$", "$(A)", " ", "\n", "模", "|", "'"])).map(
    "".join
)


@given(texts)
def test_any_text_is_the_same_after_the_expansion(text: str) -> None:
    assert expanded(literal(text)) == text


def test_the_smoke_job_asks_for_models_by_their_names() -> None:
    names = ["$(VLLM_API_KEY)", "a$$b", "$$$$(A)"]
    service = {"smoke": True, "engine": {"servedModelName": names}, "server": {"apiKey": {"secret": "a", "key": "b"}}}
    container = containers_of(service)["smoke"]
    words = [expanded(word) for word in container["command"]]

    assert json.loads(words[-1])["models"] == names
    assert "sk-secret" not in " ".join(words)


def test_no_value_of_a_container_depends_on_a_variable() -> None:
    for name, container in containers_of({**EVERYTHING, "smoke": True}).items():
        for word in [*container.get("command", []), *container.get("args", [])]:
            assert expanded(word, VARIABLES) == expanded(word, {}), name
        for variable in container.get("env", []):
            assert expanded(variable.get("value", ""), VARIABLES) == expanded(variable.get("value", ""), {})


def test_values_of_variables_are_escaped_and_sources_stay() -> None:
    source = {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
    container = literal_container({"name": "a", "env": [{"name": "A", "value": "$(B)"}, source], "args": ["$$"]})

    assert container == {"name": "a", "env": [{"name": "A", "value": "$$(B)"}, source], "args": ["$$$$"]}


def test_containers_of_the_patch_stay_as_they_are_written() -> None:
    side = {"name": "side", "image": "side:1", "args": ["$(A)", "$$"], "env": [{"name": "A", "value": "$(B)$$"}]}

    assert containers_of({"podTemplate": {"spec": {"containers": [side]}}})["side"] == side


def containers_of(service: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The containers of all objects of a service, by their names."""
    (resolved,) = stack({"qwen": service}).services
    containers = {}
    for manifest in service_objects(resolved):
        spec = manifest.get("spec", {}).get("template", {}).get("spec", {})
        for container in [*spec.get("containers", []), *spec.get("initContainers", [])]:
            containers[container["name"]] = container
    return containers
