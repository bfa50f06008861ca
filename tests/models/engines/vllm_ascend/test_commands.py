"""Every command of vllm-ascend's own pages has a stack file that starts the same server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.engines.engine_args import Version
from models.engines.releases import release
from models.finding import Finding
from models.launch.launch import launch
from models.service.resolve import resolve
from tests.models.engines.vllm_ascend.commands import (
    SEVERAL_NODES,
    WITH_PAGES,
    Command,
    commands,
    parsed,
    same_meaning,
    service_of,
)
from tests.models.loading import findings, load

ALWAYS_WRITTEN = {
    *("max-model-len", "tensor-parallel-size", "gpu-memory-utilization", "host", "port", "model"),
    "shutdown-timeout",
}
"""Flags that every launch has, whether or not the page's command has them; some releases have no shutdown-timeout."""

ON_ONE_NODE = [
    pytest.param(version, command, id=f"{version} {Path(command.page).stem} {number}")
    for version in WITH_PAGES
    for number, command in enumerate(commands(version))
    if SEVERAL_NODES.isdisjoint(parsed(command.words, release(version)))
]


LONGER_THAN_ITS_MODEL = "133000"
"""`--max-model-len` of a command whose `--hf-overrides` allow 4 x 32768 tokens. vLLM 0.18.0 and 0.23.0 refuse it, asked
with a configuration of Qwen3; the facts about the pages come from models without a length."""


def is_refused_by_vllm(command: Command) -> bool:
    is_too_long = LONGER_THAN_ITS_MODEL in command.words
    return is_too_long and "--hf-overrides" in command.words and "Qwen3-235B" in command.page


def stack_file(version: Version, command: Command) -> str:
    values = parsed(command.words, release(version))
    image = f"quay.io/ascend/vllm-ascend:v{version}"
    service = service_of(values, image, release(version))
    text = {"config": {"ascend-vllm:cluster": {"context": "prod"}, "ascend-vllm:services": {"model": service}}}
    return json.dumps(text)


def errors(found: list[Finding]) -> list[str]:
    """The errors of a launch. The pages start servers by hand, some of them on 127.0.0.1, which no pod can do."""
    return [
        f"{finding.rule}: {finding.message}"
        for finding in found
        if finding.severity == "error" and finding.rule != "server-address"
    ]


def test_most_commands_start_a_server_on_one_node() -> None:
    assert len(ON_ONE_NODE) > 50


@pytest.mark.parametrize(("version", "command"), ON_ONE_NODE)
@pytest.mark.slow
def test_a_command_of_the_pages_is_accepted_unless_the_release_refuses_it(
    tmp_path: Path, version: Version, command: Command
) -> None:
    found = errors(findings(load(tmp_path, stack_file(version, command))))

    if command.refused_at is None and not is_refused_by_vllm(command):
        assert found == []
    else:
        assert found


@pytest.mark.parametrize(("version", "command"), ON_ONE_NODE)
@pytest.mark.slow
def test_the_launch_of_its_stack_file_has_the_values_of_the_command(
    tmp_path: Path, version: Version, command: Command
) -> None:
    known = release(version)
    (service,) = resolve(load(tmp_path, stack_file(version, command))).services

    launched = same_meaning(parsed(launch(service).argv, known))
    wanted = same_meaning(parsed(command.words, known))

    assert {name: launched.get(name) for name in wanted} == wanted
    further = launched.keys() - wanted.keys() - ALWAYS_WRITTEN
    assert {name: launched[name] for name in further} == {}


def test_a_key_in_other_words_keeps_its_own_name(tmp_path: Path) -> None:
    words = [
        "vllm",
        "serve",
        "/m",
        "--additional-config",
        '{"ascend_compilation_config": {"enable_npu_graph_ex": false}}',
    ]
    (service,) = resolve(load(tmp_path, stack_file("0.23.0", Command("", words)))).services

    launched = parsed(launch(service).argv, release("0.23.0"))

    assert launched["additional-config"] == {"ascend_compilation_config": {"enable_npu_graph_ex": False}}
