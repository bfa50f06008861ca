"""The launch of a server over several nodes: one script for all of its pods."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.launch.group import member_of, member_variables
from models.launch.launch import launch, script
from tests.models.groups.stacks import group_of, started_with

TWO_COPIES = "{maxModelLen: 8192, tensorParallelSize: 16, dataParallelSize: 2}"
FOUR_COPIES = "{maxModelLen: 8192, tensorParallelSize: 8, dataParallelSize: 4}"
ONE_COPY = "{maxModelLen: 8192, tensorParallelSize: 32}"
STAGES = "{maxModelLen: 8192, tensorParallelSize: 16, pipelineParallelSize: 2}"


@pytest.mark.parametrize(
    ("engine", "form", "reason"),
    [
        (TWO_COPIES, "dataParallel", "2 copies of the engine, each on 16 NPUs of one node"),
        (FOUR_COPIES, "dataParallel", "4 copies of the engine, each on 8 NPUs of one node"),
        (ONE_COPY, "nnodes", "one copy of the engine on 32 NPUs"),
        (STAGES, "nnodes", "one copy of the engine on 32 NPUs"),
    ],
)
def test_the_form_of_the_launch_follows_from_the_parallel_sizes(engine: str, form: str, reason: str) -> None:
    service = group_of(engine)

    assert service.group is not None
    assert service.group.launch == form
    assert service.origins["group.launch"].source == reason


def test_the_stack_file_may_choose_the_form_and_the_ports() -> None:
    service = group_of(TWO_COPIES, group="{launch: nnodes, port: 13389}")

    assert service.group is not None
    assert (service.group.launch, service.group.port) == ("nnodes", 13389)


def test_without_sizes_one_copy_of_the_engine_takes_all_npus_of_all_nodes() -> None:
    assert group_of().engine.tensor_parallel_size == 32


def test_without_npus_each_node_gives_its_share_of_what_the_engine_uses() -> None:
    assert group_of(FOUR_COPIES, npus=None).npus == 16


def rank(number: int) -> dict[str, str]:
    variables = member_variables(member_of(group_of(), number))
    return {**variables, "HCCL_IF_IP": "10.0.0.7"}


def test_the_leader_serves_and_binds_to_its_own_address(tmp_path: Path) -> None:
    words = started_with(group_of(FOUR_COPIES), tmp_path, rank(0))

    assert words[-3:] == [
        "--data-parallel-size-local=2",
        "--data-parallel-rpc-port=29550",
        "--data-parallel-address=10.0.0.7",
    ]
    assert "--headless" not in words
    assert not [word for word in words if word.startswith("--data-parallel-start-rank")]


def test_a_worker_starts_with_its_first_copy_and_finds_the_leader_by_name(tmp_path: Path) -> None:
    words = started_with(group_of(FOUR_COPIES), tmp_path, rank(1))

    assert words[-5:] == [
        "--data-parallel-size-local=2",
        "--data-parallel-rpc-port=29550",
        "--data-parallel-address=deepseek-group-0.deepseek-group.inference",
        "--data-parallel-start-rank=2",
        "--headless",
    ]


def test_the_parts_of_one_copy_have_a_rank_each(tmp_path: Path) -> None:
    leader = started_with(group_of(STAGES), tmp_path, rank(0))
    worker = started_with(group_of(STAGES), tmp_path, rank(1))

    assert leader[-4:] == ["--nnodes=2", "--node-rank=0", "--master-port=29501", "--master-addr=10.0.0.7"]
    assert worker[-5:] == [
        "--nnodes=2",
        "--node-rank=1",
        "--master-port=29501",
        "--master-addr=deepseek-group-0.deepseek-group.inference",
        "--headless",
    ]


def test_only_the_leader_gets_the_number_of_api_servers(tmp_path: Path) -> None:
    engine = "{maxModelLen: 8192, tensorParallelSize: 16, dataParallelSize: 2, extraArgs: {apiServerCount: 2}}"
    service = group_of(engine)

    assert "--api-server-count=2" in started_with(service, tmp_path, rank(0))
    assert "--api-server-count=2" not in started_with(service, tmp_path, rank(1))


@pytest.mark.parametrize("engine", [FOUR_COPIES, ONE_COPY])
@pytest.mark.parametrize("number", [0, 1])
def test_the_flags_of_a_rank_are_those_that_bash_passes_on(engine: str, number: int, tmp_path: Path) -> None:
    service = group_of(engine)
    member = member_of(service, number)
    flags = launch(service).member

    assert flags is not None
    expected = [flag.word(member, "10.0.0.7") for flag in flags.of(member)]
    assert started_with(service, tmp_path, rank(number))[-len(expected) :] == expected


def test_the_pods_connect_over_the_interface_of_the_cluster() -> None:
    text = script(launch(group_of(cluster="interface: enp189s0f0")))

    assert "export HCCL_SOCKET_IFNAME=enp189s0f0\n" in text
    assert "export GLOO_SOCKET_IFNAME=enp189s0f0\n" in text
    assert "export TP_SOCKET_IFNAME=enp189s0f0\n" in text


def test_experts_on_many_npus_get_large_buffers_unless_the_stack_file_sets_them() -> None:
    experts = "{maxModelLen: 8192, tensorParallelSize: 16, dataParallelSize: 2, enableExpertParallel: true}"

    assert launch(group_of(TWO_COPIES)).environment["HCCL_BUFFSIZE"] == "200"
    assert launch(group_of(experts)).environment["HCCL_BUFFSIZE"] == "1024"
    assert launch(group_of(experts, env="{HCCL_BUFFSIZE: '512'}")).environment["HCCL_BUFFSIZE"] == "512"


def test_only_the_host_network_needs_ports_of_hccl() -> None:
    host_network = group_of(cluster="hostNetwork: true, interface: bond0", group="{hcclPort: 61000}")

    assert "HCCL_IF_BASE_PORT" not in launch(group_of()).environment
    assert launch(host_network).environment["HCCL_IF_BASE_PORT"] == "61000"
