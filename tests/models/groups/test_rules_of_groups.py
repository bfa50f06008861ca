"""What `check` says about servers over several nodes, in addition to the examples in tests/rules."""

from __future__ import annotations

import pytest

from models.check import check
from models.engines.group import VARIABLES_OF_GROUPS
from models.finding import Finding
from tests.models.groups.stacks import POOL, group_of, stack_with_group

TWO_COPIES = "{maxModelLen: 8192, tensorParallelSize: 16, dataParallelSize: 2}"


MANUAL = "registry.example.com/ascend-vllm:6.3.912"


def findings(
    engine: str = TWO_COPIES, *, cluster: str = "", name: str = "deepseek", **keys: object
) -> dict[str, Finding]:
    report = check(stack_with_group(engine, cluster=cluster, name=name, **keys))
    return {finding.rule: finding for finding in report.findings}


@pytest.mark.parametrize(
    "engine",
    [
        TWO_COPIES,
        "{maxModelLen: 8192, tensorParallelSize: 8, dataParallelSize: 4}",
        "{maxModelLen: 8192, tensorParallelSize: 32}",
        "{maxModelLen: 8192, tensorParallelSize: 16, pipelineParallelSize: 2}",
        "{maxModelLen: 8192}",
    ],
)
def test_sizes_that_fill_all_nodes_are_accepted(engine: str) -> None:
    assert findings(engine) == {}


def test_more_ranks_than_npus_of_all_nodes_are_refused_with_the_nodes_that_they_need() -> None:
    found = findings("{maxModelLen: 8192, tensorParallelSize: 16, dataParallelSize: 4}")

    finding = found["parallel-size-above-npus"]
    assert finding.message == "the engine splits the model over 64 NPUs, but 2 nodes × 16 are 32"
    assert finding.fix.startswith("write nodes: 4,")


def test_npus_of_a_node_that_run_no_rank_are_idle() -> None:
    finding = findings("{maxModelLen: 8192, tensorParallelSize: 8, dataParallelSize: 2}")["idle-npus"]

    assert finding.message == "deepseek requests 32 NPUs but uses 16: 16 idle"
    assert finding.fix.startswith("write nodes: 1,")


@pytest.mark.parametrize(
    ("nodes", "engine", "message"),
    [
        (
            2,
            "{maxModelLen: 8192, tensorParallelSize: 8, dataParallelSize: 3}",
            "3 copies of the engine cannot be divided over 2 nodes",
        ),
        (3, "{maxModelLen: 8192, tensorParallelSize: 32}", "32 NPUs of the engine cannot be divided over 3 nodes"),
        (
            4,
            "{maxModelLen: 8192, tensorParallelSize: 32, dataParallelSize: 2}",
            "a copy of the engine takes 32 NPUs, but each of the 4 nodes has 16",
        ),
    ],
)
def test_sizes_that_cannot_be_divided_are_refused(nodes: int, engine: str, message: str) -> None:
    assert findings(engine, nodes=nodes)["group-sizes"].message == message


def test_the_manuals_engine_runs_on_one_node() -> None:
    finding = findings("{maxModelLen: 8192}", image=MANUAL)["key-of-another-release"]

    assert finding.message == "vLLM 0.6.3 has no setting for nodes"
    assert "Ray" in finding.why
    assert finding.fix == "remove nodes"


def test_an_additional_group_needs_all_its_nodes_free() -> None:
    rollout = "{maxSurge: 1, maxUnavailable: 1}"
    three_nodes = POOL.replace("nodes: 4", "nodes: 3")

    assert "rollout-would-hang" in findings(cluster=three_nodes, rollout=rollout)
    assert findings(cluster=POOL, rollout=rollout) == {}


def test_groups_that_do_not_fit_on_the_nodes_are_refused_with_their_number() -> None:
    finding = findings(cluster=POOL, replicas=3)["over-committed"]

    assert finding.message == "the services request 96 NPUs, the pools have 64: no room for 2 pods of deepseek"
    assert finding.fix.startswith("write services.deepseek.replicas: 2,")


def test_the_quota_of_a_queue_counts_all_nodes_of_a_group() -> None:
    found = findings(cluster="queues: {inference: {npus: 16}}", queue="inference")

    assert found["queue-quota"].message == "the services of queue inference request 32 NPUs, but its quota is 16"


def test_more_than_one_group_is_never_replaced_at_once() -> None:
    finding = findings(replicas=4, rollout="{maxUnavailable: 2}")["group-rollout"]

    assert finding.severity == "no-effect"
    assert finding.message == "maxUnavailable 2 has the effect of 1"


@pytest.mark.parametrize(("replicas", "length", "ok"), [(10, 44, True), (11, 44, False), ("external", 44, False)])
def test_a_name_leaves_room_for_the_number_of_groups(replicas: object, length: int, ok: bool) -> None:
    found = findings(name="d" * length, replicas=replicas)

    assert list(found) == ([] if ok else ["group-name"])


