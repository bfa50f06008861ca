"""What a pod is given to be run: probes, its end, resources, queue and graph cache."""

from __future__ import annotations

import re
from typing import Any

import pytest

from models.check import check
from models.launch.launch import DRAIN, GRAPH_CACHE_DIRECTORY, LAUNCH_DIRECTORY, WARM, launch, script
from models.manifests import service_objects, stack_objects
from models.record import quantity_text
from models.service.resolved import ResolvedService
from tests.conftest import HEAD, stack_of

QWEN = "qwen:\n  image: a:1\n  model: /m/Qwen2-7B\n  engine: {maxModelLen: 4096}\n"
MOE = "moe:\n  image: a:1\n  model: /m/Mixtral-8x7B-v0.1\n  npus: 4\n  engine: {maxModelLen: 4096}\n"


def service_of(text: str, head: str = HEAD) -> ResolvedService:
    stack = stack_of(text, head)
    assert stack.findings == ()
    (service,) = stack.services
    return service


def deployment_of(text: str, head: str = HEAD) -> dict[str, Any]:
    return next(one for one in service_objects(service_of(text, head)) if one["kind"] == "Deployment")


def pod_of(text: str) -> dict[str, Any]:
    pod: dict[str, Any] = deployment_of(text)["spec"]["template"]["spec"]
    return pod


def container_of(text: str) -> dict[str, Any]:
    container: dict[str, Any] = pod_of(text)["containers"][0]
    return container


@pytest.mark.parametrize(
    "more",
    ["", "  server: api_server\n", "  server: {apiKey: {secret: keys, key: qwen}}\n", "  server: {port: 9000}\n"],
    ids=["openai", "api_server", "with a key", "another port"],
)
def test_the_probes_of_every_server_request_health_without_a_key(more: str) -> None:
    container = container_of(QWEN + more)

    for probe in ("startupProbe", "livenessProbe"):
        assert container[probe]["httpGet"] == {"path": "/health", "port": "http"}
        assert container[probe]["timeoutSeconds"] == 5
    port = str(container["ports"][0]["containerPort"])
    asked = ["/bin/bash", "/opt/ascend-vllm/launch/ready.sh", port, "/tmp/ascend-vllm-draining"]
    assert container["readinessProbe"]["exec"] == {"command": asked}
    assert "ready.sh" in launch(service_of(QWEN + more)).files
    assert [port["name"] for port in container["ports"]] == ["http"]


def test_a_server_with_certificates_is_asked_over_tls() -> None:
    text = QWEN + "  server: {extraArgs: {sslCertfile: /tls/tls.crt, sslKeyfile: /tls/tls.key}}\n"

    assert container_of(text)["livenessProbe"]["httpGet"]["scheme"] == "HTTPS"
    assert container_of(text)["readinessProbe"]["exec"]["command"][-1] == "tls"
    assert service_of(text).endpoint == "https://qwen.inference.svc:8080"


@pytest.mark.parametrize(("startup", "failures"), [("25m", 300), ("90s", 18), ("91s", 19), ("1s", 1), ("3h", 2160)])
def test_the_startup_probe_lets_a_slow_model_load_for_its_budget(startup: str, failures: int) -> None:
    probe = container_of(f"{QWEN}  startup: {startup}\n")["startupProbe"]

    assert (probe["periodSeconds"], probe["failureThreshold"]) == (5, failures)


@pytest.mark.parametrize(
    ("model", "more", "minutes", "reason"),
    [
        ("Qwen2-0.5B", "", 11, "a small model"),
        ("Qwen2-7B", "", 12, "15 GB at 200 MiB a second, and ten minutes"),
        ("Qwen2-72B-Instruct", "", 22, "145 GB"),
        ("our-own", "", 30, "nothing is known"),
        ("Mixtral-8x7B-v0.1", "  graph: {kind: pta, warmUp: true}\n", 18 + 25, "its first request compiles"),
        ("Mixtral-8x7B-v0.1", "  graph: pta\n", 18, "the first user's request compiles"),
    ],
)
def test_a_start_may_take_as_long_as_its_weights_are_large(model: str, more: str, minutes: int, reason: str) -> None:
    text = f"one:\n  image: a:1\n  model: /m/{model}\n  engine: {{maxModelLen: 4096}}\n{more}"

    assert service_of(text).startup == 60 * minutes, reason


def drain_line(text: str) -> str:
    return launch(service_of(text)).files[DRAIN].splitlines()[-1]


