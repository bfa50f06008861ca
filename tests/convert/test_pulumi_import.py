"""The list for `pulumi import`: the objects that a stack can take over, and whether pods restart."""

from __future__ import annotations

from typing import Any

import pytest

from cli.commands.render import yaml_documents
from cli.output.conversion import render_adoption
from convert import Adoption, Conversion, File, Options, adoption, convert
from models.manifests import stack_objects
from models.service.resolve import resolve
from models.stack_file.load import load_text
from tests.components.harness import run_program
from tests.convert.pairs import made

pytestmark = pytest.mark.slow

STACK = """\
config:
  ascend-vllm:cluster:
    context: prod
    namespace: team
    queues: {inference: {npus: 16, create: true}}
  ascend-vllm:services:
    qwen:
      image: a:1
      model: /mnt/models/Qwen2-7B-Instruct
      engine: {maxModelLen: 4096}
      queue: inference
"""


def rendered(stack: str = STACK) -> str:
    return yaml_documents(list(stack_objects(resolve(load_text("test", "-", stack)))))


def taken_over(text: str, context: str = "prod") -> tuple[Conversion, Adoption]:
    done = convert(File("objects.yaml", text), [], Options(context=context))
    return done, adoption(done)


def by_name(found: Adoption) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in found.resources}


def test_every_object_is_listed_under_the_name_and_the_parent_that_the_program_gives_it() -> None:
    _, found = taken_over(rendered())
    resources = by_name(found)
    map_name = resources["qwen-launch-config-map"]["id"]

    assert map_name.startswith("team/qwen-launch-")
    assert [(one["type"], one["name"], one.get("id"), one.get("parent")) for one in found.resources] == [
        ("pulumi:providers:kubernetes", "cluster", None, None),
        ("kubernetes:core/v1:Namespace", "namespace", "team", None),
        ("kubernetes:scheduling.volcano.sh/v1beta1:Queue", "queue-inference", "inference", None),
        ("ascend-vllm:index:InferenceDeployment", "qwen", None, None),
        ("ascend-vllm:index:AscendNodeMounts", "qwen-mounts", None, "qwen"),
        ("ascend-vllm:index:VllmLaunchScript", "qwen-launch", None, "qwen"),
        ("kubernetes:core/v1:ConfigMap", "qwen-launch-config-map", map_name, "qwen-launch"),
        ("kubernetes:apps/v1:Deployment", "qwen-deployment", "team/qwen", "qwen"),
        ("kubernetes:core/v1:Service", "qwen-service", "team/qwen", "qwen"),
    ]


def test_the_provider_of_the_list_is_that_of_the_stacks_context() -> None:
    _, found = taken_over(rendered(), context="prod-guiyang")

    assert by_name(found)["cluster"]["inputs"] == {"context": "prod-guiyang"}
    assert {one["provider"] for one in found.resources if "id" in one} == {"cluster"}


def test_components_are_marked_as_such() -> None:
    _, found = taken_over(rendered())

    assert {one["name"] for one in found.resources if one.get("component")} == {"qwen", "qwen-mounts", "qwen-launch"}


def test_the_names_are_those_of_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    cluster = {"context": "kwok-ascend-sandbox", "namespace": "team", "queues": {"inference": {"create": True}}}
    service = {"image": "a:1", "model": "/m/x", "engine": {"maxModelLen": 1}, "queue": "inference"}
    config = {"ascend-vllm:cluster": cluster, "ascend-vllm:services": {"qwen": service}}
    registered = run_program("dev", config, preview=True).resources
    _, found = taken_over(rendered())

    assert {name: one["type"] for name, one in by_name(found).items()} == {
        name: one.type for name, one in registered.items()
    }
    parents = {name: one.parent for name, one in registered.items() if name.startswith("qwen")}
    assert {name: one.get("parent", "") for name, one in by_name(found).items() if name.startswith("qwen")} == {
        name: parent if parent.startswith("qwen") else "" for name, parent in parents.items()
    }


