"""Values of a wrong type, form or range are refused in plain words."""

from __future__ import annotations

import pytest

from tests.models.shapes import of_cluster, one, refused

# field, its value, the message, the fix, where it is shown, the reason
WRONG = [
    ("npus", '"8"', 'npus must be a whole number, not text "8"', "write npus: 8", "npus", "quotes make text"),
    ("npus", "1.5", "npus must be a whole number, not the number 1.5", "write npus: 2", "npus", "a fraction"),
    ("npus", "true", "npus must be a whole number, not the truth value true", "write npus: 1", "npus", "no number"),
    ("npus", "[1]", "npus must be a whole number, not a list", "write npus: 1", "npus", "a list"),
    ("npus", "{a: 1}", "npus must be a whole number, not a mapping", "write npus: 1", "npus", "a mapping"),
    ("npus", "0", "npus 0 must be at least 1", "write npus: 1", "npus", "a pod without NPU"),
    ("replicas", "-1", "replicas -1 must be at least 0", "write replicas: 0", "replicas", "below zero"),
    (
        "image",
        "5",
        "image must be text, not the number 5",
        "write image: registry.example.com/ascend-vllm:6.3.912",
        "image",
        "a number",
    ),
    (
        "image",
        "true",
        "image must be text, not the truth value true",
        "write image: registry.example.com/ascend-vllm:6.3.912",
        "image",
        "a truth value as YAML writes it, not as Python does",
    ),
    (
        "image",
        '"a b"',
        'image "a b" must be an image\'s name as container runtimes take it: registry/name:tag',
        "write image: registry.example.com/ascend-vllm:6.3.912",
        "image",
        "a space",
    ),
    (
        "model",
        "Qwen/Qwen2-7B",
        'model "Qwen/Qwen2-7B" must be an absolute path',
        "write model: /mnt/models/Qwen2-7B",
        "model",
        "a name of the hub is no path",
    ),
    (
        "model",
        "5",
        "model must be a mapping, not the number 5",
        "write model: /mnt/models/Qwen2-7B-Instruct",
        "model",
        "",
    ),
    (
        "graph",
        "true",
        "graph must be a mapping, not the truth value true",
        "write graph: cann",
        "graph",
        "graph mode has several kinds",
    ),
    (
        "server",
        "openia",
        'server "openia" must be openai or api_server',
        "write server: openai",
        "server",
        "a slip in the short form",
    ),
    ("server", "5", "server must be a mapping, not the number 5", "write server: openai", "server", "no server"),
    ("server", "{port: 70000}", "port 70000 must be at most 65535", "write port: 8080", "server.port", "no port"),
    (
        "server",
        "{chatTemplate: {path: a, inline: b}}",
        "chatTemplate must be {path: …} or {inline: …}, but it has path and inline",
        "write server.chatTemplate: {path: a}",
        "server.chatTemplate",
        "two templates",
    ),
    (
        "multimodal",
        "false",
        "multimodal must be a mapping, not the truth value false",
        "remove multimodal",
        "multimodal",
        "left out is off",
    ),
    (
        "multimodal",
        "{imageFetchTimeout: 100}",
        "imageFetchTimeout 100: write a duration with its unit, such as 100s, 25m or 1h30m",
        "write imageFetchTimeout: 100s",
        "multimodal.imageFetchTimeout",
        "a duration has a unit",
    ),
    (
        "visibleDevices",
        "[-1]",
        "visibleDevices[0] -1 must be at least 0",
        "write visibleDevices: [0, 1]",
        "visibleDevices.0",
        "an item is named with its list",
    ),
    (
        "visibleDevices",
        "[0, x]",
        'visibleDevices[1] must be a whole number, not text "x"',
        "write visibleDevices: [0]",
        "visibleDevices.1",
        "the second item",
    ),
    (
        "visibleDevices",
        "a,b",
        'visibleDevices must be a list, not text "a,b"',
        "write visibleDevices: [0, 1]",
        "visibleDevices",
        "text of something else",
    ),
    ("env", "{A: 5}", "A must be text, not the number 5", 'write env.A: "5"', "env.A", "variables are text"),
    (
        "env",
        "{A: [1]}",
        "A must be text, not a list",
        "remove env.A",
        "env.A",
        "what cannot be quoted is shown by an example",
    ),
    (
        "env",
        "{1A: x}",
        'the key "1A" must be a variable\'s name: letters, digits and _',
        "rename env.1A to _1A",
        "env.1A",
        "bash does not take a digit first",
    ),
    (
        "env",
        r'{A: "x\0y"}',
        r'A "x\u0000y" must not hold a NUL character',
        "remove env.A",
        "env.A",
        "no argument list holds it",
    ),
    (
        "env",
        r'{"A\nB": x}',
        r'the key "A\nB" must be a variable' + "'s name: letters, digits and _",
        "rename env.A\\nB to A_B",
        "env.A\nB",
        "a message stays on one line",
    ),
    (
        "accept",
        '{idle-npus: ""}',
        'idle-npus "" must be one line of text that is not empty',
        "remove accept.idle-npus",
        "accept.idle-npus",
        "a waiver has a reason",
    ),
    (
        "engine",
        "{maxModelLen: 1, gpuMemoryUtilization: 90}",
        "gpuMemoryUtilization 90 must be at most 1.0",
        "write gpuMemoryUtilization: 0.9",
        "engine.gpuMemoryUtilization",
        "a share, no percentage",
    ),
    (
        "engine",
        "{maxModelLen: 1, gpuMemoryUtilization: 0}",
        "gpuMemoryUtilization 0 must be more than 0.0",
        "write gpuMemoryUtilization: 0.9",
        "engine.gpuMemoryUtilization",
        "nothing is no share",
    ),
    (
        "engine",
        "{maxModelLen: 1, blockSize: 16}",
        "blockSize 16 must be 32, 64 or 128",
        "write blockSize: 128",
        "engine.blockSize",
        "a GPU's block size",
    ),
    (
        "engine",
        "{maxModelLen: 1, version: 0.9}",
        "version 0.9 must be 0.6.3, 0.18.0, 0.23.0 or 0.30.0",
        "write version: 0.6.3",
        "engine.version",
        "a release that the catalogue does not have",
    ),
    (
        "engine",
        "{maxModelLen: 1, servedModelName: -x}",
        'servedModelName "-x" must be one line of text that does not begin with -',
        "write servedModelName: x",
        "engine.servedModelName",
        "vLLM would read a flag",
    ),
    (
        "engine",
        "{maxModelLen: 1, trustRemoteCode: yes}",
        'trustRemoteCode must be true or false, not text "yes"',
        "write trustRemoteCode: true",
        "engine.trustRemoteCode",
        "yes is text for the engine",
    ),
    (
        "graph",
        "{kind: pta, cache: /var/lib/}",
        'cache "/var/lib/": it is a directory of the node\'s system; name one below it',
        "write cache: /var/cache/ascend-vllm",
        "graph.cache",
        "a slash at its end makes no other directory",
    ),
    (
        "monitoring",
        "{interval: 30}",
        "interval 30: write a duration with its unit, such as 100s, 25m or 1h30m",
        "write interval: 30s",
        "monitoring.interval",
        "the default as it is written, not as it is kept",
    ),
    (
        "monitoring",
        "false",
        "monitoring must be a mapping, not the truth value false",
        "remove monitoring",
        "monitoring",
        "who writes false wants it off",
    ),
    (
        "network",
        "{admit: [a], egress: [{cidr: 10.0.0.0/8, ports: []}]}",
        "ports must not be empty",
        "write ports: [443]",
        "network.egress.0.ports",
        "a key of an item, not of the list",
    ),
    (
        "model",
        "{source: {kind: claim, name: a, class: b}}",
        "source: class is for a claim that the stack creates: write size too",
        "write source: {class: b, kind: claim, name: a, size: 500Gi}",
        "model.source",
        "the path of a node would be no claim",
    ),
]