@pytest.mark.parametrize(
    ("more", "expected", "reason"),
    [
        ("", "--port=8080 --cap=300 --settle=5", "until its requests are answered"),
        ("  drain: 20m\n", "--port=8080 --cap=1200 --settle=5", "the stack's own cap"),
        ("  drain: 0s\n", "--port=8080 --cap=0 --settle=5", "only until nothing new comes"),
        ("  server: {port: 9000}\n", "--port=9000 --cap=300 --settle=5", "where it listens"),
        ("  server: api_server\n", "--port=8080 --cap=60 --settle=5 --fixed", "it has no gauges"),
        ("  server: {extraArgs: {sslCertfile: /a, sslKeyfile: /b}}\n", "--cap=300 --settle=5 --fixed", "not readable"),
    ],
)
def test_a_pod_that_ends_waits_for_its_requests(more: str, expected: str, reason: str) -> None:
    assert drain_line(QWEN + more).endswith(expected), reason
    assert drain_line(QWEN + more).startswith(f"exec python {LAUNCH_DIRECTORY}/drain.py"), reason


def test_a_server_without_statistics_is_given_a_fixed_time() -> None:
    text = QWEN.replace("4096}", "4096, extraArgs: {disableLogStats: true}}")

    assert drain_line(text).endswith("--fixed")


@pytest.mark.parametrize(("drain", "grace"), [("5m", 335), ("0s", 35), ("1h", 3635)])
def test_the_kubelet_waits_longer_than_the_drain_may_take(drain: str, grace: int) -> None:
    pod = pod_of(f"{QWEN}  drain: {drain}\n")

    assert pod["terminationGracePeriodSeconds"] == grace
    assert pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][-1] == f"{LAUNCH_DIRECTORY}/{DRAIN}"


@pytest.mark.parametrize(
    ("text", "requests", "shm", "reason"),
    [
        (QWEN, ("11", "60Gi"), "2Gi", "one NPU"),
        (MOE, ("44", "240Gi"), "16Gi", "four, whose processes talk through shared memory"),
        (
            MOE.replace("4096}", "4096, distributedExecutorBackend: ray}"),
            ("44", "240Gi"),
            "32Gi",
            "Ray keeps its objects there",
        ),
        (f"{QWEN}  resources: {{cpu: 4, memory: 24Gi, shm: 512Mi}}\n", ("4", "24Gi"), "512Mi", "the stack's own"),
        (f"{QWEN}  resources: {{shm: 16Gi}}\n", ("11", "60Gi"), "16Gi", "the memory has room for it"),
        (f"{QWEN}  resources: {{shm: 64Gi}}\n", ("11", "98Gi"), "64Gi", "the memory is raised for it"),
        (f"{MOE}  resources: {{memory: 12Gi}}\n", ("44", "12Gi"), "6Gi", "shared memory is lowered for it"),
    ],
)
def test_a_pod_asks_for_cpu_and_memory_by_its_npus(text: str, requests: tuple[str, str], shm: str, reason: str) -> None:
    pod = pod_of(text)
    resources = pod["containers"][0]["resources"]
    (volume,) = [volume for volume in pod["volumes"] if volume["name"] == "shm"]

    assert (resources["requests"]["cpu"], resources["requests"]["memory"]) == requests, reason
    assert resources["limits"]["memory"] == requests[1], reason
    assert "cpu" not in resources["limits"], "what the node has over may be used"
    assert volume["emptyDir"] == {"medium": "Memory", "sizeLimit": shm}, reason


@pytest.mark.parametrize(
    ("resources", "pool", "memory"),
    [
        ("{shm: 64Gi}", "{nodes: 1, npusPerNode: 8, npuMemory: 64Gi}", "98Gi"),
        ("{shm: 64Gi}", "{nodes: 1, npusPerNode: 8, npuMemory: 64Gi, nodeMemory: 512Gi}", "97Gi"),
        ("{shm: 400Gi}", "{nodes: 1, npusPerNode: 8, npuMemory: 64Gi, nodeMemory: 512Gi}", "433Gi"),
        ("{shm: 470Gi}", "{nodes: 1, npusPerNode: 8, npuMemory: 64Gi, nodeMemory: 512Gi}", "475Gi"),
    ],
)
def test_no_default_refuses_the_shared_memory_that_a_stack_asks_for(resources: str, pool: str, memory: str) -> None:
    head = f"config:\n  ascend-vllm:cluster: {{context: prod, pools: {{snt9b: {pool}}}}}\n  ascend-vllm:services:\n"
    stack = stack_of(f"{QWEN}  resources: {resources}\n", head)
    (service,) = stack.services

    assert quantity_text(service.resources.memory) == memory
    assert [finding.message for finding in check(stack).findings] == []


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0"), (1, "1"), (1000, "1000"), (2**10, "1Ki"), (3 * 2**29, "1536Mi"), (2**40, "1024Gi")]
)
def test_bytes_are_written_as_kubernetes_writes_them(count: int, text: str) -> None:
    assert quantity_text(count) == text


