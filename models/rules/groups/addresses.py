"""Rules on addresses, ranks and ports of a group's pods that are written by hand."""

from __future__ import annotations

from collections.abc import Iterator

from models.credentials import is_hidden
from models.engines.edits import is_written
from models.engines.group import VARIABLES_OF_GROUPS
from models.finding import Finding, Mark, at, error, no_effect
from models.rules.registry import rule
from models.service.resolved import ResolvedService
from models.words import counted
from models.yaml_scalar import as_yaml

_INTERFACE = "cluster.interface"
_FIRST_HCCL_PORT = "group.hcclPort"
_HCCL_PORT_RANGE = "HCCL_HOST_SOCKET_PORT_RANGE"
_RANK_TABLE = "RANK_TABLE_FILE"
_ADDRESS_LIST = "HCCL_WHITELIST_FILE"
_ADDRESS_LIST_OFF = "HCCL_WHITELIST_DISABLE"

_OF_LAUNCHERS = (
    "GROUP_RANK",
    "LOCAL_WORLD_SIZE",
    "MASTER_ADDR",
    "MASTER_PORT",
    "NNODES",
    "NODE_RANK",
    "RANK",
    "WORLD_SIZE",
)
"""Variables that torchrun and scripts around it set. vLLM passes addresses and ranks to torch itself."""

_REASONS = {
    "HCCL_IF_IP": "each pod has another address (status.podIP), and HCCL of the other pods cannot open this one",
    "VLLM_HOST_IP": "each pod has another address (status.podIP), and vLLM of the other pods cannot open this one",
    "LWS_GROUP_SIZE": "the LeaderWorkerSet's controller sets it, and the launch reads the number of nodes from it",
    "LWS_LEADER_ADDRESS": "each group has another leader, whose name the LeaderWorkerSet's controller sets",
    "LWS_WORKER_INDEX": "it is the rank of a pod, so all pods would start as the same one",
    "VLLM_DP_RANK": "it is the rank of a pod, so all pods would start the same copy of the engine",
    "VLLM_DP_RANK_LOCAL": "it is the rank of a pod, so all pods would start the same copy of the engine",
    "VLLM_DP_MASTER_IP": "each group has another leader, whose address each pod gets when it starts",
    "VLLM_DP_MASTER_PORT": "vLLM uses the ports from --data-parallel-rpc-port or --master-port, and reserves others",
    "VLLM_DP_SIZE": "vLLM reads it only without --data-parallel-size, and then expects as many servers",
}
"""Why a variable that differs between pods, or that flags of the launch replace, is not written by hand."""


@rule("error", "no-effect")
def group_address(service: ResolvedService) -> Iterator[Finding]:
    """Addresses, ranks and ports by which the pods of a group find each other are not written under `env`.

    A variable under `env` is the same in all pods, so it names one of them, or one address of a pod that changes when
    the pod is replaced. The launch derives these values from `nodes`, `group` and `cluster.interface`.
    """
    if service.group is None:
        return
    for name in service.configured_env:
        owner = VARIABLES_OF_GROUPS.get(name)
        if owner in (_INTERFACE, _FIRST_HCCL_PORT):
            yield _of_a_key(service, name, owner)
        elif owner:
            yield _of_each_pod(service, name)
        elif name in _OF_LAUNCHERS:
            yield _of_a_launcher(service, name)
    yield from _rank_table(service)
    yield from _address_list(service)
    yield from _port_range(service)


def _marks(service: ResolvedService, name: str) -> list[Mark]:
    nodes = counted(service.nodes, "pod")
    return [at("env", key=name), at("nodes", nodes)]


