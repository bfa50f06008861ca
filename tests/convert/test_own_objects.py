"""Objects that this program made come back as the same service, and what cannot come back is told."""

from __future__ import annotations

import copy
from itertools import combinations, islice
from typing import Any

import pytest
import yaml

from cli.commands.render import yaml_documents
from convert import Conversion, File, Options, convert
from models.check import check
from models.manifests import stack_objects
from models.service.resolve import resolve
from models.service.resolved import ResolvedStack
from models.stack_file.load import load_text
from tests.convert.pairs import said
from tests.properties.strategies import read

PLUGIN: dict[str, Any] = {
    "image": "quay.io/ascend/vllm-ascend:v0.23.0",
    "model": "/mnt/models/Qwen3-32B",
    "npus": 4,
    "engine": {"maxModelLen": 8192},
}
pytestmark = pytest.mark.slow

BUCKET = {
    "kind": "bucket",
    "endpoint": "https://obs.example.com",
    "region": "cn-north-4",
    "bucket": "models",
    "prefix": "Qwen3-32B",
}
KINDS: dict[str, dict[str, Any]] = {
    "claim": {"model": {"name": "Qwen3-32B", "source": {"kind": "claim", "name": "models", "directory": "a/b"}}},
    "created claim": {"model": {"name": "Qwen3-32B", "source": {"kind": "claim", "name": "models", "size": "500Gi"}}},
    "clients": {"network": {"admit": ["gateway"], "cidrs": ["10.0.0.0/8"]}},
    "closed": {"network": {}},
    "egress": {"network": {"monitoring": "monitoring", "egress": [{"cidr": "10.9.0.0/16", "ports": [443, 8443]}]}},
    "budget": {"replicas": 3, "disruptionBudget": {"maxUnavailable": 1}},
    "monitoring": {"monitoring": {"interval": "1m", "labels": {"release": "prometheus"}}},
    "monitoring without alerts": {"monitoring": {"rules": False}},
    "smoke": {"smoke": True},
    "autoscaler": {"replicas": "external"},
    "secrets": {
        "env": {"A": {"secret": "s", "key": "k"}, "B": {"field": "status.podIP"}, "PATH": {"prepend": "/opt/bin"}},
        "server": {"apiKey": {"secret": "s", "key": "vllm"}},
        "pullSecrets": ["registry"],
    },
    "version beside the image": {
        "image": "registry.example.com/ours:1",
        "engine": {"version": "0.23.0", "maxModelLen": 8192},
    },
    "typed keys": {
        "engine": {
            "maxModelLen": 8192,
            "tensorParallelSize": 2,
            "dataParallelSize": 2,
            "asyncScheduling": False,
            "additionalConfig": {"enableCpuBinding": True},
            "compilationConfig": {"passConfig": {"enableSp": True}},
            "extraArgs": {"seed": 7},
        },
        "server": {"reasoningParser": "qwen3", "toolCallParser": "hermes", "extraArgs": {"disableFastapiDocs": True}},
        "speculative": {"kind": "eagle3", "source": "/mnt/models/eagle", "tokens": 3},
    },
    "claim with a path": {
        "model": {"name": "Qwen3-32B", "source": {"kind": "claim", "name": "models"}, "mountPath": "/weights"}
    },
    "directory with another name": {"model": {"name": "Qwen3-32B", "source": "/mnt/models/ours"}},
    "access": {"expose": {"type": "LoadBalancer", "annotations": {"kubernetes.io/elb.class": "union"}}},
    "user": {"runAsUser": 1000, "readOnlyRootFilesystem": True},
    "times": {"drain": "10m", "startup": "25m", "preflight": False},
    "resources": {"resources": {"cpu": 16, "memory": "100Gi", "shm": "8Gi"}, "priorityClass": "production"},
    "adapters": {"lora": {"adapters": {"sql": "/mnt/adapters/sql"}, "maxRank": 32}},
    "several nodes": {
        "nodes": 2,
        "engine": {"maxModelLen": 8192, "tensorParallelSize": 4, "dataParallelSize": 2},
    },
    "pod template": {
        "podTemplate": {
            "metadata": {"labels": {"team": "a"}, "annotations": {"x.y/z": "1"}},
            "spec": {
                "tolerations": [{"key": "npu", "operator": "Exists"}],
                "hostNetwork": True,
                "runtimeClassName": "ascend",
                "containers": [{"name": "side", "image": "busybox:1"}],
                "volumes": [{"name": "scratch", "emptyDir": {}}],
            },
        }
    },
}


IMAGES = (
    "quay.io/ascend/vllm-ascend:v0.18.0",
    "quay.io/ascend/vllm-ascend:v0.23.0-a3",
    "quay.io/ascend/vllm-ascend:v0.30.0",
)
CLUSTERS: tuple[dict[str, Any], ...] = (
    {},
    {"platform": {"resource": "huawei.com/Ascend910", "nodeSelector": {"pool": "a"}}},
    {"namespace": {"name": "shared", "create": False}, "seccomp": "Unconfined"},
)