def test_a_gang_stands_on_the_deployment_and_a_queue_on_its_pods() -> None:
    deployment = deployment_of(f"{QWEN}  replicas: 2\n  minMember: 2\n  queue: default\n  priorityClass: production\n")
    template = deployment["spec"]["template"]

    assert deployment["metadata"]["annotations"]["scheduling.volcano.sh/group-min-member"] == "2"
    assert template["metadata"]["annotations"] == {"scheduling.volcano.sh/queue-name": "default"}
    assert template["spec"]["priorityClassName"] == "production"


def test_a_service_that_asks_for_no_queue_says_nothing_of_volcanos() -> None:
    deployment = deployment_of(QWEN)

    assert not [name for name in deployment["metadata"]["annotations"] if "volcano" in name]
    assert "annotations" not in deployment["spec"]["template"]["metadata"]
    assert "priorityClassName" not in deployment["spec"]["template"]["spec"]


QUEUES = HEAD.replace(
    "  ascend-vllm:services:", "    queues: {mine: {npus: 8, create: true}, theirs: {}}\n  ascend-vllm:services:"
)


def test_a_stack_makes_the_queues_that_it_is_asked_to() -> None:
    queues = [one for one in stack_objects(stack_of(QWEN, QUEUES)) if one["kind"] == "Queue"]

    assert [queue["metadata"]["name"] for queue in queues] == ["mine"]
    assert queues[0]["spec"] == {"weight": 1, "reclaimable": True, "capability": {"huawei.com/ascend-1980": "8"}}


@pytest.mark.parametrize(
    ("npus", "beside", "reason"),
    [(1, True, "it would take a node from one that needs it whole"), (8, False, "it has a node for itself")],
)
def test_small_pods_go_where_others_are(npus: int, beside: bool, reason: str) -> None:
    assert ("affinity" in pod_of(f"{QWEN}  npus: {npus}\n")) == beside, reason


PTA = f"{MOE}  graph: {{kind: pta, cache: /mnt/graphs}}\n"


def test_compiled_graphs_are_kept_on_the_node_under_a_key_of_the_launch() -> None:
    pod, start = pod_of(PTA), launch(service_of(PTA))
    (volume,) = [volume for volume in pod["volumes"] if volume["name"] == "graph-cache"]
    mounts = {mount["mountPath"]: mount for mount in pod["containers"][0]["volumeMounts"]}

    assert volume["hostPath"] == {"path": "/mnt/graphs", "type": "DirectoryOrCreate"}
    assert "readOnly" not in mounts[GRAPH_CACHE_DIRECTORY]
    assert re.search(rf"use_graph_cache {GRAPH_CACHE_DIRECTORY} moe [0-9a-f]{{12}}\nexec python", script(start))
    assert "graph_cache.sh" in start.files


def key_of(text: str) -> str:
    found = re.search(r"use_graph_cache \S+ \S+ (\w+)", script(launch(service_of(text))))
    assert found
    return found[1]


@pytest.mark.parametrize(
    ("old", "new", "same", "reason"),
    [
        ("image: a:1", "image: a:2", False, "another image"),
        ("maxModelLen: 4096", "maxModelLen: 8192", False, "another argument"),
        ("graph: {", "env: {HCCL_BUFFSIZE: '120'}\n  graph: {", False, "another variable"),
        ("kind: pta,", "kind: pta, gears: [2, 4],", False, "other gears"),
        ("graph: {", "mindSpeed: install\n  graph: {", False, "another MindSpeed"),
        ("graph: {", "server: {port: 9000}\n  graph: {", True, "the port is the server's"),
        ("graph: {", "replicas: 2\n  startup: 1h\n  graph: {", True, "nothing that the engine sees"),
        ("/mnt/graphs", "/mnt/others", True, "the same graphs in another place"),
    ],
)
def test_a_changed_launch_never_meets_the_graphs_of_the_one_before(old: str, new: str, same: bool, reason: str) -> None:
    assert (key_of(PTA) == key_of(PTA.replace(old, new))) == same, reason


@pytest.mark.parametrize("graph", ["cann", "eager"])
def test_without_pta_there_is_no_cache(graph: str) -> None:
    text = f"{QWEN}  graph: {graph}\n"

    assert "graph-cache" not in [volume["name"] for volume in pod_of(text)["volumes"]]
    assert "graph_cache" not in script(launch(service_of(text)))


def test_a_service_that_warms_up_is_ready_after_its_first_answer() -> None:
    text = MOE.replace("4096}", "4096, servedModelName: it's moe}") + "  graph: {kind: pta, warmUp: true}\n"
    started = script(launch(service_of(text)))

    assert container_of(text)["startupProbe"]["exec"] == {"command": ["/bin/bash", "-c", f"test -f {WARM}"]}
    assert "--model=it'\"'\"'s moe' --kind=openai" in started
    assert started.index("warm_up.py") < started.index("exec python")
    assert re.search(r"warm_up\.py .* 9>&- &\n", started), "it must not keep the lock of the cache"
    assert "ready.sh" in container_of(text)["readinessProbe"]["exec"]["command"][1]
