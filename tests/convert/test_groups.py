"""Files of one server over several nodes become one service with `nodes`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from models.engines.engine_args import Version
from models.engines.releases import release
from models.launch.group import member_of
from models.launch.launch import launch, launch_of_rank
from models.manifests import stack_objects
from models.service.resolve import resolve
from models.stack_file.load import load_text
from tests.convert.pairs import resolved, said, service, services
from tests.convert.test_files_of_the_field import converted, refused
from tests.convert.test_own_objects import converted_back, stack_of
from tests.models.engines.vllm_ascend.commands import Command, parsed, same_meaning
from tests.models.groups.test_commands_of_the_pages import ON_SEVERAL_NODES, stack_file
from tests.models.loading import load

pytestmark = pytest.mark.slow

IMAGE = "quay.io/ascend/vllm-ascend:v0.23.0"
SIZES = "--data-parallel-size 2 --data-parallel-size-local 1 --data-parallel-rpc-port 13389 --tensor-parallel-size 8"
LEADER = f"vllm serve /data/Qwen3-235B-A22B --max-model-len 4096 --port 8113 {SIZES} --data-parallel-address $POD_IP"
WORKER = f"vllm serve /data/Qwen3-235B-A22B --max-model-len 4096 --headless --data-parallel-start-rank 1 {SIZES}"


def template(script: str, **spec: Any) -> dict[str, Any]:
    container = {
        "name": "server",
        "image": IMAGE,
        "command": ["bash", "-c", script],
        "resources": {"limits": {"huawei.com/ascend-1980": "8", "memory": "480Gi"}, "requests": {"cpu": "80"}},
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    volumes = [{"name": "data", "hostPath": {"path": "/data"}}]
    return {"metadata": {"labels": {"model": "qwen"}}, "spec": {"containers": [container], "volumes": volumes, **spec}}


def workload(kind: str, name: str, script: str, replicas: int = 1, **spec: Any) -> str:
    value = {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "template": template(script, **spec)},
    }
    return yaml.safe_dump(value)


def leader_worker_set(size: int = 2, **templates: Any) -> str:
    value = {
        "apiVersion": "leaderworkerset.x-k8s.io/v1",
        "kind": "LeaderWorkerSet",
        "metadata": {"name": "qwen"},
        "spec": {"replicas": 3, "leaderWorkerTemplate": {"size": size, **templates}},
    }
    return yaml.safe_dump(value)


def job(kind: str, path: str, roles: Any) -> str:
    group = {"Job": "batch.volcano.sh/v1alpha1", "PyTorchJob": "kubeflow.org/v1", "AscendJob": "mindxdl.gitee.com/v1"}
    return yaml.safe_dump(
        {"apiVersion": group[kind], "kind": kind, "metadata": {"name": "qwen"}, "spec": {path: roles}}
    )


ROLES = {
    "Master": {"replicas": 1, "template": template(LEADER)},
    "Worker": {"replicas": 1, "template": template(WORKER)},
}
TASKS = [{"name": name.lower(), **role} for name, role in ROLES.items()]
BY_NUMBER = f'RANK=${{HOSTNAME##*-}}\nif [ "$RANK" = 0 ]; then\n  {LEADER}\nelse\n  {WORKER}\nfi\n'
BY_INDEX = f"if [[ $LWS_WORKER_INDEX -ne 0 ]]; then\n  {WORKER}\nelse\n  {LEADER}\nfi\n"
FILES = {
    "two Deployments": "---\n".join([workload("Deployment", "qwen", LEADER), workload("Deployment", "other", WORKER)]),
    "the worker first": "---\n".join([workload("Deployment", "other", WORKER), workload("Deployment", "qwen", LEADER)]),
    "a StatefulSet": workload("StatefulSet", "qwen", BY_NUMBER, replicas=2),
    "two StatefulSets": "---\n".join(
        [workload("StatefulSet", "qwen", LEADER), workload("StatefulSet", "workers", WORKER)]
    ),
    "one template of a LeaderWorkerSet": leader_worker_set(workerTemplate=template(BY_INDEX)),
    "two templates of a LeaderWorkerSet": leader_worker_set(
        leaderTemplate=template(LEADER), workerTemplate=template(WORKER)
    ),
    "a Volcano Job": job("Job", "tasks", TASKS),
    "a PyTorchJob": job("PyTorchJob", "pytorchReplicaSpecs", ROLES),
    "an AscendJob": job("AscendJob", "replicaSpecs", ROLES),
}


@pytest.mark.parametrize("kind", FILES)
def test_all_pods_of_a_server_are_one_service(kind: str) -> None:
    conversion = converted(("qwen.yaml", FILES[kind]))
    values = service(conversion)

    assert [*services(conversion)] == ["qwen"]
    assert values["nodes"] == 2
    assert values["npus"] == 8
    assert values["group"] == {"port": 13389}
    assert values["engine"] == {"maxModelLen": 4096, "dataParallelSize": 2}
    assert values["server"] == {"port": 8113}
    assert values.get("replicas", 1) == (3 if "LeaderWorkerSet" in kind else 1)
    assert "--headless" in next(iter(said(conversion, "replaced")))
    assert not conversion.loses
    assert not conversion.report.errors


@pytest.mark.parametrize("kind", FILES)
def test_the_leader_of_the_group_starts_as_before(kind: str) -> None:
    found = resolved(converted(("qwen.yaml", FILES[kind])))
    leader = launch_of_rank(launch(found), member_of(found, rank=0))
    words = {*leader.argv, *leader.flags_of_rank}

    assert {"--data-parallel-size=2", "--data-parallel-size-local=1", "--data-parallel-rpc-port=13389"} <= words
    assert "--headless" not in words


def test_both_scripts_of_a_page_are_one_service() -> None:
    conversion = converted(("node0.sh", LEADER), ("node1.sh", WORKER), image=IMAGE)

    assert service(conversion)["nodes"] == 2
    assert not conversion.loses


def test_a_leader_alone_shows_how_many_nodes_its_server_has() -> None:
    conversion = converted(("node0.sh", LEADER), image=IMAGE)

    assert service(conversion)["nodes"] == 2
    assert said(conversion, "assumed")["nodes 2"] == (
        "--data-parallel-size 2 with 1 here; the files have 1 of its pods"
    )


def test_a_worker_alone_is_refused_because_its_leader_is_missing() -> None:
    error = refused(("node1.sh", WORKER))

    assert error.message == (
        "the server of node1.sh: it is a worker (--headless), and no container starts the leader of its server"
    )
    assert "also that of its leader" in error.fix


WITH_PORTS = [entry for entry in ON_SEVERAL_NODES if "Kimi-K3" not in entry.values[1].page]
"""The commands whose ports are numbers, and not variables of their page."""


@pytest.mark.parametrize(("version", "command"), WITH_PORTS)
def test_each_command_of_the_pages_for_several_nodes_is_the_programs_own_service(
    tmp_path: Path, version: Version, command: Command
) -> None:
    worker = [word.replace("./", "/opt/vllm/") for word in command.words]
    leader = without_rank(worker)
    image = f"quay.io/ascend/vllm-ascend:v{version}-a3"
    scripts = [("node0.sh", shlex.join(leader))]
    if leader != worker:
        scripts.append(("node1.sh", shlex.join(worker)))
    conversion = converted(*scripts, **{"image": image, "max-model-len": "4096"})
    (expected,) = resolve(load(tmp_path, stack_file(version, command))).services
    found = resolved(conversion)

    start = launch_of_rank(launch(found), member_of(found, rank=0))
    wanted = launch_of_rank(launch(expected), member_of(expected, rank=0))
    known = release(version)
    assert (found.nodes, found.npus) == (expected.nodes, expected.npus)
    assert same_meaning(parsed([*start.argv, *start.flags_of_rank], known)) == same_meaning(
        parsed([*wanted.argv, *wanted.flags_of_rank], known)
    )


def without_rank(words: list[str]) -> list[str]:
    """The command of a leader, made of that of a worker."""
    kept = [word for word in words if word != "--headless"]
    if "--data-parallel-start-rank" in kept:
        position = kept.index("--data-parallel-start-rank")
        del kept[position : position + 2]
    return kept


def test_one_copy_of_the_engine_over_all_nodes() -> None:
    script = (
        "vllm serve /data/Qwen3-235B-A22B --max-model-len 4096 -tp 8 -pp 2 --nnodes $(LWS_GROUP_SIZE) "
        "--node-rank $(LWS_WORKER_INDEX) --master-addr $(LWS_LEADER_ADDRESS) "
        "$([ $LWS_WORKER_INDEX != 0 ] && echo --headless)"
    )
    conversion = converted(("qwen.yaml", leader_worker_set(workerTemplate=template(script))))

    assert service(conversion)["engine"] == {"maxModelLen": 4096, "pipelineParallelSize": 2}
    assert resolved(conversion).nodes == 2
    assert not conversion.loses


RAY = "vllm serve /data/Qwen3-235B-A22B --max-model-len 4096 -tp 16 --distributed-executor-backend ray"


@pytest.mark.parametrize(
    ("leader", "worker"),
    [
        (f"ray start --head --port=6379\n{RAY}", "ray start --address=$LWS_LEADER_ADDRESS:6379 --block"),
        (
            f"bash /vllm-workspace/multi-node-serving.sh leader --ray_cluster_size=$(LWS_GROUP_SIZE); {RAY}",
            "bash /vllm-workspace/multi-node-serving.sh worker --ray_address=$(LWS_LEADER_ADDRESS)",
        ),
    ],
)
def test_a_group_needs_no_ray(leader: str, worker: str) -> None:
    templates = {"leaderTemplate": template(leader), "workerTemplate": template(worker)}
    conversion = converted(("qwen.yaml", leader_worker_set(**templates)))

    assert service(conversion)["nodes"] == 2
    assert resolved(conversion).engine.tensor_parallel_size == 16
    assert "start their parts of the engine themselves" in said(conversion, "replaced")["Ray"]
    assert not conversion.loses


def test_a_group_of_gpus_has_the_nodes_of_its_leader_worker_set() -> None:
    leader = "bash /vllm-workspace/multi-node-serving.sh leader; vllm serve a/b --max-model-len 4096 -tp 8 -pp 2"
    worker = "bash /vllm-workspace/multi-node-serving.sh worker"
    templates = {"leaderTemplate": template(leader), "workerTemplate": template(worker)}
    objects = leader_worker_set(**templates).replace("huawei.com/ascend-1980", "nvidia.com/gpu")
    conversion = converted(("qwen.yaml", objects))

    assert service(conversion)["nodes"] == 2
    assert "the resource nvidia.com/gpu" in said(conversion, "dropped")


def test_a_script_that_can_be_both_is_the_leader_whatever_comes_first() -> None:
    for first, second in ((LEADER, WORKER), (WORKER, LEADER)):
        script = f'if [ "$1" = a ]; then\n{first}\nelse\n{second} --max-num-seqs 8\nfi'
        conversion = converted(("serve.sh", script), image=IMAGE)

        assert service(conversion)["nodes"] == 2
        assert service(conversion)["server"] == {"port": 8113}
        assert "a second server" not in said(conversion, "dropped")
        told = {**said(conversion, "dropped"), **said(conversion, "assumed")}
        assert "--max-num-seqs of the workers" in told


def test_what_only_the_workers_have_is_a_loss() -> None:
    script = f"export LEFT=1 BOTH=2\n{WORKER} --max-num-seqs 8"
    worker = workload("Deployment", "other", script, tolerations=[{"key": "npu"}]).replace("480Gi", "300Gi")
    leader = workload("Deployment", "qwen", f"export BOTH=1\n{LEADER} --seed 7")
    conversion = converted(("qwen.yaml", f"{leader}---\n{worker}"))

    assert {*said(conversion, "dropped")} == {
        "--max-num-seqs of the workers",
        "BOTH of the workers",
        "LEFT of the workers",
        "the memory of the workers",
        "tolerations of the workers",
    }
    assert said(conversion, "assumed")["--seed of the workers"] == "all pods of a group have the same as its leader"


def test_the_rank_of_a_pod_is_no_variable_of_the_service() -> None:
    script = f"export NODE_RANK=$LWS_WORKER_INDEX A=1\n{BY_INDEX}"
    conversion = converted(("qwen.yaml", leader_worker_set(workerTemplate=template(script))))

    assert service(conversion)["env"] == {"A": "1"}
    assert "NODE_RANK" in said(conversion, "replaced")


def test_the_network_of_the_nodes_is_kept_with_its_interface() -> None:
    script = f"export HCCL_SOCKET_IFNAME=enp23s0f3 HCCL_IF_IP=$POD_IP\n{BY_NUMBER}"
    spec = {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}
    conversion = converted(("qwen.yaml", workload("StatefulSet", "qwen", script, replicas=2, **spec)))

    assert conversion.cluster["hostNetwork"] is True
    assert conversion.cluster["interface"] == "enp23s0f3"
    assert "spec" not in service(conversion)["podTemplate"]
    assert not conversion.loses


def test_two_servers_of_two_nodes_are_two_services() -> None:
    files = []
    for name, port in (("a", "13389"), ("b", "13390")):
        leader, worker = (text.replace("13389", port) for text in (LEADER, WORKER))
        files += [workload("Deployment", name, leader), workload("Deployment", f"{name}-worker", worker)]
    conversion = converted(("all.yaml", "---\n".join(files)))

    assert {name: values["group"] for name, values in services(conversion).items()} == {
        "a": {"port": 13389},
        "b": {"port": 13390},
    }


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ("--data-parallel-size 2 --data-parallel-rank 0", "each pod runs its own API server"),
        ("--data-parallel-size 4 --data-parallel-size-local 0", "its leader runs no engine"),
        ("--data-parallel-size 3 --data-parallel-size-local 2", "cannot be divided"),
    ],
)
def test_a_server_that_no_group_can_run_is_refused_with_the_reason(flags: str, sentence: str) -> None:
    error = refused(("qwen.yaml", workload("Deployment", "qwen", f"vllm serve /data/Qwen3-32B {flags}")))

    assert sentence in error.message


def test_a_group_whose_leader_needs_no_workers_is_refused() -> None:
    whole = template("vllm serve /data/Qwen3-32B -tp 8")
    error = refused(("qwen.yaml", leader_worker_set(workerTemplate=whole)))

    assert error.message == (
        "the LeaderWorkerSet qwen: its groups have 2 pods, but the server of a leader needs only its own NPUs"
    )


def test_tests_of_a_script_that_only_the_pod_can_decide_are_still_told() -> None:
    script = f"if [ -f /data/x ]; then export A=1; fi\n{BY_INDEX}"
    conversion = converted(("qwen.yaml", leader_worker_set(workerTemplate=template(script))))

    assert service(conversion)["env"] == {"A": "1"}
    assert "the branch" in said(conversion, "assumed")


@pytest.mark.parametrize(
    ("test", "is_leader_first"),
    [
        ("[ $LWS_WORKER_INDEX -eq 0 ]", True),
        ("! [ $LWS_WORKER_INDEX -gt 0 ]", True),
        ("[[ ! $LWS_WORKER_INDEX == 0 ]]", False),
        ('test "${LWS_WORKER_INDEX}" != 0', False),
        ("[ $LWS_WORKER_INDEX -ge 1 ]", False),
    ],
)
def test_each_way_to_ask_for_the_rank_is_read(test: str, is_leader_first: bool) -> None:
    first, second = (LEADER, WORKER) if is_leader_first else (WORKER, LEADER)
    for script in (f"if {test}; then {first}; else {second}; fi", f"if {test}\nthen\n{first}\nelse\n{second}\nfi"):
        conversion = converted(("qwen.yaml", leader_worker_set(workerTemplate=template(script))))

        assert service(conversion)["server"] == {"port": 8113}
        assert not conversion.loses


GROUP: dict[str, Any] = {
    "model": "/mnt/models/Qwen3-235B-A22B",
    "npus": 8,
    "nodes": 2,
    "engine": {"maxModelLen": 32768, "tensorParallelSize": 8, "dataParallelSize": 2, "enableExpertParallel": True},
}
ONE_COPY = {"maxModelLen": 8192, "tensorParallelSize": 8, "pipelineParallelSize": 2}
OWN: dict[str, dict[str, Any]] = {
    "copies of the engine": {},
    "one copy": {"engine": ONE_COPY},
    "ports": {"group": {"port": 31000, "memberPort": 31010}},
    "times": {"startup": "40m", "drain": "3m", "replicas": 3},
    "flags of the leader": {"server": {"extraArgs": {"apiServerCount": 2}}},
    "further flags": {
        "engine": {**ONE_COPY, "extraArgs": {"seed": 7}},
        "server": {"extraArgs": {"disableFastapiDocs": True}},
    },
    "variables": {"env": {"HCCL_BUFFSIZE": "512", "A": "b"}},
    "objects": {
        "replicas": 2,
        "disruptionBudget": {"maxUnavailable": 1},
        "monitoring": True,
        "network": {"admit": ["gateway"], "monitoring": "monitoring"},
        "smoke": True,
    },
    "pods": {
        "podTemplate": {"spec": {"tolerations": [{"key": "npu", "operator": "Exists"}]}},
        "runAsUser": 1000,
        "readOnlyRootFilesystem": True,
        "preflight": False,
    },
    "access": {"expose": {"type": "LoadBalancer", "annotations": {"kubernetes.io/elb.class": "union"}}},
    "autoscaler": {"replicas": "external"},
    "rollout": {"replicas": 2, "rollout": {"kind": "rollingUpdate", "maxSurge": 1, "maxUnavailable": 0}},
    "an older release": {"image": "quay.io/ascend/vllm-ascend:v0.18.0"},
}


@pytest.mark.parametrize("cluster", [{}, {"hostNetwork": True, "interface": "enp1"}], ids=["pods", "nodes"])
@pytest.mark.parametrize("kind", OWN)
def test_each_group_of_this_program_comes_back_as_the_same_service(kind: str, cluster: dict[str, Any]) -> None:
    if cluster:
        changes = {key: value for key, value in OWN[kind].items() if key != "network"}
    else:
        changes = OWN[kind]
    objects = list(stack_objects(stack_of({**GROUP, **changes}, cluster)))
    conversion = converted_back(objects)

    assert list(stack_objects(resolve(load_text("again", "-", conversion.text)))) == objects
    assert not conversion.loses