@pytest.mark.parametrize("flag", ["headless", "nodeRank", "masterAddr", "dataParallelStartRank", "dataParallelAddress"])
def test_flags_of_single_pods_are_refused(flag: str) -> None:
    value = {"headless": "true", "masterAddr": "10.0.0.1", "dataParallelAddress": "10.0.0.1"}.get(flag, "1")
    engine = TWO_COPIES.replace("}", f", extraArgs: {{{flag}: {value}}}}}")

    assert "flag-of-group" in findings(engine)


@pytest.mark.parametrize("flag", ["dataParallelMultiPortExternalLb: true", "dataParallelSupervisorPort: 9256"])
def test_flags_of_a_supervisor_of_several_servers_are_refused(flag: str) -> None:
    engine = TWO_COPIES.replace("}", f", extraArgs: {{{flag}}}}}")

    assert findings(engine)["flag-of-group"].fix == f"remove engine.extraArgs.{flag.partition(':')[0]}"


@pytest.mark.parametrize(
    ("variable", "cluster", "fix"),
    [
        ("HCCL_SOCKET_IFNAME: eth1", "", "remove env.HCCL_SOCKET_IFNAME and write cluster.interface: eth1"),
        ("GLOO_SOCKET_IFNAME: eth0", "", "remove env.GLOO_SOCKET_IFNAME"),
        ("TP_SOCKET_IFNAME: eth1", "interface: net1", "remove env.TP_SOCKET_IFNAME"),
        ('HCCL_IF_BASE_PORT: "50000"', "", "remove env.HCCL_IF_BASE_PORT and write group.hcclPort: 50000"),
    ],
)
def test_a_variable_of_all_pods_moves_to_its_key(variable: str, cluster: str, fix: str) -> None:
    assert findings(env=f"{{{variable}}}", cluster=cluster)["group-address"].fix == fix


@pytest.mark.parametrize("variable", sorted(VARIABLES_OF_GROUPS))
def test_a_variable_that_the_launch_derives_is_refused_with_its_reason(variable: str) -> None:
    finding = findings(env=f'{{{variable}: "5000"}}')["group-address"]

    assert finding.severity == "error"
    assert finding.message.startswith(f"{variable} is 5000")
    assert finding.fix.startswith(f"remove env.{variable}")


def test_an_address_of_the_node_is_no_address_of_the_pod() -> None:
    finding = findings(env="{HCCL_IF_IP: {field: status.hostIP}}")["group-address"]

    assert finding.message == "HCCL_IF_IP is set in all 2 pods of a group, but it follows from nodes"


@pytest.mark.parametrize("variable", ["MASTER_ADDR", "MASTER_PORT", "RANK", "WORLD_SIZE", "NODE_RANK"])
def test_variables_of_torchrun_have_no_effect_on_a_group(variable: str) -> None:
    assert findings(env=f'{{{variable}: "1"}}')["group-address"].severity == "no-effect"
    assert findings(env=f'{{{variable}: "1"}}', nodes=1, engine="{maxModelLen: 8192}") == {}


def test_a_rank_table_contradicts_a_group() -> None:
    assert findings(env="{RANK_TABLE_FILE: /mnt/table.json}")["group-address"].fix == "remove env.RANK_TABLE_FILE"


@pytest.mark.parametrize(
    ("variables", "cluster", "fix"),
    [
        ('HCCL_WHITELIST_DISABLE: "0"', "", "remove env.HCCL_WHITELIST_DISABLE"),
        (
            'HCCL_WHITELIST_DISABLE: "0", HCCL_WHITELIST_FILE: /mnt/list.json',
            "",
            "remove env.HCCL_WHITELIST_DISABLE and remove env.HCCL_WHITELIST_FILE",
        ),
        ('HCCL_WHITELIST_DISABLE: "1"', "", None),
        ('HCCL_WHITELIST_DISABLE: "0"', "hostNetwork: true, interface: bond0", None),
    ],
)
def test_a_list_of_addresses_does_not_know_those_of_new_pods(variables: str, cluster: str, fix: str | None) -> None:
    finding = findings(env=f"{{{variables}}}", cluster=cluster).get("group-address")

    assert (finding.fix if finding else None) == fix


def test_hccl_uses_the_ports_of_its_key_on_the_host_network() -> None:
    env = "{HCCL_HOST_SOCKET_PORT_RANGE: 61000-61050}"
    finding = findings(env=env, cluster="hostNetwork: true, interface: bond0")["group-address"]

    assert finding.fix == "remove env.HCCL_HOST_SOCKET_PORT_RANGE and write group.hcclPort: 61000"
    assert findings(env=env) == {}


def test_ray_starts_no_copies_of_the_engine() -> None:
    engine = TWO_COPIES.replace("}", ", extraArgs: {dataParallelBackend: ray}}")

    assert findings(engine)["group-server"].fix == "remove engine.extraArgs.dataParallelBackend"


