"""The keys that a pod determines: NPUs, resources, rollout, platform, namespace and queues."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.convert.pairs import (
    CONFIG,
    changes,
    cluster,
    command,
    config,
    limits,
    made,
    replaced,
    resolved,
    said,
    service,
    services,
)

pytestmark = pytest.mark.slow

SCRIPT = command()


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        (limits(cpu="16"), {"resources": {"cpu": 16}}),
        (limits(cpu='"7500m"'), {"resources": {"cpu": "7500m"}}),
        (limits(memory="200Gi"), {"resources": {"memory": "200Gi"}}),
        (limits(memory="1.5Ti"), {"resources": {"memory": "1.5Ti"}}),
        (replaced(("replicas: 1", "replicas: 3")), {"replicas": 3}),
        (replaced(("replicas: 1", "replicas: 0")), {"replicas": 0}),
        (replaced(("  replicas: 1\n", "  strategy: {type: Recreate}\n")), {}),
        (
            replaced(
                ("  replicas: 1\n", "  replicas: 2\n  strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 1}}\n")
            ),
            {"replicas": 2},
        ),
        (
            replaced(
                ("  replicas: 1\n", "  replicas: 2\n  strategy: {rollingUpdate: {maxSurge: 2, maxUnavailable: 0}}\n")
            ),
            {"replicas": 2, "rollout": {"maxSurge": 2}},
        ),
        (
            replaced(("  replicas: 1\n", "  strategy: {rollingUpdate: {maxSurge: 25%, maxUnavailable: 25%}}\n")),
            {},
        ),
        (
            replaced(("      schedulerName", "      terminationGracePeriodSeconds: 95\n      schedulerName")),
            {"drain": "1m"},
        ),
        (replaced(("      schedulerName", "      terminationGracePeriodSeconds: 30\n      schedulerName")), {}),
        (
            replaced(("      schedulerName", "      priorityClassName: high\n      schedulerName")),
            {"priorityClass": "high"},
        ),
        (
            replaced(
                ("        ports:", "        startupProbe: {periodSeconds: 10, failureThreshold: 90}\n        ports:")
            ),
            {"startup": "900s"},
        ),
        (
            replaced(
                ("metadata:\n  name", "metadata:\n  annotations: {scheduling.volcano.sh/group-min-member: '2'}\n  name")
            ).replace("replicas: 1", "replicas: 2"),
            {"replicas": 2, "minMember": 2},
        ),
    ],
)
def test_a_field_with_a_key_is_kept(objects: str, expected: dict[str, Any]) -> None:
    found = service(made(SCRIPT, objects))
    usual = service(made(SCRIPT))
    kept = {key: value for key, value in found.items() if usual.get(key) != value}
    if "drain" in expected:
        kept["drain"], expected = resolved(made(SCRIPT, objects)).drain, {"drain": 60}

    assert kept == expected


def test_shared_memory_of_its_own_size_is_kept() -> None:
    objects = replaced(
        ("        volumeMounts:", "        volumeMounts:\n        - {name: shm, mountPath: /dev/shm}"),
        ("      volumes:", "      volumes:\n      - {name: shm, emptyDir: {medium: Memory, sizeLimit: 32Gi}}"),
    )

    assert service(made(SCRIPT, objects))["resources"] == {"shm": "32Gi"}


def test_a_queue_is_kept_and_declared() -> None:
    objects = (
        replaced(
            (
                "    metadata: \n      labels:\n         app: infers\n",
                "    metadata: {annotations: {scheduling.volcano.sh/queue-name: team}}\n",
            )
        )
        if "    metadata: \n" in config()
        else config().replace(
            "  template:\n    metadata:",
            "  template:\n    metadata:\n      annotations: {scheduling.volcano.sh/queue-name: team}",
            1,
        )
    )
    done = made(SCRIPT, objects)

    assert service(done)["queue"] == "team"
    assert cluster(done)["queues"] == {"team": {}}


def test_a_queue_of_the_file_is_created_by_the_stack() -> None:
    spec = "{weight: 2, priority: 5, capability: {huawei.com/ascend-1980: '16'}}"
    queue = f"---\nkind: Queue\nmetadata: {{name: team}}\nspec: {spec}\n"

    assert cluster(made(SCRIPT, config() + queue))["queues"] == {
        "team": {"create": True, "npus": 16, "weight": 2, "priority": 5}
    }


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([], None),
        (
            [
                ("huawei.com/ascend-1980", "huawei.com/Ascend910"),
                ("accelerator/huawei-npu: ascend-1980", "accelerator-type: module-910b-8"),
                ("/usr/local/sbin/npu-smi", "/usr/local/bin/npu-smi"),
            ],
            "mindcluster",
        ),
        ([("accelerator/huawei-npu: ascend-1980", "pool: big")], {"nodeSelector": {"pool": "big"}}),
        ([("huawei.com/ascend-1980", "huawei.com/ascend-310")], {"resource": "huawei.com/ascend-310"}),
        ([("path: /usr/local/Ascend/driver", "path: /opt/driver")], {"driver": "/opt/driver"}),
        ([("path: /etc/hccn.conf", "path: /data/hccn.conf")], {"hccnConf": "/data/hccn.conf"}),
        (
            [("/usr/local/sbin/npu-smi", "/usr/bin/npu-smi")],
            {"npuSmi": {"hostPath": "/usr/bin/npu-smi", "mountPath": "/usr/bin/npu-smi"}},
        ),
    ],
)
def test_the_platform_follows_from_its_npu_resource(pairs: list[tuple[str, str]], expected: Any) -> None:
    found = cluster(made(SCRIPT, replaced(*pairs)))

    assert found == {"context": "prod", **({"platform": expected} if expected else {})}


def test_the_file_that_is_sourced_first_is_the_platforms() -> None:
    script = SCRIPT.replace("/home/ma-user/.bashrc", "/usr/local/Ascend/ascend-toolkit/set_env.sh")

    assert cluster(made(script))["platform"] == {"initFile": "/usr/local/Ascend/ascend-toolkit/set_env.sh"}


@pytest.mark.parametrize(
    ("own", "given", "made_here", "expected"),
    [
        ("", "", "", None),
        ("team", "", "", {"name": "team", "create": False}),
        ("team", "", "team", "team"),
        ("", "shared", "", {"name": "shared", "create": False}),
        ("team", "shared", "", {"name": "shared", "create": False}),
    ],
)
def test_the_namespace_is_that_of_the_objects_or_of_the_option(
    own: str, given: str, made_here: str, expected: Any
) -> None:
    objects = config().replace("metadata:\n  name", f"metadata:\n  namespace: {own}\n  name", 1) if own else config()
    objects += f"---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: {made_here}}}\n" if made_here else ""

    assert cluster(made(SCRIPT, objects, namespace=given)).get("namespace") == expected


def test_a_name_that_is_taken_in_the_namespace_gets_a_number() -> None:
    done = made(SCRIPT, namespace="team")

    assert resolved(done).name == "yourapp-2"
    assert said(done, "assumed")["the name yourapp-2"].startswith(
        "yourapp already runs in this namespace with another selector"
    )


BARE = """\
---
kind: Pod
metadata: {name: bare}
spec:
  schedulerName: volcano
  NODES
  containers:
  - {name: b, image: a:1, command: [python, -m, vllm.entrypoints.api_server, --model=/m/Qwen2-7B, --max-model-len=9]}