@pytest.mark.parametrize(
    (
        "field",
        "value",
        "message",
        "fix",
        "where",
        "reason",
    ),
    WRONG,
)
def test_a_wrong_value_is_refused_in_plain_words(
    field: str, value: str, message: str, fix: str, where: str, reason: str
) -> None:
    finding = one(refused(**{field: value}))

    assert (finding.rule, finding.severity) == ("bad-value", "error"), reason
    assert message == finding.message, reason
    assert fix == finding.fix, reason
    assert where == finding.marks[0].field, reason


@pytest.mark.parametrize(
    ("cluster", "message", "fix", "where"),
    [
        ("{}", "context is missing", "write context: prod-guiyang under cluster", "cluster"),
        ("prod", 'cluster must be a mapping, not text "prod"', "write cluster: {context: prod}", "cluster"),
        ("{context: 5}", "context must be text, not the number 5", 'write context: "5"', "cluster.context"),
        (
            '{context: ""}',
            'context "" must be one line of text that is not empty',
            "write context: prod-guiyang",
            "cluster.context",
        ),
        ("{context: a, namespce: b}", "unknown key 'namespce'", "write namespace: b", "cluster.namespce"),
        (
            "{context: a, namespace: 5}",
            "namespace must be a mapping, not the number 5",
            'write namespace: "5"',
            "cluster.namespace",
        ),
        (
            "{context: a, namespace: A_b}",
            'namespace "A_b" must consist of a-z, 0-9 and -',
            "write namespace: a-b",
            "cluster.namespace",
        ),
        (
            "{context: a, platform: gpu}",
            'platform "gpu" must be cce or mindcluster',
            "write platform: cce",
            "cluster.platform",
        ),
        (
            "{context: a, platform: {driver: usr/local}}",
            'driver "usr/local" must be an absolute path',
            "write driver: /usr/local",
            "cluster.platform.driver",
        ),
        (
            "{context: a, pools: {a: {nodes: 0, npusPerNode: 8, npuMemory: 64Gi}}}",
            "nodes 0 must be at least 1",
            "write nodes: 1",
            "cluster.pools.a.nodes",
        ),
        (
            "{context: a, pools: {a: {nodes: 1, npusPerNode: 65, npuMemory: 64Gi}}}",
            "npusPerNode 65 must be at most 64",
            "write npusPerNode: 64",
            "cluster.pools.a.npusPerNode",
        ),
        (
            "{context: a, pools: {a: {nodes: 1, npusPerNode: 8, npuMemory: 64GB}}}",
            'npuMemory "64GB": write a quantity as Kubernetes does, such as 64Gi or 1.5Ti',
            "write npuMemory: 64Gi",
            "cluster.pools.a.npuMemory",
        ),
        (
            "{context: a, pools: {A: {nodes: 1, npusPerNode: 8, npuMemory: 64Gi}}}",
            'the key "A" must consist of a-z, 0-9 and -, begin with a letter and not end in -',
            "rename cluster.pools.A to a",
            "cluster.pools.A",
        ),
    ],
)
def test_a_wrong_cluster_is_refused_in_plain_words(cluster: str, message: str, fix: str, where: str) -> None:
    finding = one(of_cluster(cluster))

    assert (message, fix) == (finding.message, finding.fix)
    assert where == finding.marks[0].field