@pytest.mark.parametrize(
    ("interface", "fix"),
    [
        ("lo", "write interface: eth0"),
        ("[bond0]", "write interface: bond0"),
        ("[lo, bond0]", "write interface: bond0"),
        ("[bond0, eth1]", "write interface: bond0"),
        ("[lo]", "write interface: eth0"),
        ("'bond0,eth1'", "write interface: bond0"),
        ("{name: bond0}", "write interface: bond0"),
    ],
)
@pytest.mark.parametrize("network", ["false", "true"])
def test_an_interface_that_is_none_has_one_finding_whose_fix_is_one(interface: str, fix: str, network: str) -> None:
    found = findings(cluster=f"hostNetwork: {network}, interface: {interface}")
    found.pop("cluster-host-network", None)

    assert [finding.fix for finding in found.values()] == [fix]
    corrected = fix.removeprefix("write ")
    assert {*findings(cluster=f"hostNetwork: {network}, {corrected}")} <= {"cluster-host-network"}


@pytest.mark.parametrize(("redundant", "ok"), [(32, True), (16, False)])
def test_redundant_experts_count_among_the_experts_of_an_npu(redundant: int, ok: bool) -> None:
    balancing = f"additionalConfig: {{eplb_config: {{dynamic_eplb: true, num_redundant_experts: {redundant}}}}}"
    engine = TWO_COPIES.replace("2}", f"3, enableExpertParallel: true, {balancing}}}")
    found = findings(engine, nodes=3, env='{DYNAMIC_EPLB: "true"}')

    assert ("group-experts" not in found) == ok


@pytest.mark.parametrize(
    ("flags", "severity"),
    [
        ("headless: true", "error"),
        ("nnodes: 2", "error"),
        ("dataParallelSizeLocal: 2", "error"),
        ("dataParallelStartRank: 2", "error"),
        ("dataParallelRank: 0", "warning"),
        ("dataParallelExternalLb: true, dataParallelRank: 1", "warning"),
        ("dataParallelMultiPortExternalLb: true, dataParallelSizeLocal: 4", "error"),
        ("dataParallelMultiPortExternalLb: false", None),
        ("dataParallelSizeLocal: 4", None),
        ("nnodes: 1", None),
        ("masterPort: 29501", None),
    ],
)
def test_a_server_on_one_node_does_not_wait_for_others(flags: str, severity: str | None) -> None:
    engine = f"{{maxModelLen: 8192, tensorParallelSize: 4, dataParallelSize: 4, extraArgs: {{{flags}}}}}"
    found = findings(engine, nodes=1)

    assert [finding.severity for finding in found.values()] == ([severity] if severity else [])


def test_the_plain_server_runs_on_one_node() -> None:
    assert "group-server" in findings(server="api_server")


def test_16_ports_of_hccl_meet_no_other_port_on_the_host_network() -> None:
    found = findings(cluster="hostNetwork: true, interface: bond0", group="{port: 60007}")

    assert found["group-ports"].message == "group.hcclPort 60000 to 60015 overlaps with group.port 60007"


def test_the_parts_of_prompts_are_on_npus_of_their_own() -> None:
    parts = "{maxModelLen: 32768, tensorParallelSize: 8, extraArgs: {prefillContextParallelSize: 2}}"
    about_sizes = {"idle-npus", "group-sizes", "parallel-size-above-npus"}

    whole = group_of(parts, npus=8)
    assert whole.engine.npus_used == 16
    assert whole.group
    assert whole.group.launch == "nnodes"
    assert not about_sizes & {*findings(parts, npus=8)}
    assert about_sizes & {*findings(parts, npus=4)} == {"parallel-size-above-npus"}
    assert about_sizes & {*findings(parts, npus=16)} == {"idle-npus"}


HALF_NODES = "{maxModelLen: 8192, tensorParallelSize: 8, dataParallelSize: 2}"
HOST_NETWORK = "hostNetwork: true, interface: bond0"


def pools(nodes: int) -> str:
    return f"{HOST_NETWORK}, pools: {{a3: {{nodes: {nodes}, npusPerNode: 16, npuMemory: 64Gi}}}}"


@pytest.mark.parametrize(
    ("nodes", "replicas", "fix"),
    [
        (3, 2, "write services.deepseek.replicas: 1, or remove cluster.hostNetwork"),
        (1, 1, "remove cluster.hostNetwork"),
    ],
)
def test_each_pod_on_the_host_network_needs_a_separate_node(nodes: int, replicas: int, fix: str) -> None:
    found = findings(HALF_NODES, cluster=pools(nodes), npus=8, replicas=replicas, model="/mnt/models/Qwen3-32B")

    assert found["host-ports"].fix == fix
    enough = nodes * 2 + 2
    assert "host-ports" not in findings(HALF_NODES, cluster=pools(enough), npus=8, model="/mnt/models/Qwen3-32B")


@pytest.mark.parametrize(("nodes", "surge"), [(3, 0), (4, 1)])
def test_an_additional_group_on_the_host_network_needs_nodes_without_its_ports(nodes: int, surge: int) -> None:
    service = group_of(HALF_NODES, cluster=pools(nodes), npus=8, model="/mnt/models/Qwen3-32B")

    assert service.surge == surge
