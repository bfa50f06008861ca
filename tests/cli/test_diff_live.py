"""`diff --live` and `diff --preview`: what runs, and what Pulumi would delete or make anew."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cli import objects
from cluster.api.errors import ClusterError
from tests.cli.conftest import GOLDEN, Console
from tests.cli.repositories import repository
from tests.cli.test_drift import STACK, Prod
from tests.review.cluster import CONTAINER, edit

__all__ = ["repository"]

CHANGED = STACK.replace("gone:", "fresh:").replace("a:1, model: /m/Qwen2-7B-Instruct, engine: {maxModelLen: 4096}}\n",
    "a:1, model: /m/Qwen2-7B-Instruct, engine: {maxModelLen: 8192}}\n", 2)  # fmt: skip
SERVICE = "urn:pulumi:{}::ascend-vllm::ascend-vllm:index:InferenceDeployment$kubernetes:core/v1:Service::qwen-service"


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Prod:
    """The cluster that runs STACK; the stack file has changed since."""
    made = Prod()

    @asynccontextmanager
    async def connected(context: str, namespace: str) -> AsyncIterator[Prod]:
        yield made

    monkeypatch.setattr(objects, "connected", connected)
    (tmp_path / "prod.yaml").write_text(CHANGED, encoding="utf-8")
    edit(made.kube.one("Deployment", "qwen"), ("spec", "replicas"), 3, "kubectl", subresource="scale", time="")
    edit(made.kube.one("Deployment", "qwen"), (*CONTAINER, "image"), "a:hand")
    return made


@pytest.mark.parametrize("form", ["text", "json", "markdown", "github"])
def test_the_cluster_against_the_stack_file_is_shown_exactly_like_this(
    form: str, console: Console, cluster: Prod, golden: Callable[[Path, str], None]
) -> None:
    done = console("diff", "prod.yaml", "--live", "--format", form)

    assert (done.code, done.err) == (1, "compared with the cluster of context prod, namespace inference\n")
    golden(GOLDEN / f"diff-live.{form}", done.out)


def test_an_unchanged_cluster_ends_with_exit_code_0(console: Console, cluster: Prod, tmp_path: Path) -> None:
    (tmp_path / "prod.yaml").write_text(STACK, encoding="utf-8")
    cluster.objects = Prod().objects

    assert console("diff", "prod.yaml", "--live").code == 0


def test_a_cluster_that_cannot_be_read_ends_with_3(console: Console, cluster: Prod) -> None:
    cluster.errors = {"service_objects": ClusterError("not allowed to list deployments", "ask for a role")}
    done = console("diff", "prod.yaml", "--live")

    assert (done.code, done.out) == (3, "")


def test_a_namespace_that_may_not_be_read_is_named_and_not_compared(
    console: Console, cluster: Prod, tmp_path: Path
) -> None:
    (tmp_path / "prod.yaml").write_text(STACK, encoding="utf-8")
    cluster.objects = [item for item in Prod().objects if item["kind"] != "Namespace"]
    assert "Namespace inference  +  (does not exist in the cluster)" in console("diff", "prod.yaml", "--live").out
    cluster.errors = {"Namespace": ClusterError("not allowed to get namespaces", "ask for a role")}
    done = console("diff", "prod.yaml", "--live")

    assert (done.code, done.err.splitlines()[0]) == (
        0,
        "not read: Namespace inference: not allowed to get namespaces",
    )


def write_preview(directory: Path, stack: str, *operations: str) -> str:
    inputs = {"kind": "Service", "metadata": {"name": "qwen"}}
    steps: list[dict[str, Any]] = [
        {"op": operation, "urn": SERVICE.format(stack), "oldState": {"inputs": inputs}, "replaceReasons": ["spec"]}
        for operation in operations
    ]
    (directory / "preview.json").write_text(json.dumps({"steps": steps}), encoding="utf-8")
    return "preview.json"


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("text", "! deleted and recreated: Service qwen (spec)\n"),
        ("json", '"replacements": [\n        "Service qwen (spec)"\n      ]'),
        ("markdown", "> [!CAUTION]\n> Deleted and recreated: Service qwen (spec)\n"),
        ("github", "title=cluster of prod::! deleted and recreated: Service qwen (spec)\n"),
    ],
)
def test_replacements_of_pulumi_are_added_in_every_format(
    form: str, said: str, console: Console, cluster: Prod, tmp_path: Path
) -> None:
    preview = write_preview(tmp_path, "prod", "replace")

    assert said in console("diff", "prod.yaml", "--live", "--preview", preview, "--format", form).out


def test_what_pulumi_deletes_is_added_to_the_comparison_with_a_revision(
    repository: Path, console: Console, tmp_path: Path
) -> None:
    done = console("diff", "prod", "--preview", write_preview(tmp_path, "prod", "delete"))

    assert (done.code, done.out.splitlines()[0]) == (1, "! deleted: Service qwen")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--live"], "--live needs exactly one STACK"),
        (["prod", "dev", "--live"], "--live needs exactly one STACK"),
        (["prod", "dev", "--preview", "preview.json"], "--preview needs exactly one STACK"),
        (["prod", "--live", "--against", "main"], "--live cannot be used with --against"),
        (["--matrix", "--live"], "--matrix cannot be used with --against, --live or --preview"),
        (["prod.yaml", "--live", "--preview", "none.json"], "none.json cannot be read: No such file or directory"),
        (["prod.yaml", "--live", "--preview", "prod.yaml"], "prod.yaml is not a preview: "),
        (["prod.yaml", "--live", "--preview", "preview.json"], "preview.json is a preview of stack dev, not of prod"),
    ],
)
def test_wrong_usage_ends_with_2(
    arguments: list[str], said: str, console: Console, cluster: Prod, tmp_path: Path
) -> None:
    write_preview(tmp_path, "dev", "delete")
    done = console("diff", *arguments)

    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert "fix: " in done.err