def _of_a_key(service: ResolvedService, name: str, key: str) -> Finding:
    """A variable that has the same value in all pods, which a key sets."""
    used = service.cluster.interface
    reason = "HCCL, Gloo and TensorPipe use one interface: rules and comparisons read it from the key only"
    is_set = service.cluster.is_interface_set
    if key == _FIRST_HCCL_PORT and service.group:
        used = str(service.group.hccl_port)
        reason = "on the host network, the port of the key keeps pods with the same ports off a node"
        is_set = is_written(service, key)
    value = service.env.get(name)
    fix = f"remove env.{name}"
    if value is not None and value != used and not is_set:
        written = as_yaml(value)
        if key == _FIRST_HCCL_PORT and value.isdecimal():
            written = value
        fix = f"{fix} and write {key}: {written}"
    return error(
        f"{_assignment(service, name)}, but {key} sets it to {used}",
        why=reason,
        fix=fix,
        marks=[at("env", key=name)],
    )


def _of_each_pod(service: ResolvedService, name: str) -> Finding:
    """A variable that has another value in each pod, or that contradicts the flags of the launch."""
    return error(
        f"{_assignment(service, name)} in all {service.nodes} pods of a group, but it follows from nodes",
        why=_REASONS[name],
        fix=f"remove env.{name}",
        marks=_marks(service, name),
    )


def _of_a_launcher(service: ResolvedService, name: str) -> Finding:
    """A variable of torchrun."""
    return no_effect(
        f"{name} has no effect on the {service.nodes} pods of a group",
        why="vLLM passes the leader's address and the ranks to torch itself, and reads no variable for them"
        " (vllm/distributed/parallel_state.py, init_distributed_environment)",
        fix=f"remove env.{name}",
        marks=_marks(service, name),
    )


def _rank_table(service: ResolvedService) -> Iterator[Finding]:
    if _RANK_TABLE not in service.configured_env:
        return
    yield error(
        f"{_RANK_TABLE} names fixed ranks and addresses, but the {service.nodes} pods of a group run on any nodes",
        why="torch_npu then takes the ranks from the file instead of the launch"
        " (OptionsManager.cpp, GetRankTableFilePath)",
        fix=f"remove env.{_RANK_TABLE}",
        marks=_marks(service, _RANK_TABLE),
    )


def _address_list(service: ResolvedService) -> Iterator[Finding]:
    """A list of the addresses to which HCCL connects. Pods on the host network have the fixed ones of their nodes."""
    if service.env.get(_ADDRESS_LIST_OFF) != "0" or service.cluster.host_network:
        return
    edits = [f"remove env.{_ADDRESS_LIST_OFF}"]
    if _ADDRESS_LIST in service.configured_env:
        edits.append(f"remove env.{_ADDRESS_LIST}")
    yield error(
        f"HCCL only connects to addresses of a list ({_ADDRESS_LIST_OFF} is 0), but each pod gets a new address",
        why=f"HCCL refuses the addresses of pods that {_ADDRESS_LIST} does not contain (CANN, {_ADDRESS_LIST_OFF})",
        fix=" and ".join(edits),
        marks=_marks(service, _ADDRESS_LIST_OFF),
    )


def _port_range(service: ResolvedService) -> Iterator[Finding]:
    if not service.cluster.host_network or service.group is None:
        return
    if _HCCL_PORT_RANGE not in service.configured_env:
        return
    first = service.group.hccl_port
    fix = f"remove env.{_HCCL_PORT_RANGE}"
    port = service.env.get(_HCCL_PORT_RANGE, "").partition("-")[0]
    is_free = not is_written(service, _FIRST_HCCL_PORT)
    if is_free and port.isdecimal() and int(port) != first:
        fix = f"{fix} and write {_FIRST_HCCL_PORT}: {port}"
    yield error(
        f"{_assignment(service, _HCCL_PORT_RANGE)}, so HCCL does not use the ports from {_FIRST_HCCL_PORT} {first} on",
        why="it has a higher priority than HCCL_IF_BASE_PORT (CANN), so the scheduler keeps pods with the same ports"
        " off a node by a port that none of them uses",
        fix=fix,
        marks=[at("env", key=_HCCL_PORT_RANGE), at(_FIRST_HCCL_PORT)],
    )


def _assignment(service: ResolvedService, name: str) -> str:
    """The variable with its value, if that is a text that may be shown."""
    value = service.env.get(name)
    if value is None or is_hidden(("env", name), value):
        return f"{name} is set"
    return f"{name} is {value}"
