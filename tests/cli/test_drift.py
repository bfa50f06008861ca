"""`drift`: what it says of a cluster that was changed by hand, in text and in JSON; the cluster is the test's."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli import objects
from cluster.api.errors import ClusterError
from models.service.resolve import resolve
from models.stack_file.load import load_text
from tests.cli.conftest import GOLDEN, Console
from tests.cluster.recorded_reader import ObjectReader
from tests.review.cluster import CONTAINER, Kube, edit

STACK = """\
config:
  ascend-vllm:cluster: {context: prod}
  ascend-vllm:services:
    gone: {image: a:1, model: /m/Qwen2-7B-Instruct, engine: {maxModelLen: 4096}}
    llava: {image: a:1, model: /m/Qwen2-7B-Instruct, engine: {maxModelLen: 4096}}
    qwen: {image: a:1, model: /m/Qwen2-7B-Instruct, engine: {maxModelLen: 4096}}
"""


class Prod(ObjectReader):
    """The cluster of the stack, as an update left it."""

    def __init__(self, text: str = STACK) -> None:
        self.kube = Kube(resolve(load_text("prod", "prod.yaml", text)))
        super().__init__(self.kube.objects)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Prod:
    (tmp_path / "prod.yaml").write_text(STACK, encoding="utf-8")
    made = Prod()

    @asynccontextmanager
    async def connected(context: str, namespace: str) -> AsyncIterator[Prod]:
        made.asked.append(f"{context}/{namespace}")
        yield made

    monkeypatch.setattr(objects, "connected", connected)
    return made


def spoil(cluster: Prod) -> None:
    """Everything that is told, once."""
    kube = cluster.kube
    qwen, script = kube.one("Deployment", "qwen"), kube.one("ConfigMap", "qwen")
    edit(qwen, ("spec", "replicas"), 3, "kubectl", subresource="scale", time="")
    edit(qwen, (*CONTAINER, "image"), "a:hand")
    edit(qwen, (*CONTAINER, "env"), [])
    edit(qwen, (*CONTAINER, "env", 0), {"name": "HF_TOKEN", "value": "hf_secret"}, "kubectl-set")
    edit(qwen, (*CONTAINER, "env", 1), {"name": "A", "value": "1"}, "k9s")
    edit(qwen, (*CONTAINER, "livenessProbe"), None)
    edit(qwen, ("spec", "template", "spec", "containers", 1), {"name": "proxy", "image": "p:1"}, "injector")
    text = script["data"]["run_vllm.sh"].replace("4096", "2048").replace("exec ", "export HF_TOKEN=hf_secret\nexec ")
    edit(script, ("data", "run_vllm.sh"), text, "kubectl-create")
    llava = kube.one("Deployment", "llava")
    edit(llava, ("spec", "replicas"), 2, "kube-controller-manager", subresource="scale", time="")
    edit(
        llava,
        ("spec", "template", "metadata", "annotations"),
        {"kubectl.kubernetes.io/restartedAt": "now"},
        "kubectl-rollout",
    )
    kube.delete("Service", "llava")
    for kind in ("ConfigMap", "Deployment", "Service"):
        kube.delete(kind, "gone")
    old = Prod(STACK.replace("    gone:", "    old:")).kube
    kube.objects.append(old.one("Deployment", "old"))


@pytest.mark.parametrize("form", ["text", "json"])
def test_drift_is_shown_exactly_like_this(
    form: str, console: Console, cluster: Prod, golden: Callable[[Path, str], None]
) -> None:
    spoil(cluster)
    done = console("drift", "prod.yaml", "--format", form)

    assert (done.code, done.err) == (1, "")
    golden(GOLDEN / f"drift.{form}", done.out)
    assert cluster.asked[0] == "prod/inference"


def test_without_drift_it_ends_with_0(console: Console, cluster: Prod) -> None:
    done = console("drift", "prod.yaml")

    assert (done.code, done.out, done.err) == (0, "no drift: stack prod matches its cluster (10 objects)\n", "")
    assert json.loads(console("drift", "prod.yaml", "--format", "json").out)["restore"] == []


def test_secrets_are_not_shown(console: Console, cluster: Prod) -> None:
    spoil(cluster)

    for form in ("text", "json"):
        assert "hf_secret" not in console("drift", "prod.yaml", "--format", form).out


def test_json_is_a_contract_with_a_version(console: Console, cluster: Prod) -> None:
    spoil(cluster)
    told = json.loads(console("drift", "prod.yaml", "--format", "json").out)
    fields = {
        *("field", "path", "live", "wanted", "lines", "because", "cause", "by", "at", "restarts", "restored"),
    }

    assert told["version"] == 1
    assert told.keys() == {
        *("version", "stack", "context", "namespace", "drift", "restore", "objects", "others", "unread"),
    }
    for one in told["objects"]:
        assert one.keys() == {"kind", "name", "service", "state", "insteadOf", "restarts", "fields"}
        assert all(field.keys() == fields for field in one["fields"])
    assert all(other.keys() == {"kind", "name", *fields} for other in told["others"])


def test_what_is_only_not_applied_yet_needs_no_refresh(console: Console, cluster: Prod, tmp_path: Path) -> None:
    (tmp_path / "prod.yaml").write_text(STACK.replace("a:1", "a:2"), encoding="utf-8")
    out = console("drift", "prod.yaml").out

    assert out.count("    image  a:1 → a:2  (prod.yaml:") == 3
    assert "by hand" not in out
    assert out.endswith("\napply:\n  pulumi up --stack prod\n")


def test_missing_objects_need_a_refresh_because_they_may_have_been_deleted(console: Console, cluster: Prod) -> None:
    cluster.objects = []
    out = console("drift", "prod.yaml").out

    assert out.splitlines()[0] == "- Namespace inference: missing: never deployed, or deleted"
    assert out.endswith("drift: 10 missing\nrestore:\n  pulumi up --refresh --stack prod\n")


def test_what_was_only_added_needs_a_mark_to_be_seen(console: Console, cluster: Prod) -> None:
    edit(cluster.kube.one("Deployment", "qwen"), ("metadata", "labels", "team"), "a", "kubectl-label")

    assert console("drift", "prod.yaml").out.splitlines()[-5:] == [
        "restore:",
        "  # Pulumi does not see added fields. It sets an object again if its",
        "  # annotation is missing.",
        "  kubectl --context prod --namespace inference annotate deployment qwen pulumi.com/patchForce-",
        "  pulumi up --refresh --stack prod",
    ]


def test_what_a_program_added_is_to_be_removed_by_hand(console: Console, cluster: Prod) -> None:
    edit(cluster.kube.one("Deployment", "qwen"), (*CONTAINER, "env"), [])
    edit(cluster.kube.one("Deployment", "qwen"), (*CONTAINER, "env", 0), {"name": "A", "value": "1"}, "k9s")
    done = console("drift", "prod.yaml")

    assert (done.code, "restore:" in done.out) == (1, False)
    assert done.out.endswith(
        "remove variable A:\n  kubectl --context prod --namespace inference edit deployment qwen\n"
    )


def test_a_value_does_not_steer_the_terminal(console: Console, cluster: Prod) -> None:
    edit(cluster.kube.one("Deployment", "qwen"), (*CONTAINER, "image"), "a:\x1b[31mred\nline")
    script = cluster.kube.one("ConfigMap", "qwen")
    edit(script, ("data", "run_vllm.sh"), "\x1b[31mred\n" + script["data"]["run_vllm.sh"], "kubectl-create")

    assert "\x1b" not in console("drift", "prod.yaml").out


def test_a_file_that_is_all_different_is_cut(console: Console, cluster: Prod) -> None:
    edit(cluster.kube.one("ConfigMap", "qwen"), ("data", "drain.py"), "", "kubectl-create")

    assert " lines more\n" in console("drift", "prod.yaml").out


def test_a_service_of_another_stack_in_the_namespace_is_not_named(
    console: Console, cluster: Prod, tmp_path: Path
) -> None:
    less = yaml.safe_load(STACK)
    moved = less["config"]["ascend-vllm:services"].pop("gone")
    (tmp_path / "prod.yaml").write_text(yaml.safe_dump(less))
    (tmp_path / "Pulumi.yaml").write_text("name: ascend-vllm\nruntime: python\n")
    alone = console("drift", "prod.yaml")
    other: dict[str, Any] = {**less["config"], "ascend-vllm:services": {"gone": moved}}
    (tmp_path / "Pulumi.other.yaml").write_text(yaml.safe_dump({"config": other}))
    shared = console("drift", "prod.yaml")

    assert (alone.code, alone.out.count("not in stack prod")) == (1, 3)
    assert (shared.code, shared.out) == (0, "no drift: stack prod matches its cluster (7 objects)\n")


def test_objects_that_may_not_be_read_are_listed_and_do_not_count_as_deleted(console: Console, cluster: Prod) -> None:
    cluster.errors = {"Namespace": ClusterError("not allowed to get namespaces inference", "ask")}
    done = console("drift", "prod.yaml")

    assert (done.code, done.out) == (0, "no drift: stack prod matches its cluster (9 objects)\n")
    assert done.err == "not read: Namespace inference: not allowed to get namespaces inference\n"


def test_a_cluster_that_cannot_be_read_ends_with_3(console: Console, cluster: Prod) -> None:
    cluster.errors = {"service_objects": ClusterError("not allowed to list deployments", "ask for a role")}
    done = console("drift", "prod.yaml")

    assert (done.code, done.out) == (3, "")
    assert done.err == "error: not allowed to list deployments\nfix: ask for a role\n"


def test_a_stack_that_the_rules_refuse_is_not_compared(console: Console, cluster: Prod, tmp_path: Path) -> None:
    (tmp_path / "prod.yaml").write_text(STACK.replace("maxModelLen: 4096", "maxModelLen: 0"), encoding="utf-8")
    done = console("drift", "prod.yaml")

    assert (done.code, done.out, cluster.asked) == (3, "", [])
    assert "error[" in done.err
