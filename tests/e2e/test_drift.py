"""Drift with the real Pulumi and control plane: what is told of changes by hand, and what really restores them."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest

from sandbox.plan import Plan
from tests.e2e.features import EVERY_FEATURE, IMAGE, qwen
from tests.e2e.project import Project, copy_program, eventually, unfolded
from tests.e2e.sandbox_fixture import SandboxFactory, ascend_nodes


@pytest.fixture(scope="module")
def project(sandbox: SandboxFactory, tmp_path_factory: pytest.TempPathFactory) -> Project:
    return copy_program(tmp_path_factory.mktemp("project"), sandbox(Plan("drift", ascend_nodes(4))))


@pytest.fixture
def stack(project: Project, request: pytest.FixtureRequest) -> str:
    """A deployed stack of the test's own; it goes with the sandbox."""
    name = "d-" + re.sub(r"[^a-z0-9]+", "-", request.node.originalname.removeprefix("test_"))[:40].strip("-")
    project.write(name, {"qwen": qwen()})
    made = project.pulumi("stack", "init", name)
    assert made.returncode == 0, made.stderr
    project.up(name)
    assert drift(project, name) == (0, f"no drift: stack {name} matches its cluster (4 objects)\n")
    return name


def drift(project: Project, stack: str) -> tuple[int, str]:
    done = project.ascend_vllm("drift", stack)
    assert done.stderr == ""
    return done.returncode, done.stdout


