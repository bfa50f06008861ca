"""Environment variables: texts, fields of the pod, paths added to those of the image, and shell text."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
import yaml

from models.check import check
from models.finding import Finding
from models.launch.launch import launch, script
from models.manifests import service_objects
from models.manifests.pod import CONTAINER
from models.service.resolved import ResolvedService, ResolvedStack
from models.stack_file.shell_text import value_without_shell
from tests.conftest import stack_of

BASE = {"image": "a:1", "model": "/mnt/models/Qwen2-7B-Instruct", "engine": {"maxModelLen": 4096}}


def stack_with(body: str) -> ResolvedStack:
    """A stack with one service: a base with the keys of a YAML text."""
    return stack_of(f"one: {json.dumps({**BASE, **yaml.safe_load(body)})}\n")


def service(env: dict[str, Any]) -> ResolvedService:
    return stack_with(json.dumps({"env": env})).services[0]


def findings(body: str) -> list[Finding]:
    return list(check(stack_with(body)).findings)


def exported(env: dict[str, Any], name: str, of_the_image: dict[str, str]) -> str:
    """The value that a variable has after the exports of the launch script, in an image with some variables."""
    lines = script(launch(service(env))).splitlines()
    exports = [line for line in lines if line.startswith("export ")]
    command = "\n".join(["set -euo pipefail", *exports, f'printf %s "${{{name}}}"'])
    environment = {"PATH": "/usr/bin:/bin", **of_the_image}
    done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize(
    ("paths", "of_the_image", "expected"),
    [
        ({"prepend": "/opt/lib"}, {"LD_LIBRARY_PATH": "/cann"}, "/opt/lib:/cann"),
        ({"append": "/opt/lib"}, {"LD_LIBRARY_PATH": "/cann"}, "/cann:/opt/lib"),
        ({"prepend": "/a:/b", "append": "/c"}, {"LD_LIBRARY_PATH": "/cann"}, "/a:/b:/cann:/c"),
        ({"prepend": "/opt/lib"}, {}, "/opt/lib"),
        ({"append": "/opt/lib"}, {}, "/opt/lib"),
        ({"prepend": "/a", "append": "/c"}, {"LD_LIBRARY_PATH": ""}, "/a:/c"),
        ({"prepend": "/with space;'quote"}, {"LD_LIBRARY_PATH": "/cann"}, "/with space;'quote:/cann"),
    ],
)
def test_paths_are_added_to_those_of_the_image(
    paths: dict[str, str], of_the_image: dict[str, str], expected: str
) -> None:
    assert exported({"LD_LIBRARY_PATH": paths}, "LD_LIBRARY_PATH", of_the_image) == expected


@pytest.mark.parametrize("field", ["status.podIP", "status.hostIP", "spec.nodeName", "metadata.labels['app']"])
def test_a_field_of_the_pod_is_a_variable_of_the_container_and_not_of_the_script(field: str) -> None:
    resolved = service({"HCCL_IF_IP": {"field": field}})
    (workload,) = [item for item in service_objects(resolved) if item["kind"] == "Deployment"]
    pod = workload["spec"]["template"]["spec"]
    (container,) = [item for item in pod["containers"] if item["name"] == CONTAINER]

    assert container["env"] == [
        {"name": "HCCL_IF_IP", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": field}}}
    ]
    assert "HCCL_IF_IP" not in script(launch(resolved))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{field: status.podIp}", "status.podIP"),
        ("{field: spec.containers}", "status.podIP"),
        ("{prepend: $HOME/lib}", "paths"),
        ("{prepend: null}", "prepend"),
        ("{prepend: /a, field: status.podIP}", "field"),
        ("{}", "env.A"),
    ],
)
def test_a_form_that_kubernetes_or_bash_would_refuse_is_an_error(value: str, message: str) -> None:
    found = findings(f"env: {{A: {value}}}")

    assert any(message in finding.message + finding.fix for finding in found)
    assert any(finding.severity == "error" for finding in found)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("HCCL_IF_IP", "${POD_IP}", {"field": "status.podIP"}),
        ("HCCL_IF_IP", "$POD_IP", {"field": "status.podIP"}),
        ("HCCL_IF_IP", "$(hostname -i)", {"field": "status.podIP"}),
        ("HCCL_IF_IP", "$(hostname -I | awk '{print $1}')", {"field": "status.podIP"}),
        ("HCCL_IF_IP", "`hostname -i`", {"field": "status.podIP"}),
        ("NODE", "$(hostname)", {"field": "metadata.name"}),
        ("NODE", "$NODE_NAME", {"field": "spec.nodeName"}),
        ("VLLM_HOST_IP", "${HOST_IP}", {"field": "status.hostIP"}),
        ("LD_LIBRARY_PATH", "/opt/lib:$LD_LIBRARY_PATH", {"prepend": "/opt/lib"}),
        ("LD_LIBRARY_PATH", "/opt/lib:${LD_LIBRARY_PATH}", {"prepend": "/opt/lib"}),
        ("LD_LIBRARY_PATH", "/opt/lib:${LD_LIBRARY_PATH:-}", {"prepend": "/opt/lib"}),
        ("LD_LIBRARY_PATH", "/opt/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}", {"prepend": "/opt/lib"}),
        ("PATH", "$PATH:/opt/bin", {"append": "/opt/bin"}),
        ("PYTHONPATH", "/a:/b:$PYTHONPATH:/c", {"prepend": "/a:/b", "append": "/c"}),
        ("A", "${B:-7}", "7"),
        ("A", "$OTHER", None),
        ("A", "$(nproc)", None),
        ("LD_LIBRARY_PATH", "/opt/lib:$PATH", None),
    ],
)
def test_shell_text_has_a_form_in_the_stack_file(name: str, text: str, expected: object) -> None:
    assert value_without_shell(name, text) == expected


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('env: {HCCL_IF_IP: "${POD_IP}"}', "env.HCCL_IF_IP"),
        ('env: {X: "$(hostname -i)"}', "env.X"),
        ('env: {X: "`nproc`"}', "env.X"),
        ('env: {LD_LIBRARY_PATH: "/opt/lib:$LD_LIBRARY_PATH"}', "env.LD_LIBRARY_PATH"),
        ("engine: {maxModelLen: 4096, servedModelName: ['${name}']}", "engine.servedModelName"),
        ("model: /mnt/$MODEL", "model.source"),
        ("server: {host: $(hostname -i)}", "server.host"),
    ],
)
def test_shell_text_in_a_value_of_the_launch_is_an_error(body: str, field: str) -> None:
    found = [finding for finding in findings(body) if finding.rule == "shell-text"]

    assert [finding.marks[0].field for finding in found] == [field]


@pytest.mark.parametrize(
    "body",
    [
        'env: {A: "a$"}',
        'env: {A: "costs 5$"}',
        'env: {A: "$5"}',
        'env: {A: "a$$b"}',
        "engine: {maxModelLen: 4096, servedModelName: a$$b}",
        'env: {A: "100%", B: "a`b"}',
        "expose: {type: LoadBalancer, annotations: {example.com/snippet: set $x 1}}",
        "server: {chatTemplate: {inline: '{{ $x }}'}}",
    ],
)
def test_text_that_no_shell_would_replace_is_accepted(body: str) -> None:
    assert [finding for finding in findings(body) if finding.rule == "shell-text"] == []
