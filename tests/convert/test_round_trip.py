"""Converting and rendering again gives the same launch, and for objects of this program the same objects."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.commands.render import yaml_documents
from convert import File, Options, adoption, compared, convert
from models.check import check
from models.launch.launch import launch, script
from models.manifests import stack_objects
from models.service.resolve import resolve
from models.service.resolved import ResolvedStack
from models.stack_file.load import load_text
from tests.convert.pairs import PYTHON, command, made, resolved, started
from tests.properties.accepted import remove, secret_keys
from tests.properties.strategies import MODELS, paths, services

pytestmark = pytest.mark.slow

THOROUGH = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

NOT_CONVERTED = ("disruptionBudget", "expose", "monitoring", "network", "podTemplate")
"""Keys of what stands beside the pods or is patched into them, which `convert` leaves to a person."""


def convertible(fields: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in fields.items() if key not in NOT_CONVERTED}
    return {**kept, "replicas": 3} if kept.get("replicas") == "external" else kept


located = st.builds(
    lambda fields, path, name: {**fields, "model": {"source": f"{path}/{name}"}},
    services.map(convertible),
    paths,
    st.sampled_from(MODELS),
)
"""Services as people keep models: in a directory of the model's name, which is all that the objects say of it."""

clusters = st.sampled_from(
    [
        {},
        {"platform": "mindcluster"},
        {"namespace": {"name": "shared", "create": False}},
        {"queues": {"inference": {"npus": 64, "weight": 3, "create": True}}},
        {
            "platform": {
                "driver": "/opt/driver",
                "npuSmi": {"hostPath": "/opt/npu-smi", "mountPath": "/usr/local/sbin/npu-smi"},
                "hccnConf": {"hostPath": "/data/hccn.conf", "mountPath": "/etc/hccn.conf"},
                "initFile": "/usr/local/Ascend/set env.sh",
                "nodeSelector": {"pool": "big", "zone": "1"},
            }
        },
        {"platform": {"resource": "huawei.com/ascend-310", "nodeSelector": {}}},
    ]
)


def stack_with(fields: dict[str, dict[str, Any]], cluster: dict[str, Any]) -> ResolvedStack:
    config = {
        "ascend-vllm:cluster": {"context": "prod", "namespace": "team", **cluster},
        "ascend-vllm:services": fields,
        **secret_keys(fields),
    }
    return resolve(load_text("test", "-", yaml.safe_dump({"config": config}, allow_unicode=True)))


def nearest_accepted(service: dict[str, Any], cluster: dict[str, Any]) -> ResolvedStack:
    """The stack of a service without the optional fields that errors point at, until none is left."""
    fields = json.loads(json.dumps(service))
    if cluster.get("queues"):
        fields["queue"] = "inference"
    while errors := check(stack := stack_with({"one": fields}, cluster)).errors:
        marked = [mark.path[2:] for error in errors for mark in error.marks if len(mark.path) > 2]
        optional = [path for path in marked if path[0] not in ("image", "model") and path[-1] != "maxModelLen"]
        if not any(remove(fields, path) for path in optional):
            fields["model"] = {"source": "/mnt/models/our-own-model"}
            fields["engine"] = {"maxModelLen": 1024}
    return stack


@THOROUGH
@given(located, clusters)
def test_objects_of_this_program_convert_back_to_equal_objects(fields: dict[str, Any], cluster: dict[str, Any]) -> None:
    stack = nearest_accepted(fields, cluster)
    objects = list(stack_objects(stack))
    own_script = File("run_vllm.sh", script(launch(stack.services[0])))
    done = convert(File("config.yaml", yaml_documents(objects)), [own_script], Options(context="prod"))
    again = resolve(load_text("again", "-", done.text))

    assert list(stack_objects(again)) == objects
    assert compared(done.drafts[0], done.cluster).differences == ()
    assert [one.restarts for one in adoption(done).services] == [()]


SERVER_MADE: dict[str, Any] = {
    "creationTimestamp": "2026-11-23T03:24:00Z",
    "resourceVersion": "42",
    "uid": "6c5e2aaa",
    "generation": 1,
    "managedFields": [{"manager": "kubectl", "operation": "Apply"}],
}
FILLED_IN: dict[str, Any] = {
    "restartPolicy": "Always",
    "dnsPolicy": "ClusterFirst",
    "securityContext": {},
}