def told(project: Project, stack: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(project.ascend_vllm("drift", stack, "--format", "json").stdout)
    return document


def restore(project: Project, stack: str) -> list[str]:
    """Do what `drift` says, word by word; the commands."""
    commands: list[str] = told(project, stack)["restore"]
    for command in commands:
        unasked = ["--yes", "--skip-preview", "--non-interactive"] if command.startswith("pulumi ") else []
        try:
            done = project.run(*command.split(), *unasked)
        except subprocess.TimeoutExpired as late:
            pods = project.sandbox.kubectl(
                "get", "pods,podgroups,deployments", "--namespace", stack, "--output", "wide"
            )
            pytest.fail(f"{command} does not end:\n{(late.output or b'').decode()}\n{pods}")
        assert done.returncode == 0, done.stdout + done.stderr
    return commands


def edit_launch_map(project: Project, stack: str) -> str:
    """A launch map cannot be changed; who wants to deletes it and makes another."""
    (launch,) = project.objects("configmap", stack)
    launch["data"]["run_vllm.sh"] = launch["data"]["run_vllm.sh"].replace("4096", "2048")
    launch["metadata"] = {key: launch["metadata"][key] for key in ("name", "namespace", "labels", "annotations")}
    project.sandbox.kubectl("delete", "configmap", launch["metadata"]["name"], "--namespace", stack)
    project.sandbox.kubectl("create", "--filename", "-", stdin=json.dumps(launch))
    return str(launch["metadata"]["name"])


def test_every_change_by_hand_is_told_and_up_with_refresh_restores_it(project: Project, stack: str) -> None:
    kubectl = project.sandbox.kubectl
    launch = edit_launch_map(project, stack)
    kubectl("scale", "deployment/qwen", "--replicas=2", "--namespace", stack)
    kubectl("set", "image", "deployment/qwen", "ascend-vllm=by-hand:1", "--namespace", stack)
    kubectl("set", "env", "deployment/qwen", "GREETING=hello", "HF_TOKEN=hf_1", "--namespace", stack)
    taken = '[{"op": "remove", "path": "/spec/template/spec/containers/0/livenessProbe"}]'
    kubectl("patch", "deployment/qwen", "--type=json", "--patch", taken, "--namespace", stack)
    kubectl("label", "deployment/qwen", "team=a", "--namespace", stack)
    kubectl("delete", "service", "qwen", "--namespace", stack)

    code, text = drift(project, stack)

    assert code == 1
    for line in (
        rf"~ ConfigMap {launch}: changed\n    run_vllm\.sh, by hand: kubectl-create, 20.* UTC\n",
        r"      -  --max-model-len=2048 \\\n",
        r"      \+  --max-model-len=4096 \\\n",
        r"~ Deployment qwen: changed; an update restarts its pods\n",
        r"    replicas  2 → 1  \(default\)\n +by hand: kubectl\n",
        rf"    image  by-hand:1 → {IMAGE}\s+\(Pulumi\.{stack}\.yaml:\d+\)\n +by hand: kubectl-set, 20.* UTC\n",
        r"    variable GREETING  - hello\n +by hand: kubectl-set, 20.* UTC\n",
        r"    variable HF_TOKEN  - \*\*\*\n +by hand: kubectl-set, 20.* UTC\n",
        r"    livenessProbe  \+ \{[^~]*removed by hand, or not applied yet",
        r"    label team  - a\n +by hand: kubectl-label",
        r"- Service qwen: deleted\n",
        r"drift: 2 changed, 1 deleted\n",
        rf"restore:\n  pulumi up --refresh --stack {stack}\n",
    ):
        assert re.search(line, text), f"{line}\n{text}"
    assert "hf_1" not in text

    project.up(stack)
    assert drift(project, stack) == (code, text), "an update that does not look at the cluster restores nothing"

    assert restore(project, stack) == [f"pulumi up --refresh --stack {stack}"]

    assert drift(project, stack) == (0, f"no drift: stack {stack} matches its cluster (4 objects)\n")
    (deployment,) = project.objects("deployment", stack)
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert (deployment["spec"]["replicas"], container["image"], "env" in container) == (1, IMAGE, False)


def test_a_deleted_deployment_and_a_deleted_launch_map_are_made_again(project: Project, stack: str) -> None:
    project.sandbox.kubectl("delete", "configmap,deployment", "--selector=app=infers", "--namespace", stack)

    states = {(one["kind"], one["state"]) for one in told(project, stack)["objects"]}
    restore(project, stack)

    assert states == {("ConfigMap", "deleted"), ("Deployment", "deleted")}
    assert drift(project, stack)[0] == 0


def test_a_deleted_namespace_is_made_again_with_all_that_was_in_it(project: Project, stack: str) -> None:
    project.sandbox.kubectl("delete", "namespace", stack, "--wait")

    states = {one["state"] for one in told(project, stack)["objects"]}

    assert (states, restore(project, stack)) == ({"missing"}, [f"pulumi up --refresh --stack {stack}"])
    assert drift(project, stack)[0] == 0


def test_what_was_only_added_is_not_seen_by_a_refresh_and_the_commands_that_are_given_take_it_away(
    project: Project, stack: str
) -> None:
    project.sandbox.kubectl("set", "env", "deployment/qwen", "GREETING=hello", "--namespace", stack)
    affinity = '{"spec": {"sessionAffinity": "ClientIP"}}'
    project.sandbox.kubectl("patch", "service", "qwen", "--patch", affinity, "--namespace", stack)
    added = drift(project, stack)

    refreshed = project.pulumi("up", "--refresh", "--stack", stack, "--yes", "--skip-preview")
    assert refreshed.returncode == 0, refreshed.stderr
    assert drift(project, stack) == added

    place = f"kubectl --context {project.sandbox.context} --namespace {stack}"
    assert restore(project, stack) == [
        f"{place} annotate deployment qwen pulumi.com/patchForce-",
        f"{place} annotate service qwen pulumi.com/patchForce-",
        f"pulumi up --refresh --stack {stack}",
    ]
    assert drift(project, stack)[0] == 0


def test_a_restart_with_kubectl_is_no_drift(project: Project, stack: str) -> None:
    project.sandbox.kubectl("rollout", "restart", "deployment/qwen", "--namespace", stack)
    code, text = drift(project, stack)

    assert (code, "not drift: qwen was restarted with kubectl" in text) == (0, True)


def test_a_deployment_that_was_written_again_as_a_whole_has_no_drift_but_what_differs(
    project: Project, stack: str
) -> None:
    (deployment,) = project.objects("deployment", stack)
    deployment["spec"]["template"]["spec"]["nodeSelector"]["zone"] = "a"
    project.sandbox.kubectl("replace", "--force", "--filename", "-", stdin=json.dumps(deployment))

    (one,) = told(project, stack)["objects"]
    restore(project, stack)

    assert [(field["field"], field["by"], field["wanted"]) for field in one["fields"]] == [
        ("nodeSelector.zone", "kubectl-replace", None)
    ]
    assert drift(project, stack)[0] == 0


def test_replicas_of_an_autoscaler_are_no_drift(project: Project, stack: str) -> None:
    project.sandbox.kubectl("autoscale", "deployment/qwen", "--min=2", "--max=3", "--namespace", stack)
    assert eventually(lambda: len(project.objects("pod", stack)) == 2)

    code, text = drift(project, stack)

    assert code == 0
    assert "not drift: Deployment qwen: replicas 2, set by an autoscaler (kube-controller-manager)" in unfolded(text)


def test_what_a_program_adds_is_told_where_it_counts_and_up_leaves_it(project: Project, stack: str) -> None:
    container = {"name": "ascend-vllm", "env": [{"name": "A", "value": "1"}]}
    template = {"spec": {"tolerations": [{"key": "a", "operator": "Exists"}], "containers": [container]}}
    patch = json.dumps({"metadata": {"annotations": {"a/b": "1"}}, "spec": {"template": template}})
    project.sandbox.kubectl("patch", "deployment/qwen", "--field-manager=k9s", "--patch", patch, "--namespace", stack)
    assert restore(project, stack) == []

    code, text = drift(project, stack)

    assert code == 1
    assert re.search(r"    variable A +- 1 +by k9s, 20.* UTC; pulumi up leaves it\n", text)
    tolerations = 'not drift: Deployment qwen: tolerations [{"key": "a", "operator": "Exists"}], set by k9s'
    assert tolerations in unfolded(text)
    project.sandbox.kubectl("set", "env", "deployment/qwen", "A-", "--namespace", stack)
    assert drift(project, stack)[0] == 0


def test_a_change_of_the_stack_file_is_told_from_one_by_hand_and_up_applies_it(project: Project, stack: str) -> None:
    project.write(stack, {"qwen": qwen(image="registry.example.com/ascend-vllm:6.3.913", npus=2)})
    code, text = drift(project, stack)

    assert code == 1
    assert "by hand" not in text
    assert re.search(rf"image +{IMAGE} → registry.example.com/ascend-vllm:6.3.913 .*not applied yet", unfolded(text))
    assert re.search(r"~ ConfigMap qwen-launch-\w+: replaces qwen-launch-\w+\n", text)
    assert restore(project, stack) == [f"pulumi up --stack {stack}"]
    assert drift(project, stack)[0] == 0


def test_a_service_that_the_stack_does_not_give_any_more_is_named_until_up_removes_it(
    project: Project, stack: str
) -> None:
    project.write(stack, {"qwen": qwen(), "old": qwen()})
    project.up(stack)
    project.write(stack, {"qwen": qwen()})

    document = told(project, stack)
    project.up(stack)

    assert {(one["kind"], one["service"], one["state"]) for one in document["objects"]} == {
        (kind, "old", "extra") for kind in ("ConfigMap", "Deployment", "Service")
    }
    assert drift(project, stack)[0] == 0


@pytest.mark.parametrize("platform", ["cce", "mindcluster"])
def test_what_the_api_server_makes_of_every_feature_is_no_drift(project: Project, platform: str) -> None:
    stack = f"d-features-{platform}"
    pools = {"snt9b": {"nodes": 4, "npusPerNode": 8, "npuMemory": "64Gi"}}
    project.write(stack, EVERY_FEATURE, platform=platform, pools=pools, queues={"own": {"npus": 24, "create": True}})
    rendered = project.ascend_vllm("render", stack)
    assert rendered.returncode == 0, rendered.stderr
    project.sandbox.kubectl(
        "apply", "--server-side", "--field-manager=ascend-vllm", "--force-conflicts", "--filename", "-",
        stdin=rendered.stdout,
    )  # fmt: skip
    objects = 2 + 3 * len(EVERY_FEATURE) + 1 + 4  # a Job, budgets and policies

    assert drift(project, stack) == (0, f"no drift: stack {stack} matches its cluster ({objects} objects)\n")
    written = project.sandbox.kubectl("get", "deployments,services", "--namespace", stack, "--output", "json")
    project.sandbox.kubectl("replace", "--force", "--filename", "-", stdin=written)
    external = "not drift: Deployment beside: replicas 1, set by kubectl-replace\n"
    assert drift(project, stack) == (0, f"{external}no drift: stack {stack} matches its cluster ({objects} objects)\n")


def test_a_cluster_that_cannot_be_read_ends_with_3(project: Project, stack: str) -> None:
    project.write(stack, {"qwen": qwen()}, context="kwok-elsewhere")
    done = project.ascend_vllm("drift", stack)

    assert (done.returncode, done.stdout) == (3, "")
    assert "the kubeconfig has no context 'kwok-elsewhere'" in done.stderr


def live_diff(project: Project, stack: str, *options: str) -> tuple[int, str]:
    done = project.ascend_vllm("diff", stack, "--live", *options)
    return done.returncode, done.stdout


def preview(project: Project, stack: str, *options: str) -> str:
    """A file with a preview of Pulumi."""
    done = project.pulumi("preview", "--json", "--stack", stack, *options)
    assert done.returncode == 0, done.stderr
    file = project.directory / f"{stack}.json"
    file.write_text(done.stdout, encoding="utf-8")
    return str(file)


def test_what_runs_is_compared_with_the_stack_file_in_the_words_of_diff(project: Project, stack: str) -> None:
    unchanged = live_diff(project, stack)
    project.sandbox.kubectl("scale", "deployment/qwen", "--replicas=2", "--namespace", stack)
    project.write(stack, {"qwen": qwen(engine={"maxModelLen": 8192}, env={"GREETING": "hello"}), "new": qwen()})

    code, text = live_diff(project, stack)
    _, with_preview = live_diff(project, stack, "--preview", preview(project, stack))

    assert unchanged[0] == 0, unchanged
    assert code == 1
    for line in (
        r"\+ new   new, 1 NPU\n",
        r"~ qwen  restarts, because its launch changed · delete old pods first\s+\([^)]*\),"
        r"\s+downtime\s+up\s+to\s+12\s+min\n",
        rf"    --max-model-len +4096 → 8192\s+\(Pulumi\.{stack}\.yaml:\d+\)\n",
        rf"    GREETING +\+ hello\s+\(Pulumi\.{stack}\.yaml:\d+\)\n",
        r"    replicas +2 → 1 +\(default\)\n",
        r"1 changed, 1 added, 0 removed, 0 unchanged; 1 restart, 1 with downtime\n",
    ):
        assert re.search(line, text), f"{line}\n{text}"
    assert with_preview == text, "Pulumi knows no more of this than what is told already"

    project.up(stack)
    assert live_diff(project, stack)[0] == 0, "an update of an object sets all that the stack gives of it"


def test_a_preview_tells_what_is_deleted_or_made_anew_without_a_change_of_the_stack_file(
    project: Project, stack: str
) -> None:
    project.write(stack, {"qwen": qwen(), "old": qwen()})
    project.up(stack)
    project.sandbox.kubectl("delete", "configmap", "--selector=app.kubernetes.io/instance=qwen", "--namespace", stack)
    launch = json.loads(project.ascend_vllm("drift", stack, "--format", "json").stdout)["objects"][0]["name"]
    edited = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": launch, "namespace": stack}}
    project.sandbox.kubectl("create", "--filename", "-", stdin=json.dumps({**edited, "data": {"run_vllm.sh": "a"}}))
    file = preview(project, stack, "--refresh")

    found = project.ascend_vllm("diff", "--preview", file, stack, "--live")
    project.write(stack, {"qwen": qwen()})
    removed = live_diff(project, stack, "--preview", preview(project, stack))

    assert re.search(rf"! deleted and recreated: ConfigMap {launch} \([^)]*data[^)]*\)\n", found.stdout), found.stdout
    assert removed[1].startswith("- old "), removed[1]


def test_a_revert_brings_back_script_map_name_and_graph_cache(project: Project, stack: str) -> None:
    def launch() -> tuple[str, str, str]:
        (found,) = project.objects("configmap", stack)
        script = found["data"]["run_vllm.sh"]
        key = re.search(r"^use_graph_cache .* (\w{12})$", script, re.MULTILINE)
        assert key
        return found["metadata"]["name"], script, key[1]

    graphs = {"graph": {"kind": "pta"}}
    project.write(stack, {"qwen": qwen(**graphs)})
    before = project.file(stack).read_bytes()
    project.up(stack)
    first, pods = launch(), project.names("pod", stack)

    project.write(stack, {"qwen": qwen(**graphs, engine={"maxModelLen": 8192})})
    project.up(stack)
    second = launch()

    assert all(old != new for old, new in zip(first, second, strict=True))

    project.file(stack).write_bytes(before)
    project.up(stack)

    assert launch() == first
    assert set(project.names("pod", stack)).isdisjoint(pods)
    assert drift(project, stack)[0] == 0