def test_missing_objects_are_not_in_the_list() -> None:
    documents = rendered().split("---\n")
    without = "---\n".join(one for one in documents if "kind: Service\n" not in one and "kind: Namespace\n" not in one)
    _, found = taken_over(without)

    assert "qwen-service" not in by_name(found)
    assert "namespace" not in by_name(found)
    assert "qwen-deployment" in by_name(found)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("enableServiceLinks: false", "enableServiceLinks: true", "spec.enableServiceLinks"),
        ("image: a:1", "image: a:1\n        imagePullPolicy: Always\n        x: y", "x"),
        ("Escalation: false", "Escalation: true", "spec.containers[0].securityContext.allowPrivilegeEscalation"),
        ("schedulerName: volcano", "schedulerName: volcano\n      hostNetwork: true", ""),
        ("schedulerName: volcano", "schedulerName: volcano\n      activeDeadlineSeconds: 9", "activeDeadlineSeconds"),
        ("        - --", "        - --", ""),
    ],
)
def test_a_pod_that_differs_restarts_once_and_the_field_is_named(old: str, new: str, field: str) -> None:
    text = rendered().replace(old, new)
    _, found = taken_over(text)
    (one,) = found.services

    assert one.adopted
    assert field in one.restarts if field else one.restarts == ()
    assert ("restart once" in render_adoption(found)) == bool(field)


def test_removing_the_annotation_of_a_restart_by_hand_restarts_the_pods() -> None:
    first, _, last = rendered().rpartition("scheduling.volcano.sh/queue-name: inference")
    _, found = taken_over(
        f"{first}scheduling.volcano.sh/queue-name: inference\n        kubectl.kubernetes.io/restartedAt: now{last}"
    )

    assert [one.restarts for one in found.services] == [("metadata.annotations.kubectl.kubernetes.io/restartedAt",)]


POOLS = "pools: {snt9b: {nodes: 2, npusPerNode: 8, npuMemory: 64Gi}}"


def test_an_affinity_needs_the_pools_which_objects_do_not_contain() -> None:
    done, found = taken_over(rendered(STACK.replace("namespace: team", f"namespace: team\n    {POOLS}")))
    (one,) = found.services

    assert one.restarts == ("spec.affinity, which follows from cluster.pools: add them first",)
    notes = [(note.subject, note.why) for note in done.notes]
    assert notes == [("affinity", "it follows from cluster.pools: add them")]


def test_with_the_pools_added_the_objects_are_the_same_again() -> None:
    whole = STACK.replace("namespace: team", f"namespace: team\n    {POOLS}")
    done, _ = taken_over(rendered(whole))
    added = done.text.replace("    namespace: team\n", f"    namespace: team\n    {POOLS}\n")

    assert rendered(added) == rendered(whole)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("app.kubernetes.io/instance: qwen", "app.kubernetes.io/instance: other"),
        ("    matchLabels:\n      app.kubernetes.io/name: ascend-vllm\n", "    matchLabels:\n      app: infers\n"),
        ("kind: Deployment", "kind: StatefulSet"),
    ],
)
def test_a_deployment_with_another_selector_cannot_be_taken_over(old: str, new: str) -> None:
    text = rendered()
    assert old in text
    _, found = taken_over(text.replace(old, new))

    assert [one.adopted for one in found.services] == [False]
    assert "qwen-deployment" not in by_name(found)
    assert "Kubernetes never changes a selector" in render_adoption(found)


def test_the_manuals_own_deployment_cannot_be_taken_over() -> None:
    found = adoption(made())

    assert found.resources == ()
    assert [(one.service, one.adopted) for one in found.services] == [("yourapp", False)]


def test_only_services_with_the_programs_selector_are_taken_over() -> None:
    two = STACK + STACK.split("services:\n")[1].replace("qwen:", "llama:")
    text = rendered(two).replace("app.kubernetes.io/instance: llama", "app.kubernetes.io/instance: other")
    _, found = taken_over(text)

    assert {one.service: one.adopted for one in found.services} == {"llama": False, "qwen": True}
    assert {"qwen-deployment"} <= by_name(found).keys()
    assert "llama-deployment" not in by_name(found)
