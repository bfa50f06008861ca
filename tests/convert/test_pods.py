"""What the pod says beside its launch: NPUs, resources, rollout, platform; and what has no place is told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.convert.pairs import (
    CONFIG,
    changes,
    cluster,
    command,
    config,
    made,
    places,
    resolved,
    said,
    service,
    services,
)

SCRIPT = command()


def replaced(*pairs: tuple[str, str]) -> str:
    text = config()
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return text


def limits(**asked: str) -> str:
    lines = "".join(f"            {name}: {amount}\n" for name, amount in asked.items())
    return replaced(
        ("          limits:\n", f"          limits:\n{lines}"),
        ("          requests:\n", f"          requests:\n{lines}"),
    )


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        (limits(cpu="16"), {"resources": {"cpu": 16}}),
        (limits(cpu='"7500m"'), {"resources": {"cpu": 8}}),
        (limits(memory="200Gi"), {"resources": {"memory": "200Gi"}}),
        (limits(memory="1.5Ti"), {"resources": {"memory": "1649267441664"}}),
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
def test_what_has_a_key_is_kept(objects: str, expected: dict[str, Any]) -> None:
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


def test_a_queue_that_is_made_beside_the_pod_is_made_by_the_stack() -> None:
    queue = "---\nkind: Queue\nmetadata: {name: team}\nspec: {weight: 2, capability: {huawei.com/ascend-1980: '16'}}\n"

    assert cluster(made(SCRIPT, config() + queue))["queues"] == {"team": {"create": True, "npus": 16, "weight": 2}}


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
def test_the_platform_is_told_by_its_resource_and_corrected_where_it_differs(
    pairs: list[tuple[str, str]], expected: Any
) -> None:
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
def test_the_namespace_is_that_of_the_objects_or_the_one_that_is_given(
    own: str, given: str, made_here: str, expected: Any
) -> None:
    objects = config().replace("metadata:\n  name", f"metadata:\n  namespace: {own}\n  name", 1) if own else config()
    objects += f"---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: {made_here}}}\n" if made_here else ""

    assert cluster(made(SCRIPT, objects, namespace=given)).get("namespace") == expected


def test_a_name_that_another_deployment_has_in_the_namespace_is_not_taken_again() -> None:
    done = made(SCRIPT, namespace="team")

    assert resolved(done).name == "yourapp-2"
    assert said(done, "assumed")["the name yourapp-2"].startswith(
        "yourapp runs in this namespace with another selector"
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
def test_a_platform_that_another_pod_contradicts_is_told(nodes: str, told: list[str]) -> None:
    done = made(SCRIPT, config() + BARE.replace("NODES", nodes))

    assert [what for what in said(done, "dropped") if "bare" in what] == told
    assert len(services(done)) == 2


def test_pods_of_several_namespaces_need_several_stacks() -> None:
    first, second = (
        config().replace("metadata:\n  name: yourapp", f"metadata:\n  namespace: {name}\n  name: app-{name}", 1)
        for name in ("one", "two")
    )
    done = made(SCRIPT, f"{first}---\n{second}")

    assert cluster(done)["namespace"] == {"name": "one", "create": False}
    assert "write a stack for each" in said(done, "dropped")["the namespace two"]


@pytest.mark.parametrize(
    ("pair", "what", "why"),
    [
        (("      schedulerName", "      hostNetwork: true\n      schedulerName"), "hostNetwork", "no word for it"),
        (
            ("      schedulerName", "      tolerations: [{operator: Exists}]\n      schedulerName"),
            "tolerations",
            "no word",
        ),
        (("imagePullPolicy: IfNotPresent", "imagePullPolicy: Always"), "imagePullPolicy", "no word for it"),
        (("runAsUser: 0", "privileged: true"), "securityContext.privileged", "no word for it"),
        (
            ("        - containerPort: 8080", "        - containerPort: 8080\n        - containerPort: 9"),
            "the port 9",
            "has one",
        ),
        (
            (f"hostPath:\n          path: {'/mnt/models/Qwen2-7B-Instruct'}", "persistentVolumeClaim: {claimName: w}"),
            "the mount /mnt/models/Qwen2-7B-Instruct",
            "weights come from a directory of the node",
        ),
        (
            ("        volumeMounts:", "        volumeMounts:\n        - {name: node-path, mountPath: /data}"),
            "the mount /data",
            "no word for further mounts",
        ),
        (
            (
                "        resources:",
                "        env: [{name: N, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]\n        resources:",
            ),
            "N",
            "from elsewhere",
        ),
        (
            ("        resources:", "        envFrom: [{configMapRef: {name: a}}]\n        resources:"),
            "envFrom",
            "from elsewhere",
        ),
    ],
)
def test_what_has_no_key_is_told_with_its_line(pair: tuple[str, str], what: str, why: str) -> None:
    done = made(SCRIPT, replaced(pair))

    assert why in said(done, "dropped")[what]
    assert places(done)[what].startswith("config.yaml:")


ELSEWHERE = """\
env:
- {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
envFrom: [{configMapRef: {name: a}}]
"""


def test_variables_from_elsewhere_are_told_also_where_the_script_has_another_name() -> None:
    objects = config(resources=ELSEWHERE).replace("/run_vllm.sh", "/start.sh")

    assert {"POD_IP", "envFrom"} <= {*said(made(SCRIPT, objects), "dropped")}


@pytest.mark.parametrize(
    ("objects", "what", "why"),
    [
        (config(schedulerName="initContainers: [{name: dl, image: b, command: [wget, x]}]"), "dl", "belongs in the"),
        (config(selector="progressDeadlineSeconds: 3600"), "progressDeadlineSeconds", "it follows from startup"),
        (config(selector="strategy: {rollingUpdate: {maxSurge: 50%}}"), "strategy", "whole numbers of pods"),
        (config(resources="livenessProbe: {tcpSocket: {port: 8080}}"), "livenessProbe", "`startup` says how long"),
        (config(resources="readinessProbe: {httpGet: {path: /v1/models}}"), "readinessProbe", "probes of its own"),
        (config(resources="startupProbe: {exec: {command: [a]}, failureThreshold: 9}"), "startupProbe", "/health"),
        (replaced(("containerPort: 8080", "{containerPort: 8080, hostPort: 80}")), "hostPort", "no word"),
        (limits(**{"ephemeral-storage": "9Gi"}), "ephemeral-storage", "no word"),
        (replaced(("limits:", "limits:\n            cpu: 9")), "the limit of cpu", "CPUs that the node has over"),
        (
            limits(memory="9Gi").replace("memory: 9Gi", "memory: 8Gi", 1),
            "the request of memory",
            "as much as the limit",
        ),
        (replaced(("app: infers\n    spec", "app: infers\n         team: a\n    spec")), "the label team", "no word"),
        (replaced(("app: infers\n    spec", "app: search\n    spec")), "the label app", "app: infers"),
        (
            replaced(("metadata:\n  name", "metadata:\n  annotations: {a/b: c}\n  name")),
            "the annotation a/b",
            "no word",
        ),
    ],
)
def test_nothing_that_people_add_goes_without_a_word(objects: str, what: str, why: str) -> None:
    told = said(made(SCRIPT, objects), "dropped")

    assert [reason for name, reason in told.items() if what in name and why in reason], told


def test_labels_and_annotations_that_programs_write_are_not_told() -> None:
    written = "{deployment.kubernetes.io/revision: '1', kubectl.kubernetes.io/last-applied-configuration: '{}'}"
    objects = replaced(
        ("metadata:\n  name", f"metadata:\n  annotations: {written}\n  name"),
        ("app: infers\n    spec", "app: infers\n         pod-template-hash: abc\n    spec"),
    )

    assert said(made(SCRIPT, objects), "dropped") == {}


def test_what_kubernetes_fills_in_by_itself_is_not_told() -> None:
    filled = (
        "      restartPolicy: Always\n      dnsPolicy: ClusterFirst\n      securityContext: {}\n      schedulerName",
        "        terminationMessagePath: /dev/termination-log\n        terminationMessagePolicy: File\n        ports:",
    )
    objects = replaced(("      schedulerName", filled[0]), ("        ports:", filled[1]))

    assert said(made(SCRIPT, objects), "dropped") == {}


@pytest.mark.parametrize(
    ("extra", "what", "why"),
    [
        ("kind: Secret\nmetadata: {name: s}\nstringData: {token: hunter2}\n", "the Secret s", "named where it is used"),
        ("kind: Ingress\nmetadata: {name: i}\n", "the Ingress i", "no word for it"),
        ("kind: Deployment\nmetadata: {name: d}\nspec: {}\n", "the Deployment d", "no container of it starts a server"),
        (
            "kind: Service\nmetadata: {name: front}\nspec: {selector: {app: infers}}\n",
            "the Service front",
            "it finds the new pods too",
        ),
        (
            "kind: Service\nmetadata: {name: front}\nspec: {selector: {app: other}}\n",
            "the Service front",
            "it does not find the new pods",
        ),
        ("- 1\n", "a document", "no Kubernetes object"),
    ],
)
def test_further_objects_are_told(extra: str, what: str, why: str) -> None:
    done = made(SCRIPT, f"{config()}---\n{extra}")

    assert why in said(done, "dropped")[what]
    assert "hunter2" not in repr(done.notes) + done.text


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet", "ReplicaSet", "Job"])
def test_what_else_runs_pods_becomes_a_deployment(kind: str) -> None:
    done = made(SCRIPT, replaced(("kind: Deployment", f"kind: {kind}")))

    assert said(done, "assumed")["a Deployment"] == f"in the place of the {kind}"


def test_a_pod_alone_becomes_a_deployment() -> None:
    spec = config().split("    spec:\n")[1]
    done = made(SCRIPT, f"apiVersion: v1\nkind: Pod\nmetadata: {{name: alone}}\nspec:\n{spec}")

    assert resolved(done).npus == 8


def test_a_pod_without_npus_gets_as_many_as_its_engine_uses() -> None:
    text = config()
    start, end = text.index("        resources:"), text.index("        volumeMounts:")
    done = made(command("--tensor-parallel-size=4"), text[:start] + text[end:])

    assert resolved(done).npus == 4
    assert "as many as the engine uses" in said(done, "assumed")["npus"]


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


def test_the_manuals_objects_as_they_are_drop_nothing() -> None:
    assert said(made(SCRIPT, CONFIG), "dropped") == {}
