"""The real parser of each release reads the place of each pod of generated servers over several nodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from models.engines.engine_args import Version
from models.engines.releases import release
from models.engines.vllm_ascend.tables import RELEASES
from models.launch.group import member_of
from models.launch.launch import launch, launch_of_rank
from models.service.resolved import ResolvedService
from tests.models.engines.vllm_ascend.generated_services import services
from tests.models.engines.vllm_ascend.test_generated_launches import resolved
from tests.parsers.conftest import ask_parser

GROUPS = 300


def over_nodes(service: dict[str, Any], nodes: int, copies: int) -> dict[str, Any]:
    """The service over these nodes: so many copies of the engine on each, or one over all of them if there are none."""
    sizes = {"dataParallelSize": nodes * copies, "pipelineParallelSize": 1}
    if not copies:
        sizes = {"dataParallelSize": 1, "pipelineParallelSize": nodes}
    engine = {**service["engine"], **sizes}
    npus = engine.get("tensorParallelSize", 1) * max(copies, 1)
    return {**service, "nodes": nodes, "npus": npus, "engine": engine}


def generated_groups(version: Version) -> list[ResolvedService]:
    groups: list[ResolvedService] = []

    @settings(
        max_examples=GROUPS,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(services(release(version)), st.integers(min_value=2, max_value=5), st.integers(min_value=0, max_value=3))
    def generate(service: dict[str, Any], nodes: int, copies: int) -> None:
        groups.append(resolved(over_nodes(service, nodes, copies)))

    generate()
    return groups


def members(group: ResolvedService) -> Iterator[int]:
    """The leader, the first worker and the last one."""
    yield from sorted({0, 1, group.nodes - 1})


def words(group: ResolvedService, rank: int) -> list[str]:
    """The words of a pod after `vllm serve`."""
    start = launch_of_rank(launch(group), member_of(group, rank))
    return [*start.argv, *start.flags_of_rank][2:]


def place(group: ResolvedService, rank: int) -> dict[str, Any]:
    """The values by which the pods find each other, as `nodes` means them."""
    leader = member_of(group, rank).leader_address if rank else "$HCCL_IF_IP"
    port = group.group.port if group.group else 0
    if group.engine.data_parallel_size == 1:
        return {
            "headless": rank > 0,
            "nnodes": group.nodes,
            "node_rank": rank,
            "master_addr": leader,
            "master_port": port,
        }
    local = group.engine.data_parallel_size // group.nodes
    return {
        "headless": rank > 0,
        "nnodes": 1,
        "data_parallel_size": group.engine.data_parallel_size,
        "data_parallel_size_local": local,
        "data_parallel_start_rank": rank * local or None,
        "data_parallel_address": leader,
        "data_parallel_rpc_port": port,
        "data_parallel_rank": None,
    }


@pytest.mark.parametrize("version", RELEASES)
def test_the_parser_reads_the_place_of_each_pod(version: Version) -> None:
    pods = [(group, rank) for group in generated_groups(version) for rank in members(group)]
    answers = ask_parser(version, [words(group, rank) for group, rank in pods])

    assert len(pods) > 2 * GROUPS
    assert len({group.group.launch for group, _ in pods if group.group}) == 2
    for (group, rank), answer in zip(pods, answers, strict=True):
        assert answer.values is not None, (words(group, rank), answer.error)
        expected = place(group, rank)
        assert {name: answer.values[name] for name in expected} == expected, words(group, rank)
        if rank:
            assert answer.values["api_server_count"] is None, "vLLM refuses it without an API server"
