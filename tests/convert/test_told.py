"""What of a pod has no place in a stack file is told with its line, and what programs write is not."""

from __future__ import annotations

import pytest

from tests.convert.pairs import (
    command,
    config,
    limits,
    made,
    places,
    replaced,
    said,
)

SCRIPT = command()


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
