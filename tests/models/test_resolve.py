"""Defaults and what follows from other values: every value has an origin that a user can look up."""

from __future__ import annotations

from typing import Any

import pytest

from models.catalog.platforms import PLATFORMS
from models.service.platform import resolve_platform
from models.service.resolved import ResolvedService
from models.stack_file.keys.cluster import PlatformConfig
from tests.conftest import HEAD, stack_of

MINIMAL = "qwen:\n  image: a:1\n  model: /m/Qwen2-7B\n"


def resolved(engine: str = "maxModelLen: 4096", more: str = "") -> ResolvedService:
    (service,) = stack_of(f"{MINIMAL}  engine: {{{engine}}}\n{more}").services
    return service


DEFAULTS = [
    ("npus", 1, "as many as the engine uses"),
    ("replicas", 1, "default"),
    ("visibleDevices", [0], "one index for each of npus"),
    ("graph.kind", "cann", "default"),
    ("precision.prefill", True, "required by Qwen2-7B"),
    ("precision.decode", False, "required by Qwen2-7B"),
    ("mindSpeed.kind", "image", "default"),
    ("model.mountPath", None, "default"),
    ("model.verify", None, "default"),
    ("model.preparation", 0, "default"),
    ("model.configJson", None, "default"),
    ("model.facts", None, "default"),
    ("prefixCaching", False, "default"),
    ("quantization", None, "default"),
    ("lora", None, "default"),
    ("speculative", None, "default"),
    ("multimodal", None, "default"),
    ("startup", 720, "the size of the weights"),
    ("drain", 300, "default for openai"),
    ("rollout.kind", "rollingUpdate", "a node is sure to have 1 NPU free"),
    ("rollout.maxSurge", 1, "a node is sure to have 1 NPU free"),
    ("rollout.maxUnavailable", 0, "a node is sure to have 1 NPU free"),
    ("resources.cpu", 11, "default for 1 NPU"),
    ("resources.memory", 60 * 2**30, "default for 1 NPU"),
    ("resources.shm", 2 * 2**30, "default for 1 NPU"),
    ("minMember", 1, "default"),
    ("queue", None, "default"),
    ("priorityClass", None, "default"),
    ("preflight", True, "default"),
    ("smoke", False, "default"),
    ("compare.questions", "", "default"),
    ("compare.minEqual", 0.9, "default"),
    ("compare.maxLogprobDistance", 0.1, "default"),
    ("compare.maxWorse", 0.05, "default"),
    ("compare.maxLengthChange", 0.5, "default"),
    ("compare.samePrompts", True, "default"),
    ("compare.minCosine", 0.99, "default"),
    ("compare.maxScoreChange", 0.05, "default"),
    ("compare.maxSlowdown", 0.1, "default"),
    ("compare.errorProbability", 0.05, "default"),
    ("update.kind", "inPlace", "default"),
    ("answeredBy", None, "default"),
    ("expose.type", "ClusterIP", "default"),
    ("expose.annotations", {}, "default"),
    ("network", None, "default"),
    ("disruptionBudget", None, "default"),
    ("monitoring", None, "default"),
    ("podTemplate", None, "default"),
    ("priority", 1, "default"),
    ("env", {}, "default"),
    ("pullSecrets", [], "default"),
    ("accept", {}, "default"),
    ("model.name", "Qwen2-7B", "the last part of its source"),
    ("engine.version", "0.6.3", "default"),
    ("engine.maxNumSeqs", 256, "default"),
    ("engine.maxNumBatchedTokens", 4096, "the largest of maxModelLen, maxNumSeqs and 2048"),
    ("engine.tensorParallelSize", 1, "one NPU"),
    ("engine.pipelineParallelSize", 1, "default"),
    ("engine.blockSize", 128, "default"),
    ("engine.dtype", None, "default"),
    ("engine.gpuMemoryUtilization", 0.9, "default"),
    ("engine.numSchedulerSteps", 1, "default"),
    ("engine.multiStepStreamOutputs", None, "default"),
    ("engine.enableChunkedPrefill", None, "default"),
    ("engine.distributedExecutorBackend", None, "default"),
    ("engine.trustRemoteCode", False, "default"),
    ("engine.disableAsyncOutputProc", False, "default"),
    ("engine.servedModelName", [], "default"),
    ("engine.extraArgs", {}, "default"),
    ("server.kind", "openai", "default"),
    ("server.host", "0.0.0.0", "default"),
    ("server.port", 8080, "default"),
    ("server.chatTemplate", None, "default"),
    ("server.apiKey", None, "default"),
    ("server.extraArgs", {}, "default"),
    ("image", "a:1", "Pulumi.test.yaml:8"),
    ("runAsUser", 0, "default"),
    ("readOnlyRootFilesystem", False, "default"),
    ("model.source", "/m/Qwen2-7B", "Pulumi.test.yaml:9"),
    ("engine.maxModelLen", 4096, "Pulumi.test.yaml:10"),
]