"""


@pytest.mark.parametrize(
    ("nodes", "told"),
    [("priority: 0", []), ("nodeSelector: {pool: b}", ["nodeSelector of bare"])],
)
def test_a_pod_with_another_platform_is_noted(nodes: str, told: list[str]) -> None:
    done = made(SCRIPT, config() + BARE.replace("NODES", nodes))

    assert [what for what in said(done, "dropped") if "bare" in what] == told
    assert len(services(done)) == 2


OTHER_NPUS = "huawei.com/Ascend310P"


@pytest.mark.parametrize("others_first", [False, True])
def test_a_pod_with_other_npus_never_changes_those_of_the_first_pod(others_first: bool) -> None:
    usual = deployment("usual", {"huawei.com/Ascend910": 1})
    others = deployment("others", {OTHER_NPUS: 1})
    pair = [others, usual] if others_first else [usual, others]
    done = made("", yaml.safe_dump_all(pair), filled={})

    lost = [subject for subject in said(done, "dropped") if "resource" in subject]
    assert (OTHER_NPUS in str(cluster(done)["platform"])) is others_first
    assert lost == ["resource, nodeSelector of usual" if others_first else "resource, nodeSelector of others"]


def test_the_node_selector_of_a_later_pod_is_not_that_of_the_first_one() -> None:
    first = deployment("first", {"huawei.com/Ascend910": 1})
    second = deployment("second", {"huawei.com/Ascend910": 1}, nodeSelector={"pool": "big"})
    done = made("", yaml.safe_dump_all([first, second]), filled={})

    assert "nodeSelector" not in cluster(done)["platform"]
    assert "nodeSelector of second" in said(done, "dropped")


def deployment(name: str, npus: dict[str, int], **fields: Any) -> dict[str, Any]:
    """A Deployment with a server that uses these NPUs."""
    server = {
        "name": "server",
        "image": "quay.io/ascend/vllm-ascend:v0.23.0",
        "command": ["vllm", "serve", "/mnt/models/Qwen3-8B", "--max-model-len", "4096"],
        "resources": {"limits": npus},
    }
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [server], **fields}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


def test_pods_of_several_namespaces_need_several_stacks() -> None:
    first, second = (
        config().replace("metadata:\n  name: yourapp", f"metadata:\n  namespace: {name}\n  name: app-{name}", 1)
        for name in ("one", "two")
    )
    done = made(SCRIPT, f"{first}---\n{second}")

    assert cluster(done)["namespace"] == {"name": "one", "create": False}
    assert "write a stack for each" in said(done, "dropped")["the namespace two"]


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet", "ReplicaSet", "Job"])
def test_any_object_that_runs_pods_becomes_a_deployment(kind: str) -> None:
    done = made(SCRIPT, replaced(("kind: Deployment", f"kind: {kind}")))

    assert said(done, "assumed")["a Deployment"] == f"instead of the {kind}"


def test_a_pod_alone_becomes_a_deployment() -> None:
    spec = config().split("    spec:\n")[1]
    done = made(SCRIPT, f"apiVersion: v1\nkind: Pod\nmetadata: {{name: alone}}\nspec:\n{spec}")

    assert resolved(done).npus == 8


def test_a_pod_without_npus_gets_as_many_as_its_engine_uses() -> None:
    text = config()
    start, end = text.index("        resources:"), text.index("        volumeMounts:")
    done = made(command("--tensor-parallel-size=4"), text[:start] + text[end:])

    assert resolved(done).npus == 4
    assert "as the engine uses" in said(done, "assumed")["npus"]


def test_a_key_of_requests_in_a_secret_is_kept_as_a_reference() -> None:
    reference = "{name: VLLM_API_KEY, valueFrom: {secretKeyRef: {name: keys, key: vllm}}}"
    done = made(SCRIPT, replaced(("        resources:", f"        env: [{reference}]\n        resources:")))

    assert service(done)["server"] == {"apiKey": {"secret": "keys", "key": "vllm"}}


def test_variables_and_a_registry_from_secrets_are_kept_as_references() -> None:
    token = "{name: HF_TOKEN, valueFrom: {secretKeyRef: {name: hf, key: token}}}"
    maybe = "{name: A_TOKEN, valueFrom: {secretKeyRef: {name: hf, key: a, optional: true}}}"
    done = made(
        SCRIPT,
        replaced(
            ("        resources:", f"        env: [{token}, {maybe}]\n        resources:"),
            ("      containers:", "      imagePullSecrets: [{name: registry}]\n      containers:"),
        ),
    )

    assert service(done)["env"] == {"HF_TOKEN": {"secret": "hf", "key": "token"}}
    assert service(done)["pullSecrets"] == ["registry"]
    assert said(done, "dropped").keys() == {"A_TOKEN"}


def test_the_devices_of_the_script_are_kept_and_judged() -> None:
    done = made(command(exports="export ASCEND_RT_VISIBLE_DEVICES=0,1,2,3"))

    assert service(done)["visibleDevices"] == [0, 1, 2, 3]
    assert "ASCEND_RT_VISIBLE_DEVICES" not in changes(done)


def test_devices_in_the_usual_order_follow_from_the_npus() -> None:
    assert "visibleDevices" not in service(made(command(exports="export ASCEND_RT_VISIBLE_DEVICES=0,1,2,3,4,5,6,7")))


def test_nothing_of_the_manuals_objects_is_dropped() -> None:
    assert said(made(SCRIPT, CONFIG), "dropped") == {}