def generated() -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Services with several kinds of keys at once, each under another release and on another cluster."""
    services = []
    every_third = islice(combinations(sorted(KINDS), 2), 0, None, 3)
    for number, kinds in enumerate(every_third):
        changes: dict[str, Any] = {"image": IMAGES[number % len(IMAGES)]}
        for kind in kinds:
            merge(changes, KINDS[kind])
        services.append((" and ".join(kinds), changes, CLUSTERS[number // 2 % len(CLUSTERS)]))
    return services


def merge(values: dict[str, Any], further: dict[str, Any]) -> None:
    for key, value in further.items():
        if isinstance(value, dict) and isinstance(values.get(key), dict):
            merge(values[key], value)
        else:
            values[key] = copy.deepcopy(value)


def stack_of(changes: dict[str, Any], cluster: dict[str, Any]) -> ResolvedStack:
    config = {
        "ascend-vllm:cluster": {"context": "prod", "namespace": "team", **cluster},
        "ascend-vllm:services": {"one": {**PLUGIN, **changes}},
    }
    stack = loaded(config)
    assert not check(stack).errors
    return stack


def loaded(config: dict[str, Any]) -> ResolvedStack:
    return resolve(load_text("test", "-", yaml.safe_dump({"config": config}), read=read))


def converted_back(objects: list[dict[str, Any]]) -> Conversion:
    return convert(File("config.yaml", yaml_documents(objects)), [], Options(context="prod"))


@pytest.mark.parametrize("cluster", [{}, {"platform": "mindcluster"}])
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_comes_back_as_the_same_service(kind: str, cluster: dict[str, Any]) -> None:
    objects = list(stack_objects(stack_of(KINDS[kind], cluster)))
    conversion = converted_back(objects)

    assert list(stack_objects(resolve(load_text("again", "-", conversion.text)))) == objects
    assert not conversion.loses


@pytest.mark.slow
def test_services_of_several_kinds_come_back_as_the_same_service(subtests: pytest.Subtests) -> None:
    tried = 0
    for name, changes, cluster in generated():
        config = {
            "ascend-vllm:cluster": {"context": "prod", "namespace": "team", **cluster},
            "ascend-vllm:services": {"one": {**PLUGIN, **changes}},
        }
        stack = loaded(config)
        if check(stack).errors:
            continue
        tried += 1
        with subtests.test(name):
            objects = list(stack_objects(stack))
            conversion = converted_back(objects)

            assert list(stack_objects(resolve(load_text("again", "-", conversion.text)))) == objects
            assert not conversion.loses

    assert tried > 60


@pytest.mark.parametrize(
    ("model", "lost", "key"),
    [
        ({"source": "/mnt/models/Qwen3-32B"}, "the init container verify-model", "model.verify"),
        ({"name": "Qwen3-32B", "source": BUCKET}, "the init container fetch-model", "model.source with the bucket"),
    ],
)
def test_checksums_do_not_come_back_and_this_is_told(model: dict[str, Any], lost: str, key: str) -> None:
    changes = {"model": {**model, "verify": "one.json"}}
    conversion = converted_back(list(stack_objects(stack_of(changes, {}))))

    assert key in said(conversion, "dropped")[lost]
    assert conversion.loses


END: dict[str, Any] = {
    "image": "quay.io/ascend/vllm-ascend:v0.23.0-a3",
    "model": "/mnt/models/Qwen3-32B",
    "npus": 8,
    "engine": {"maxModelLen": 8192, "tensorParallelSize": 8},
}
OVER_TWO_NODES = {
    **END,
    "nodes": 2,
    "engine": {"maxModelLen": 8192, "tensorParallelSize": 8, "dataParallelSize": 2},
}


@pytest.mark.parametrize(
    ("pair", "first"),
    [
        ({}, END),
        ({"port": 40000}, {**END, "replicas": 2}),
        ({"router": "none"}, {**END, "engine": {**END["engine"], "extraArgs": {"seed": 7}}}),
        ({}, OVER_TWO_NODES),
    ],
    ids=["defaults", "port", "another router", "several nodes"],
)
def test_a_pair_for_prefill_and_decode_comes_back_as_the_same_pair(pair: dict[str, Any], first: dict[str, Any]) -> None:
    config = {
        "ascend-vllm:cluster": {"context": "prod", "namespace": "team"},
        "ascend-vllm:kvTransfer": {"prefill": "first", "decode": "second", **pair},
        "ascend-vllm:services": {"first": first, "second": END},
    }
    stack = loaded(config)
    objects = list(stack_objects(stack))
    conversion = converted_back(objects)
    again = resolve(load_text("again", "-", conversion.text))

    assert not check(stack).errors
    assert {kind_and_name(item): item for item in stack_objects(again)} == {
        kind_and_name(item): item for item in objects
    }
    assert not conversion.loses
    assert not conversion.report.errors


def kind_and_name(item: dict[str, Any]) -> tuple[str, str]:
    return item["kind"], item["metadata"]["name"]
