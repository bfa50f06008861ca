"""A stack that uses every feature."""

from __future__ import annotations

from typing import Any

IMAGE = "registry.example.com/ascend-vllm:6.3.912"


def qwen(**changes: Any) -> dict[str, Any]:
    service = {"image": IMAGE, "model": "/mnt/models/Qwen2-7B-Instruct", "engine": {"maxModelLen": 4096}}
    return {**service, **changes}


SPREAD = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"team": "search"}}}
EVERY_FEATURE: dict[str, Any] = {
    "adapters": qwen(
        lora={"adapters": {"sql": "/mnt/models/sql"}},
        graph="eager",
        quantization="awq",
        model="/mnt/models/Qwen2-7B-Instruct-AWQ",
    ),
    "drafted": qwen(speculative={"kind": "draft", "source": "/mnt/models/draft", "tokens": 5}, prefixCaching=True),
    "beside": qwen(
        server={"apiKey": {"secret": "key", "key": "token"}},
        expose={"type": "LoadBalancer", "annotations": {"kubernetes.io/elb.class": "union"}},
        network={"admit": ["gateway"], "cidrs": ["10.0.0.0/8"], "monitoring": "monitoring"},
        disruptionBudget={"minAvailable": 0},
        replicas="external",
    ),
    "gang": qwen(replicas=2, minMember=2, queue="own", priorityClass="system-cluster-critical"),
    "patched": qwen(
        expose="NodePort",
        network={"cidrs": ["10.0.0.0/8"], "egress": ["10.8.0.0/16", {"cidr": "10.9.0.0/16", "ports": [8443]}]},
        disruptionBudget={"maxUnavailable": 1},
        server={"apiKey": {"secret": "key", "key": "token"}},
        podTemplate={
            "metadata": {"labels": {"team": "search"}, "annotations": {"example.com/owner": "search"}},
            "spec": {
                "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [SPREAD]}},
                "containers": [{"name": "side", "image": "busybox:1", "env": [{"name": "A", "value": "1"}]}],
                "dnsConfig": {"options": [{"name": "ndots", "value": "2"}]},
                "initContainers": [{"name": "first", "image": "busybox:1"}],
                "nodeSelector": {"zone": "a"},
                "tolerations": [{"key": "npu", "operator": "Exists"}],
                "topologySpreadConstraints": [
                    {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
                ],
                "volumes": [{"name": "scratch", "emptyDir": {}}],
            },
        },
    ),
    "graphs": qwen(graph={"kind": "pta", "warmUp": True}, resources={"cpu": 24, "memory": "1024Gi", "shm": "1536Mi"}),
    "guarded": qwen(
        server={"apiKey": {"secret": "key", "key": "token"}, "chatTemplate": {"inline": "{{ messages }}\n"}},
        env={"HF_TOKEN": {"secret": "hugging-face", "key": "token"}},
        pullSecrets=["registry", "other"],
    ),
    "plain": qwen(server="api_server", replicas=0, env={"GREETING": "你好"}),
    "prepared": qwen(
        model="/mnt/models/Qwen1.5-MoE-A2.7B-Chat",
        mindSpeed="install",
        speculative={
            "kind": "eagle",
            "source": "/mnt/models/eagle",
            "tokens": 2,
            "convert": {"tools": "/opt/EAGLE", "baseWeights": "model.safetensors"},
        },
    ),
    "turns": qwen(
        smoke=True, replicas=2, rollout={"maxSurge": 0, "maxUnavailable": 1}, npus=2, startup="25m", drain="10m"
    ),
}