@pytest.mark.parametrize(("field", "value", "source"), DEFAULTS)
def test_every_value_of_a_minimal_service_has_its_default_and_origin(field: str, value: Any, source: str) -> None:
    origin = resolved().origins[field]

    assert (value, source) == (origin.value, origin.source)


def test_no_value_is_without_origin() -> None:
    assert {field for field, _, _ in DEFAULTS} == resolved().origins.keys()


@pytest.mark.parametrize(
    ("engine", "expected", "reason"),
    [
        ("maxModelLen: 128", 2048, "vLLM takes at least 2048"),
        ("maxModelLen: 4096", 4096, "a whole prompt fits"),
        ("maxModelLen: 128, maxNumSeqs: 4000", 4000, "every request brings a token"),
        ("maxModelLen: 4096, maxNumBatchedTokens: 100", 100, "what is given stays, though a rule refuses it"),
    ],
)
def test_tokens_of_an_iteration_follow_as_in_vllm(engine: str, expected: int, reason: str) -> None:
    assert expected == resolved(engine).engine.max_num_batched_tokens, reason


@pytest.mark.parametrize(
    ("engine", "more", "npus", "split", "devices", "reason"),
    [
        ("", "", 1, 1, (0,), "nothing is given"),
        ("", "  npus: 4\n", 4, 4, (0, 1, 2, 3), "the model is split over all NPUs"),
        ("tensorParallelSize: 2", "", 2, 2, (0, 1), "the pod has what the engine uses"),
        ("pipelineParallelSize: 2", "", 2, 1, (0, 1), "stages count, too"),
        ("tensorParallelSize: 2, pipelineParallelSize: 2", "", 4, 2, (0, 1, 2, 3), "both multiply"),
        ("pipelineParallelSize: 2", "  npus: 8\n", 8, 4, tuple(range(8)), "the stages share the NPUs"),
        ("pipelineParallelSize: 2", "  npus: 1\n", 1, 1, (0,), "less than one NPU is none"),
        ("tensorParallelSize: 1", "  npus: 8\n", 8, 1, tuple(range(8)), "what is given stays"),
        ("", "  npus: 2\n  visibleDevices: [1, 0]\n", 2, 2, (1, 0), "devices in an order of one's own"),
    ],
)
def test_npus_follow_from_the_engine_and_the_engine_from_npus(
    engine: str, more: str, npus: int, split: int, devices: tuple[int, ...], reason: str
) -> None:
    service = resolved(f"maxModelLen: 4096{', ' if engine else ''}{engine}", more)

    assert (npus, split, devices) == (
        service.npus,
        service.engine.tensor_parallel_size,
        tuple(service.visible_devices),
    ), reason


@pytest.mark.parametrize(
    ("more", "field", "source", "reason"),
    [
        ("  server: api_server\n", "server.kind", "Pulumi.test.yaml:11", "a scalar stands for the kind"),
        ("  server: {port: 80}\n", "server.port", "Pulumi.test.yaml:11", "in a flow mapping"),
        ("  server:\n    port: 80\n", "server.port", "Pulumi.test.yaml:12", "in a block mapping"),
        (
            "  server: {chatTemplate: /t}\n",
            "server.chatTemplate.path",
            "Pulumi.test.yaml:11",
            "a scalar stands for a path",
        ),
        ("  multimodal: true\n", "multimodal.imageFetchTimeout", "default", "true brings defaults"),
        (
            "  multimodal: {imageFetchTimeout: 5s}\n",
            "multimodal.imageFetchTimeout",
            "Pulumi.test.yaml:11",
            "what differs",
        ),
        ("  npus: 2\n", "engine.tensorParallelSize", "all npus", "what follows says from what"),
        ("  npus: ~\n", "npus", "as many as the engine uses", "null is left out"),
    ],
)
def test_an_origin_is_the_line_that_gives_the_value(more: str, field: str, source: str, reason: str) -> None:
    assert source == resolved(more=more).origins[field].source, reason


@pytest.mark.parametrize(
    ("source", "name"),
    [("/m/Qwen2-7B", "Qwen2-7B"), ("/m/Qwen2-7B/", "Qwen2-7B"), ("/Qwen", "Qwen"), ("/模型/千问", "千问")],
)
def test_a_model_without_name_is_named_after_its_directory(source: str, name: str) -> None:
    (service,) = stack_of(f"qwen: {{image: a:1, model: {source}, engine: {{maxModelLen: 1}}}}\n").services

    assert name == service.model.name


