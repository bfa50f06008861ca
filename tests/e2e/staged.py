"""Situations on simulated nodes: what becomes of the pods of an image, by kwok's stages.

A stage of ours outweighs kwok's own. It acts once, on pods that no node has spoken of yet; `hold` keeps them so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.e2e.sandbox_fixture import Sandbox

REGISTRY = "registry.example.com/ascend-vllm"
HOUR = 3_600_000

UNREADY = """
conditions:
- {type: Initialized, status: "True", lastTransitionTime: {{ Now | Quote }}}
- {type: Ready, status: "False", reason: ContainersNotReady, lastTransitionTime: {{ Now | Quote }}}
- {type: ContainersReady, status: "False", reason: ContainersNotReady, lastTransitionTime: {{ Now | Quote }}}
startTime: {{ Now | Quote }}
"""


@dataclass(frozen=True)
class Situation:
    """What the node says of a pod: its phase, its container's state, an event about it."""

    state: dict[str, Any] | None = None
    """`state` of the container, in which NOW stands for the time; None when the node says nothing of it."""
    last: dict[str, Any] | None = None
    """`lastState` of the container."""
    restarts: int = 0
    phase: str = "Pending"
    event: tuple[str, str] | None = None
    """Reason and message of an event."""
    reason: str = ""
    """`status.reason` of the pod."""
    message: str = ""
    ready_after: float | None = None
    """Seconds until the pod is ready; never when left out."""
    init: str = ""
    """The init container that is meant."""


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


def ended(code: int, reason: str = "Error", **more: str) -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason, "startedAt": "NOW", "finishedAt": "NOW", **more}}


RUNNING = {"running": {"startedAt": "NOW"}}


def status(situation: Situation) -> str:
    """The pod's status as kwok's template."""
    container = {
        "name": situation.init or "ascend-vllm",
        "image": "{{ (index .spec.containers 0).image }}",
        "imageID": "",
        "ready": False,
        "started": False,
        "restartCount": situation.restarts,
        "state": situation.state,
        **({"lastState": situation.last} if situation.last else {}),
    }
    field = "initContainerStatuses" if situation.init else "containerStatuses"
    statuses = f"{field}: {json.dumps([container])}\n".replace('"NOW"', "{{ Now | Quote }}") if situation.state else ""
    own = {"reason": situation.reason, "message": situation.message} if situation.reason else {}
    said = "".join(f"{key}: {json.dumps(value)}\n" for key, value in own.items())
    return f"{UNREADY}phase: {situation.phase}\n{statuses}{said}"


def stage(name: str, tag: str, selector: list[tuple[str, str, list[str]]], then: dict[str, Any], delay: int) -> Any:
    """A stage for the pods of an image tag; the delay in milliseconds."""
    rules = [
        (".spec.containers.[0].image", "In", [f"{REGISTRY}:{tag}"]),
        (".metadata.deletionTimestamp", "DoesNotExist", []),
        *selector,
    ]
    expressions = [{"key": key, "operator": how, **({"values": v} if v else {})} for key, how, v in rules]
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": f"{name}-{tag}"},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": "Pod"},
            "selector": {"matchExpressions": expressions},
            "weight": 1,
            "delay": {"durationMilliseconds": delay},
            "next": then,
        },
    }


def stages(tag: str, situation: Situation) -> list[Any]:
    """What makes the pods of an image tag get into a situation and stay there, or become ready after a while."""
    event = (
        {"type": "Warning", "reason": situation.event[0], "message": situation.event[1]} if situation.event else None
    )
    then = {"statusTemplate": status(situation), **({"event": event} if event else {})}
    begun = (".status.startTime", "Exists", [])
    acts = stage("do", tag, [(".status.startTime", "DoesNotExist", [])], then, 0)
    if situation.ready_after is None:
        return [acts, stage("hold", tag, [begun], {"event": {"type": "Normal", "reason": "Held"}}, HOUR)]
    unready = (".status.containerStatuses.[0].ready", "In", ["false"])
    well = """
conditions:
- {type: Ready, status: "True", lastTransitionTime: {{ Now | Quote }}}
- {type: ContainersReady, status: "True", lastTransitionTime: {{ Now | Quote }}}
containerStatuses:
- name: ascend-vllm
  image: x
  imageID: ""
  ready: true
  started: true
  restartCount: 0
  state: {running: {startedAt: {{ Now | Quote }}}}
"""
    return [acts, stage("ready", tag, [begun, unready], {"statusTemplate": well}, int(situation.ready_after * 1000))]


def apply(sandbox: Sandbox, objects: list[Any]) -> None:
    """Apply objects to the cluster."""
    sandbox.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))


def stage_images(sandbox: Sandbox, situations: dict[str, Situation]) -> None:
    """Have the pods of each image tag get into its situation."""
    apply(sandbox, [one for tag, situation in situations.items() for one in stages(tag, situation)])


def unstage(sandbox: Sandbox, tag: str) -> None:
    """Let new pods of an image tag become ready again."""
    sandbox.kubectl("delete", "stage", f"do-{tag}", f"hold-{tag}", "--ignore-not-found")


def serve_logs(sandbox: Sandbox, directory: Path, namespace: str, lines: list[str]) -> None:
    """Have all containers of a namespace, and the ones before them, say these lines."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
    file = directory / f"{namespace}.log"
    file.write_text("".join(f"{now} stderr F {line}\n" for line in lines), encoding="utf-8")
    logs = {"containers": ["ascend-vllm", "install-mindspeed"], "logsFile": str(file), "previousLogsFile": str(file)}
    rule = {"selector": {"matchNamespaces": [namespace]}, "logs": [logs]}
    kind = {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "ClusterLogs", "metadata": {"name": namespace}}
    apply(sandbox, [{**kind, "spec": rule}])


def unready_node(sandbox: Sandbox, node: str) -> None:
    """Have a node stop answering."""
    gone = """
conditions:
- type: Ready
  status: Unknown
  reason: NodeStatusUnknown
  message: Kubelet stopped posting node status.
  lastTransitionTime: {{ Now | Quote }}
"""
    ready = '.status.conditions.[] | select( .type == "Ready" ) | .status'
    for name, how, then, delay in (
        ("lose", "NotIn", {"statusTemplate": gone}, 0),
        ("keep-lost", "In", {"event": {"type": "Normal", "reason": "Held"}}, HOUR),
    ):
        rules = [
            {"key": ".metadata.name", "operator": "In", "values": [node]},
            {"key": ready, "operator": how, "values": ["Unknown"]},
        ]
        spec = {
            "resourceRef": {"apiGroup": "v1", "kind": "Node"},
            "selector": {"matchExpressions": rules},
            "weight": 1,
            "delay": {"durationMilliseconds": delay},
            "next": then,
        }
        kind = {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Stage", "metadata": {"name": f"{name}-{node}"}}
        apply(sandbox, [{**kind, "spec": spec}])
    sandbox.kubectl("annotate", "node", node, "test/looked-at=yes")  # a change has kwok look at it again