def as_in_the_cluster(objects: list[dict[str, Any]]) -> dict[str, Any]:
    """What `kubectl get -o yaml` prints: with what the server fills in, and without what is empty."""
    items = copy.deepcopy(objects)
    for one in items:
        one["metadata"] |= SERVER_MADE
        if one["kind"] == "Deployment":
            spec = one["spec"]["template"]["spec"]
            one["spec"]["template"]["spec"] = spec = {**FILLED_IN, **spec}
            if not spec["nodeSelector"]:
                del spec["nodeSelector"]
            one["spec"] |= {"revisionHistoryLimit": 10}
            one["status"] = {"replicas": 1}
            for container in [*spec["containers"], *spec.get("initContainers", [])]:
                container |= {"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}
        if one["kind"] == "Service":
            one["spec"] |= {"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "type": "ClusterIP"}
    return {"apiVersion": "v1", "kind": "List", "items": items}


@settings(THOROUGH, max_examples=25)
@given(located, clusters)
def test_objects_of_the_cluster_convert_back_without_a_script(fields: dict[str, Any], cluster: dict[str, Any]) -> None:
    objects = list(stack_objects(nearest_accepted(fields, cluster)))
    live = yaml.safe_dump(as_in_the_cluster(objects), allow_unicode=True)
    done = convert(File("live.yaml", live), [], Options(context="prod"))

    assert list(stack_objects(resolve(load_text("again", "-", done.text)))) == objects


@settings(THOROUGH, max_examples=25)
@given(located)
def test_a_script_alone_in_the_manuals_pod_gives_the_same_flags_and_variables(fields: dict[str, Any]) -> None:
    start = launch(nearest_accepted(fields, {}).services[0])
    weights = start.argv[3].removeprefix("--model=")
    done = made(
        script(start).replace("/opt/ascend-vllm/launch/", "/x/"), filled={"image_name": "a:1", "model-path": "/m"}
    )

    assert resolved(done).model.path == weights
    assert [one for one in compared(done.drafts[0], done.cluster).differences if one.name not in EXPECTED] == []


EXPECTED = {
    "ASCEND_RT_VISIBLE_DEVICES": "the manual's pod has eight NPUs, and the script speaks of others",
    "--chat-template": "the file beside the script is not there",
    "USE_PREFIX_HIGH_PRECISION_MODE": "it follows from the length",
}
"""What cannot be the same in another pod."""


def test_two_services_come_back_as_one_stack() -> None:
    fields = {"image": "a:1", "model": "/m/Qwen2-7B-Instruct", "engine": {"maxModelLen": 4096}}
    stack = stack_with({"one": fields, "two": {**fields, "server": "api_server", "replicas": 2}}, {})
    done = convert(File("config.yaml", yaml_documents(list(stack_objects(stack)))), [], Options(context="prod"))

    assert list(stack_objects(resolve(load_text("again", "-", done.text)))) == list(stack_objects(stack))


TYPICAL = ["--max-num-seqs=64", "--tensor-parallel-size 8", "--enable-prefix-caching", "--dtype float16", "--seed 7"]


@pytest.mark.parametrize("module", ["vllm.entrypoints.openai.api_server", "vllm.entrypoints.api_server"])
def test_a_typical_pair_renders_the_launch_that_it_had(module: str) -> None:
    text = command(*TYPICAL, exports="export HCCL_OP_EXPANSION_MODE=AIV\nexport GREETING='你好 $HOME'")
    start = started(made(text.replace(PYTHON, f"python -m {module}").replace("Qwen2-7B", "Qwen2-72B")))

    assert start.argv[2] == module
    assert {"--max-num-seqs=64", "--tensor-parallel-size=8", "--enable-prefix-caching", "--dtype=float16"} <= {
        *start.argv
    }
    assert {"--seed=7", "--max-model-len=4096", "--port=8080"} <= {*start.argv}
    assert start.environment["HCCL_OP_EXPANSION_MODE"] == "AIV"
    assert start.environment["GREETING"] == "你好 $HOME"


def test_a_directory_with_another_name_than_its_model_is_noted() -> None:
    """The objects do not say which model lies in `/m/ours`; the precise operator that Qwen2 needs is then not set."""
    fields = {
        "image": "a:1",
        "model": {"name": "Qwen2-7B-Instruct", "source": "/m/ours"},
        "engine": {"maxModelLen": 4096},
        "prefixCaching": True,
        "preflight": False,
    }
    stack = stack_with({"one": fields}, {})
    done = convert(File("config.yaml", yaml_documents(list(stack_objects(stack)))), [], Options(context="prod"))
    (difference,) = compared(done.drafts[0], done.cluster).differences
    (adopted,) = adoption(done).services

    assert (difference.name, difference.old, difference.new) == ("USE_PREFIX_HIGH_PRECISION_MODE", "1", None)
    assert any("configMap.name" in field for field in adopted.restarts)
