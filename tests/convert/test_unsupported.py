"""Fields that a conversion does not copy are noted with their line; fields that programs write are not noted."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from convert import File, Options, convert
from tests.convert.pairs import (
    MODEL,
    changes,
    command,
    config,
    limits,
    made,
    places,
    replaced,
    said,
    service,
)
from tests.convert.test_vllm_serve import deployment

pytestmark = pytest.mark.slow

SCRIPT = command()


@pytest.mark.parametrize(
    ("pair", "what", "why"),
    [
        (("imagePullPolicy: IfNotPresent", "imagePullPolicy: Always"), "imagePullPolicy", "write a tag that never"),
        (("runAsUser: 0", "privileged: true"), "securityContext.privileged", "without this right"),
        (
            ("        - containerPort: 8080", "        - containerPort: 8080\n        - containerPort: 9"),
            "the port 9",
            "a service has one port",
        ),
        (
            ("        volumeMounts:", "        volumeMounts:\n        - {name: node-path, mountPath: /data}"),
            "the mount /data",
            "no key for further mounts",
        ),
        (
            (
                "        resources:",
                "        env: [{name: N, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}]\n        resources:",
            ),
            "N",
            "env takes plain values, required keys of Secrets, and fields of the pod",
        ),
        (
            ("        resources:", "        envFrom: [{configMapRef: {name: a}}]\n        resources:"),
            "envFrom",
            "write each variable under env",
        ),
    ],
)
def test_a_field_without_a_key_is_noted_with_its_line(pair: tuple[str, str], what: str, why: str) -> None:
    done = made(SCRIPT, replaced(pair))

    assert why in said(done, "dropped")[what]
    assert places(done)[what].startswith("config.yaml:")


ELSEWHERE = """\
env:
- {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
envFrom: [{configMapRef: {name: a}}]
"""


def test_references_to_values_are_noted_if_the_script_has_another_name() -> None:
    objects = config(resources=ELSEWHERE).replace("/run_vllm.sh", "/start.sh")

    assert {"envFrom"} <= {*said(made(SCRIPT, objects), "dropped")}


@pytest.mark.parametrize(
    ("objects", "what", "why"),
    [
        (config(selector="progressDeadlineSeconds: 3600"), "progressDeadlineSeconds", "it follows from startup"),
        (config(selector="strategy: {rollingUpdate: {maxSurge: 50%}}"), "strategy", "whole numbers of pods"),
        (config(resources="livenessProbe: {tcpSocket: {port: 8080}}"), "livenessProbe", "startup sets how long"),
        (config(resources="readinessProbe: {httpGet: {path: /v1/models}}"), "readinessProbe", "writes its own probes"),
        (config(resources="startupProbe: {exec: {command: [a]}, failureThreshold: 9}"), "startupProbe", "/health"),
        (
            replaced(("containerPort: 8080", "{containerPort: 8080, hostPort: 80}")),
            "hostPort",
            "write expose: NodePort",
        ),
        (limits(**{"ephemeral-storage": "9Gi"}), "ephemeral-storage", "the free disk of its node"),
        (replaced(("limits:", "limits:\n            cpu: 9")), "the limit of cpu", "CPUs that the node has free"),
        (
            limits(memory="9Gi").replace("memory: 9Gi", "memory: 8Gi", 1),
            "the request of memory",
            "as much memory as its limit",
        ),
        (replaced(("app: infers\n    spec", "app: search\n    spec")), "the label app", "app: infers"),
        (
            replaced(("metadata:\n  name", "metadata:\n  annotations: {a/b: c}\n  name")),
            "the annotation a/b",
            "write podTemplate.metadata.annotations",
        ),
    ],
)
def test_every_addition_of_people_is_noted(objects: str, what: str, why: str) -> None:
    done = made(SCRIPT, objects)
    notes = said(done, "dropped") | said(done, "replaced")

    assert [reason for name, reason in notes.items() if what in name and why in reason], notes


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("minReadySeconds: 30", "startup sets how long"),
        ("revisionHistoryLimit: 3", "the repository of the stack file"),
        ("paused: true", "write replicas: 0"),
        ("volumeClaimTemplates: [{metadata: {name: w}}]", "kind: claim"),
    ],
)
def test_a_field_of_the_owner_is_noted_with_the_way_out(field: str, reason: str) -> None:
    name = field.partition(":")[0]

    assert reason in said(made(SCRIPT, config(selector=field)), "dropped")[name]


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("workingDir: /srv", "write absolute paths"),
        ("lifecycle: {preStop: {exec: {command: [sleep, '5']}}}", "drain sets"),
        ("tty: true", "reads no terminal"),
        ("volumeDevices: [{name: a, devicePath: /dev/a}]", "write model.source"),
    ],
)
def test_a_field_of_the_container_is_noted_with_the_way_out(field: str, reason: str) -> None:
    name = field.partition(":")[0]

    assert reason in said(made(SCRIPT, config(resources=field)), "dropped")[name]


@pytest.mark.parametrize(
    ("right", "reason"),
    [
        ("fsGroup: 5", "write cluster.platform.group"),
        ("runAsGroup: 5", "write runAsUser"),
        ("seccompProfile: {type: Localhost, localhostProfile: a}", "cluster.seccomp"),
        ("capabilities: {add: [SYS_ADMIN]}", "no capability but DAC_OVERRIDE"),
    ],
)
def test_a_right_that_is_lost_is_noted_with_the_way_out(right: str, reason: str) -> None:
    name = f"securityContext.{right.partition(':')[0]}"

    assert reason in said(made(SCRIPT, replaced(("runAsUser: 0", right))), "dropped")[name]


def test_the_container_that_kubectl_shows_first_is_kept() -> None:
    """`kubectl logs` reads it; other annotations of kubectl are its own."""
    objects = replaced(
        (
            "  template:\n    metadata:\n",
            "  template:\n    metadata:\n      annotations: {kubectl.kubernetes.io/default-container: server, "
            "kubectl.kubernetes.io/restartedAt: '2026'}\n",
        )
    )
    kept = service(made(SCRIPT, objects))["podTemplate"]["metadata"]["annotations"]

    assert kept == {"kubectl.kubernetes.io/default-container": "server"}


def test_a_label_that_the_program_writes_is_not_called_a_credential() -> None:
    objects = replaced(("app: infers\n    spec", "app: infers\n         app.kubernetes.io/part-of: chat\n    spec"))

    why = said(made(SCRIPT, objects), "dropped")["the label app.kubernetes.io/part-of"]
    assert why == "the program or a controller writes labels with this name or prefix: write another name"


def test_labels_and_annotations_of_programs_are_not_noted() -> None:
    written = "{deployment.kubernetes.io/revision: '1', kubectl.kubernetes.io/last-applied-configuration: '{}'}"
    objects = replaced(
        ("metadata:\n  name", f"metadata:\n  annotations: {written}\n  name"),
        ("app: infers\n    spec", "app: infers\n         pod-template-hash: abc\n    spec"),
    )

    assert said(made(SCRIPT, objects), "dropped") == {}


def test_defaults_of_kubernetes_are_not_noted() -> None:
    filled = (
        "      restartPolicy: Always\n      dnsPolicy: ClusterFirst\n      securityContext: {}\n      schedulerName",
        "        terminationMessagePath: /dev/termination-log\n        terminationMessagePolicy: File\n        ports:",
    )
    objects = replaced(("      schedulerName", filled[0]), ("        ports:", filled[1]))

    assert said(made(SCRIPT, objects), "dropped") == {}


@pytest.mark.parametrize(
    ("extra", "what", "why"),
    [
        (
            "kind: Secret\nmetadata: {name: s}\nstringData: {token: hunter2}\n",
            "the Secret s",
            "refers to it where it is used",
        ),
        ("kind: Ingress\nmetadata: {name: i}\n", "the Ingress i", "let it lead to the new Service"),
        ("kind: Deployment\nmetadata: {name: d}\nspec: {}\n", "the Deployment d", "no container of it starts a server"),
        (
            "kind: Service\nmetadata: {name: front}\nspec: {selector: {app: infers}}\n",
            "the Service front",
            "selects the new pods too",
        ),
        (
            "kind: Service\nmetadata: {name: front}\nspec: {selector: {app: other}}\n",
            "the Service front",
            "does not select the new pods",
        ),
        ("- 1\n", "a document", "not a Kubernetes object"),
    ],
)
def test_objects_without_a_server_are_noted(extra: str, what: str, why: str) -> None:
    done = made(SCRIPT, f"{config()}---\n{extra}")

    notes = {note.subject: note.why for note in done.notes}

    assert why in notes[what]
    assert "hunter2" not in repr(done.notes) + done.text


DOWNLOAD = "{name: dl, image: b, command: [wget, x]}"


@pytest.mark.parametrize(
    ("pair", "patch"),
    [
        (
            ("      schedulerName", "      hostNetwork: true\n      runtimeClassName: ascend\n      schedulerName"),
            {"spec": {"hostNetwork": True, "runtimeClassName": "ascend"}},
        ),
        (
            ("      schedulerName", "      tolerations: [{operator: Exists}]\n      schedulerName"),
            {"spec": {"tolerations": [{"operator": "Exists"}]}},
        ),
        (
            ("app: infers\n    spec", "app: infers\n         team: a\n    spec"),
            {"metadata": {"labels": {"team": "a"}}},
        ),
        (
            ("      schedulerName", f"      initContainers: [{DOWNLOAD}]\n      schedulerName"),
            {"spec": {"initContainers": [{"name": "dl", "image": "b", "command": ["wget", "x"]}]}},
        ),
    ],
)  # fmt: skip
def test_a_part_of_the_pod_without_a_key_becomes_a_part_of_its_patch(
    pair: tuple[str, str], patch: dict[str, Any]
) -> None:
    done = made(SCRIPT, replaced(pair))

    assert service(done)["podTemplate"] == patch
    assert not done.loses


def test_a_sidecar_is_copied_with_its_volumes() -> None:
    sidecar = "{name: proxy, image: nginx, volumeMounts: [{name: conf, mountPath: /etc/nginx}]}"
    objects = replaced(
        ("      containers:\n", f"      containers:\n      - {sidecar}\n"),
        ("      volumes:\n", "      volumes:\n      - {name: conf, configMap: {name: nginx}}\n"),
    )

    assert service(made(SCRIPT, objects))["podTemplate"]["spec"]["volumes"] == [
        {"name": "conf", "configMap": {"name": "nginx"}}
    ]


def test_a_part_with_a_credential_is_not_copied() -> None:
    sidecar = "{name: proxy, image: nginx, env: [{name: API_TOKEN, value: hunter2-hunter2}]}"
    done = made(SCRIPT, replaced(("      containers:\n", f"      containers:\n      - {sidecar}\n")))

    assert "create a Secret" in said(done, "dropped")["the container proxy"]
    assert "hunter2" not in done.text


CLAIM_OF_WEIGHTS = (f"hostPath:\n          path: {MODEL}", "persistentVolumeClaim: {claimName: w}")


def test_weights_on_a_claim_stay_on_the_claim() -> None:
    done = made(SCRIPT, replaced(CLAIM_OF_WEIGHTS))

    assert service(done)["model"] == {"name": "Qwen2-7B-Instruct", "source": {"kind": "claim", "name": "w"}}
    assert not done.loses


def test_a_directory_of_a_claim_is_kept_with_its_path_in_the_container() -> None:
    objects = replaced(CLAIM_OF_WEIGHTS, (f"mountPath: {MODEL}", "mountPath: /data"))
    done = made(command().replace(MODEL, "/data/qwen/Qwen2-7B-Instruct"), objects)

    assert service(done)["model"] == {
        "source": {"kind": "claim", "name": "w", "directory": "qwen/Qwen2-7B-Instruct"},
        "mountPath": "/data/qwen/Qwen2-7B-Instruct",
    }


@pytest.mark.parametrize("volume", ["nfs: {server: a, path: /b}", "emptyDir: {}"])
def test_weights_on_another_volume_are_not_taken_for_a_directory_of_the_node_silently(volume: str) -> None:
    done = made(SCRIPT, replaced((f"hostPath:\n          path: {MODEL}", volume)))

    assert "weights come from a directory of the node" in " ".join(said(done, "dropped").values())


def test_a_slash_at_the_end_of_a_directory_of_a_claim_stays_a_part_of_its_path() -> None:
    value = yaml.safe_load(deployment(["vllm", "serve", "/weights/Qwen3-8B/", "--max-model-len", "4096"]))
    spec = value["spec"]["template"]["spec"]
    spec["containers"][0]["volumeMounts"] = [{"name": "weights", "mountPath": "/weights/"}]
    spec["volumes"] = [{"name": "weights", "persistentVolumeClaim": {"claimName": "w"}}]
    done = convert(File("qwen.yaml", yaml.safe_dump(value)), [], Options(context="prod"))

    assert service(done)["model"] == {
        "source": {"kind": "claim", "name": "w", "directory": "Qwen3-8B"},
        "mountPath": "/weights/Qwen3-8B/",
    }
    assert "--model" not in changes(done)