@pytest.mark.parametrize("kind", ["cce", "mindcluster"])
def test_a_platform_is_the_catalogues(kind: str) -> None:
    assert PLATFORMS[kind] == resolve_platform(PlatformConfig.model_validate({"kind": kind}))


def test_the_platforms_differ_in_resource_selector_and_npu_smi() -> None:
    cce, mindcluster = PLATFORMS["cce"], PLATFORMS["mindcluster"]

    assert (cce.resource, mindcluster.resource) == ("huawei.com/ascend-1980", "huawei.com/Ascend910")
    assert cce.node_selector == {"accelerator/huawei-npu": "ascend-1980"}
    assert mindcluster.node_selector == {"accelerator-type": "module-910b-8"}
    assert cce.mounts["npu_smi"].host_path == "/usr/local/sbin/npu-smi"
    assert mindcluster.mounts["npu_smi"].host_path == "/usr/local/bin/npu-smi"


@pytest.mark.parametrize("field", ["driver", "addOns", "hccnConf", "localtime", "npuSmi"])
def test_every_path_of_a_platform_can_be_corrected(field: str) -> None:
    name = {"addOns": "add_ons", "hccnConf": "hccn_conf", "npuSmi": "npu_smi"}.get(field, field)
    known = PLATFORMS["cce"].mounts[name]
    for value, host, inside in (
        ("/data/x", "/data/x", known.mount_path),
        ("{hostPath: /data/x}", "/data/x", known.mount_path),
        ("{hostPath: /data/x, mountPath: /y}", "/data/x", "/y"),
    ):
        head = HEAD.replace("context: kwok-test", f"context: a\n    platform: {{{field}: {value}}}")
        mount = stack_of("{}\n", head).cluster.platform.mounts[name]

        assert (host, inside) == (mount.host_path, mount.mount_path)
        assert (known.name, known.type) == (mount.name, mount.type)


@pytest.mark.parametrize(
    ("given", "attribute", "expected", "reason"),
    [
        ("{resource: huawei.com/Ascend310P}", "resource", "huawei.com/Ascend310P", "another card"),
        ("{nodeSelector: {a: b}}", "node_selector", {"a": "b"}, "a selector replaces the known one"),
        ("{nodeSelector: {}}", "node_selector", {}, "an empty selector selects every node"),
        ("{initFile: /root/.bashrc}", "init_file", "/root/.bashrc", "another image"),
        ("{kind: mindcluster, initFile: /x}", "resource", "huawei.com/Ascend910", "the rest stays the kind's"),
        ("mindcluster", "kind", "mindcluster", "a scalar stands for the kind"),
    ],
)
def test_a_platform_takes_what_the_stack_corrects(given: str, attribute: str, expected: Any, reason: str) -> None:
    head = HEAD.replace("context: kwok-test", f"context: a\n    platform: {given}")

    assert expected == getattr(stack_of("{}\n", head).cluster.platform, attribute), reason


def test_services_come_in_the_order_of_their_names() -> None:
    body = "{image: a:1, model: /m, engine: {maxModelLen: 1}}"
    stack = stack_of(f"b: {body}\nc: {body}\na: {body}\n")

    assert [service.name for service in stack.services] == ["a", "b", "c"]
    assert stack.service("b") is stack.services[1]
    assert stack.service("d") is None


def test_a_service_knows_its_address_in_the_cluster() -> None:
    head = HEAD.replace("context: kwok-test", "context: a\n    namespace: team")
    body = "{image: a:1, model: /m, engine: {maxModelLen: 1}, server: {port: 80}}"

    assert stack_of(f"qwen: {body}\n", head).services[0].endpoint == "http://qwen.team.svc:80"


def test_by_default_the_stack_creates_the_namespace_inference() -> None:
    namespace = stack_of("{}\n").cluster.namespace

    assert (namespace.name, namespace.create) == ("inference", True)


def test_a_broken_service_is_not_resolved_and_not_forgotten() -> None:
    stack = stack_of(f"bad: {{}}\n{MINIMAL}  engine: {{maxModelLen: 1}}\n")

    assert [service.name for service in stack.services] == ["qwen"]
    assert stack.broken == ("bad",)


def test_replicas_of_an_autoscaler_are_shown_as_such_and_planned_as_one() -> None:
    service = resolved(more="  replicas: external\n")

    assert (service.replicas, service.external) == (1, True)
    assert service.origins["replicas"].value == "external"
    assert resolved(more="  replicas: 3\n").external is False


def test_the_release_of_the_plugin_follows_from_the_tag_of_the_image() -> None:
    image = "quay.io/ascend/vllm-ascend:v0.23.0"
    (service,) = stack_of(f"q: {{image: {image}, model: /m/Qwen2-7B, engine: {{maxModelLen: 4096}}}}\n").services

    origin = service.origins["engine.version"]

    assert (origin.value, origin.source) == ("0.23.0", "the image's tag")
