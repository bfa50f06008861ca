"""Every command of vllm-ascend's own pages for one of several nodes comes out of a stack file's launch script."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from models.engines.engine_args import Version
from models.engines.releases import release
from models.launch.group import member_of
from models.launch.launch import launch, launch_of_rank
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
from tests.models.engines.vllm_ascend.test_commands import ALWAYS_WRITTEN, errors
from tests.models.loading import findings, load

ON_SEVERAL_NODES = [
    pytest.param(version, command, id=f"{version} {Path(command.page).stem} {number}")
    for version in WITH_PAGES
    for number, command in enumerate(commands(version))
    if not SEVERAL_NODES.isdisjoint(parsed(command.words, release(version)))
]

PLACEHOLDER = 1
"""A port of the pages that is a variable of their scripts."""


PARSER_OF_A_LATER_RELEASE = "kimi_k3"
"""A parser of reasoning on a page of 0.23.0 that this release does not have."""


def is_refused(command: Command) -> bool:
    return bool(command.refused_at) or PARSER_OF_A_LATER_RELEASE in command.words


def split(values: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The flags of every node, and those by which the nodes find each other."""
    group = {
        name: value
        for name, value in values.items()
        if name in SEVERAL_NODES or name in ("data-parallel-size-local", "data-parallel-rpc-port")
    }
    return {name: value for name, value in values.items() if name not in group}, group


def stack_file(version: Version, command: Command) -> str:
    shared, group = split(parsed(command.words, release(version)))
    local = group["data-parallel-size-local"]
    service = service_of(shared, f"quay.io/ascend/vllm-ascend:v{version}-a3", release(version))
    service["nodes"] = shared["data-parallel-size"] // local
    service["npus"] = shared["tensor-parallel-size"] * local
    if group["data-parallel-rpc-port"] != PLACEHOLDER:
        service["group"] = {"port": group["data-parallel-rpc-port"]}
    text = {"config": {"ascend-vllm:cluster": {"context": "prod"}, "ascend-vllm:services": {"model": service}}}
    return json.dumps(text)


def rank_of(group: dict[str, Any]) -> int:
    start: int = group.get("data-parallel-start-rank", 0)
    return start // int(group["data-parallel-size-local"])


def test_the_pages_have_commands_of_leaders_and_of_workers() -> None:
    headless = ["--headless" in command.values[1].words for command in ON_SEVERAL_NODES]

    assert sum(headless) >= 8
    assert headless.count(False) >= 8


@pytest.mark.parametrize(("version", "command"), ON_SEVERAL_NODES)
def test_a_command_for_several_nodes_has_no_error_unless_the_release_refuses_it(
    tmp_path: Path, version: Version, command: Command
) -> None:
    found = errors(findings(load(tmp_path, stack_file(version, command))))

    assert bool(found) == is_refused(command), found


@pytest.mark.parametrize(("version", "command"), ON_SEVERAL_NODES)
def test_a_command_for_several_nodes_is_the_launch_of_one_rank(
    tmp_path: Path, version: Version, command: Command
) -> None:
    page_values, page_group = split(parsed(command.words, release(version)))
    (service,) = resolve(load(tmp_path, stack_file(version, command))).services
    rank = rank_of(page_group)

    start = launch_of_rank(launch(service), member_of(service, rank))
    values, group = split(parsed([*start.argv, *start.flags_of_rank], release(version)))

    expected = same_meaning(page_values)
    actual = same_meaning(values)
    ours = {name: value for name, value in actual.items() if name not in ALWAYS_WRITTEN or name in expected}
    assert ours == expected
    assert group.pop("data-parallel-address") == (service.group and address(service, rank))
    page_group.pop("data-parallel-address")
    if page_group["data-parallel-rpc-port"] == PLACEHOLDER:
        page_group["data-parallel-rpc-port"] = 29550
    if rank == 0:
        page_group.pop("data-parallel-start-rank", None)
    assert group == page_group


def address(service: Any, rank: int) -> str:
    """A leader gets its own address, and a worker the name of the leader."""
    if rank == 0:
        return "$HCCL_IF_IP"
    return "model-group-0.model-group.inference"
