"""The manual's pod and its three ways to start, held against what this program makes of the same values."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from models.check import check
from models.launch.launch import launch, script
from models.manifests import service_objects
from models.service.resolve import resolve
from models.service.resolved import ResolvedService, ResolvedStack
from models.stack_file.load import load_text

MANUAL = Path(__file__).parent.parent / "manual"
WAYS = ["openai-text", "openai-multimodal", "plain"]


def manual_stack() -> ResolvedStack:
    file = MANUAL / "Pulumi.manual.yaml"
    return resolve(load_text("manual", str(file), file.read_text(encoding="utf-8")))


def service_named(name: str) -> ResolvedService:
    found = manual_stack().service(name)
    assert found is not None
    return found


def parse_script(text: str) -> tuple[str, dict[str, str | None], dict[str, str], list[str]]:
    """Module, flags with their values, exports and sourced files of a launch script."""
    lines = text.replace("\\\n", " ").splitlines()
    words = next(shlex.split(line) for line in lines if "python" in line)
    words = words[words.index("-m") + 1 :]
    flags: dict[str, str | None] = {}
    rest = iter(words[1:])
    for word in rest:
        name, equals, value = word.partition("=")
        takes_next = not equals and name in ("--model", "--chat-template", "--dtype")
        flags[name] = value if equals else next(rest) if takes_next else None
    exports = dict(shlex.split(line)[1].split("=", 1) for line in lines if line.startswith("export "))
    return words[0], flags, exports, re.findall(r"^source (\S+)", text, re.MULTILINE)


@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_start_has_exactly_the_manuals_module_flags_values_and_exports(way: str) -> None:
    service = service_named(way)
    values = {
        "ASCEND_RT_VISIBLE_DEVICES": ",".join(map(str, range(service.npus))),
        "container_model_path": service.model.path,
        "docker_ip": "0.0.0.0",
        "port": "8080",
        "dtype": "float16",
        "chat_template_path": "/opt/vllm/examples/template_llava.jinja",
    }
    manual = re.sub(r"\$\{(\w+)\}", lambda match: values[match[1]], (MANUAL / f"{way}.sh").read_text(encoding="utf-8"))

    assert parse_script(manual) == parse_script(script(launch(service)))


def test_the_manuals_stack_has_no_finding_but_the_waived_idle_cards() -> None:
    report = check(manual_stack())

    assert report.findings == ()
    assert [waived.finding.rule for waived in report.accepted] == ["idle-npus"]


def flatten(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every scalar of an object with its path; items of a list are told apart by their name."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from flatten(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            name = item.get("name", index) if isinstance(item, dict) and "containers" not in path[-11:] else index
            yield from flatten(item, f"{path}[{name}]")
    else:
        yield path, value


SELECTOR = "every pod of the manual has app=infers: two services would take each other's pods"
LABELS = "Kubernetes' recommended labels, beside the manual's"
READ_ONLY = "nothing in the container writes there"
TYPED = "a missing path must fail the pod instead of becoming an empty directory"
STACK_WINS = "what an update made whose state was lost, and what was changed by hand, can be changed again"
ROLLOUT = "Kubernetes' default makes a pod more, which waits for the NPUs that the old one holds"
BUDGET = "a slow start is not killed, a dead server is"
NODE = "a pod without requests is the first to be evicted, and one without limit takes the node down"
LEAST = "a pod may do what serving needs, and no more"
SHM = "64 MiB is what a container runtime gives, and the processes of the engine hang on it"
TEMPLATE = "spec.template.spec"
CONTAINER = f"{TEMPLATE}.containers[0]"
HOST_VOLUMES = {
    "ascend-driver": "Directory",
    "ascend-add-ons": "Directory",
    "hccn": "File",
    "localtime": "File",
    "npu-smi": "File",
    "model-path": "Directory",
}

DIFFERENCES: dict[str, tuple[Any, Any, str]] = {
    "metadata.name": ("yourapp", "openai-text", "the service's name"),
    "metadata.namespace": (None, "inference", "never the namespace that happens to be current"),
    "metadata.annotations.pulumi.com/skipAwait": (None, "true", "the program waits itself, and says why it waits"),
    **{
        f"{place}.app.kubernetes.io/{key}": (None, value, LABELS)
        for place in ("metadata.labels", "spec.template.metadata.labels")
        for key, value in (
            *(("name", "ascend-vllm"), ("instance", "openai-text"), ("managed-by", "pulumi")),
            *(("component", "server"), ("version", "0.6.3")),
        )
    },
    f"{TEMPLATE}.automountServiceAccountToken": (None, False, LEAST),
    f"{TEMPLATE}.securityContext.supplementalGroups[0]": (None, 1000, "the NPUs belong to this group of the node"),
    f"{TEMPLATE}.securityContext.seccompProfile.type": (None, "RuntimeDefault", LEAST),
    f"{CONTAINER}.securityContext.allowPrivilegeEscalation": (None, False, LEAST),
    f"{CONTAINER}.securityContext.capabilities.drop[0]": (None, "ALL", LEAST),
    f"{CONTAINER}.securityContext.capabilities.add[0]": (None, "DAC_OVERRIDE", "root reads ma-user's files"),
    "spec.selector.matchLabels.app": ("infers", None, SELECTOR),
    "spec.selector.matchLabels.app.kubernetes.io/name": (None, "ascend-vllm", SELECTOR),
    "spec.selector.matchLabels.app.kubernetes.io/instance": (None, "openai-text", SELECTOR),
    f"{TEMPLATE}.enableServiceLinks": (
        None,
        False,
        "a Service named vllm would set VLLM_PORT to an address, which the engine reads as a number",
    ),
    f"{CONTAINER}.image": ("${image_name}", "registry.example.com/ascend-vllm:6.3.912", "the service's image"),
    f"{CONTAINER}.name": ("${container_name}", "ascend-vllm", "the manual's example of a container name"),
    f"{CONTAINER}.args[0]": (
        "${node-path}/run_vllm.sh",
        "/opt/ascend-vllm/launch/run_vllm.sh",
        "the ConfigMap's directory",
    ),
    f"{CONTAINER}.ports[0].containerPort": (8080, None, "the port has a name, for the Service"),
    f"{CONTAINER}.ports[http].name": (None, "http", "the port has a name, for the Service"),
    f"{CONTAINER}.ports[http].containerPort": (None, 8080, "the port has a name, for the Service"),
    f"{CONTAINER}.volumeMounts[model-path].mountPath": (
        "${model-path}",
        "/mnt/models/Qwen2-7B-Instruct",
        "the model's path",
    ),
    f"{CONTAINER}.volumeMounts[node-path].mountPath": (
        "${node-path}",
        "/opt/ascend-vllm/launch",
        "the ConfigMap's directory",
    ),
    **{f"{CONTAINER}.volumeMounts[{name}].readOnly": (None, True, READ_ONLY) for name in (*HOST_VOLUMES, "node-path")},
    **{f"{TEMPLATE}.volumes[{name}].hostPath.type": (None, kind, TYPED) for name, kind in HOST_VOLUMES.items()},
    f"{TEMPLATE}.volumes[model-path].hostPath.path": (
        "${model-path}",
        "/mnt/models/Qwen2-7B-Instruct",
        "the model's path",
    ),
    f"{TEMPLATE}.volumes[node-path].hostPath.path": (
        "${node-path}",
        None,
        "a ConfigMap instead of a file on every node",
    ),
    f"{TEMPLATE}.volumes[node-path].configMap.name": (
        None,
        "openai-text-launch-<hash>",
        "a ConfigMap instead of a file on every node",
    ),
    f"{TEMPLATE}.volumes[node-path].configMap.defaultMode": (None, 0o555, "bash -c runs the script as a program"),
    "metadata.annotations.pulumi.com/patchFieldManager": (None, "ascend-vllm", STACK_WINS),
    "metadata.annotations.pulumi.com/patchForce": (None, "true", STACK_WINS),
    "spec.strategy.type": (None, "Recreate", ROLLOUT),
    "spec.progressDeadlineSeconds": (None, 720 + 335 + 600, BUDGET),
    f"{TEMPLATE}.terminationGracePeriodSeconds": (None, 335, "the drain takes up to 300 seconds"),
    **{
        f"{CONTAINER}.{probe}.{field}": (None, value, BUDGET)
        for probe, period, failures in (("startup", 5, 144), ("readiness", 5, 3), ("liveness", 10, 10))
        for probe, field, value in (
            *([(f"{probe}Probe", "httpGet.path", "/health")] if probe != "readiness" else []),
            *([(f"{probe}Probe", "httpGet.port", "http")] if probe != "readiness" else []),
            (f"{probe}Probe", "periodSeconds", period),
            (f"{probe}Probe", "failureThreshold", failures),
            (f"{probe}Probe", "timeoutSeconds", 5),
        )
    },
    **{
        f"{CONTAINER}.readinessProbe.exec.command[{index}]": (None, word, "who drains gets no new requests")
        for index, word in enumerate(
            ("/bin/bash", "/opt/ascend-vllm/launch/ready.sh", "8080", "/tmp/ascend-vllm-draining")
        )
    },
    **{
        f"{CONTAINER}.lifecycle.preStop.exec.command[{index}]": (None, word, "requests that run are answered")
        for index, word in enumerate(("/bin/bash", "-c", "/opt/ascend-vllm/launch/drain.sh"))
    },
    f"{CONTAINER}.resources.requests.cpu": (None, "88", NODE),
    f"{CONTAINER}.resources.requests.memory": (None, "480Gi", NODE),
    f"{CONTAINER}.resources.limits.memory": (None, "480Gi", NODE),
    f"{CONTAINER}.volumeMounts[shm].name": (None, "shm", SHM),
    f"{CONTAINER}.volumeMounts[shm].mountPath": (None, "/dev/shm", SHM),
    f"{TEMPLATE}.volumes[shm].name": (None, "shm", SHM),
    f"{TEMPLATE}.volumes[shm].emptyDir.medium": (None, "Memory", SHM),
    f"{TEMPLATE}.volumes[shm].emptyDir.sizeLimit": (None, "2Gi", SHM),
}
"""Every field in which the Deployment is not the manual's: the manual's value, ours, and the reason."""


def test_the_deployment_is_the_manuals_but_for_listed_differences() -> None:
    manual = dict(flatten(yaml.safe_load((MANUAL / "config.yaml").read_text(encoding="utf-8"))))
    deployment = next(item for item in service_objects(service_named("openai-text")) if item["kind"] == "Deployment")
    (preflight,) = deployment["spec"]["template"]["spec"].pop("initContainers")
    ours = dict(flatten(deployment))
    volume = f"{TEMPLATE}.volumes[node-path].configMap.name"
    ours[volume] = re.sub(r"[0-9a-f]{10}$", "<hash>", ours[volume])
    different = {
        path: (manual.get(path), ours.get(path))
        for path in manual.keys() | ours.keys()
        if manual.get(path) != ours.get(path) or type(manual.get(path)) is not type(ours.get(path))
    }

    assert preflight["name"] == "preflight", "the node is compared with the service before the server starts"
    assert different == {path: (theirs, mine) for path, (theirs, mine, _) in DIFFERENCES.items()}
