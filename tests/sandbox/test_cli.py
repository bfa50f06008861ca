"""`ascend-vllm sandbox`: data on stdout, talk on stderr, one table of exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.commands import sandbox as cli
from cli.errors import CommandError, ExitCode
from sandbox import cluster, command, deployment
from sandbox.errors import SandboxError
from sandbox.images import vllm
from sandbox.nodes import NodeStatus
from sandbox.plan import Plan
from sandbox.real import needs, node
from sandbox.services import ServiceRow

NODES = (
    NodeStatus("snt9b-1", True, "huawei.com/ascend-1980", 8),
    NodeStatus("snt9b-2", False, "huawei.com/ascend-1980", 8),
)
UP = cluster.Status("box", "kwok-box", Path("/c/kubeconfig"), dict.fromkeys(cluster.COMPONENTS, 1), NODES)
DOWN = cluster.Status("box", "kwok-box", Path("/c/kubeconfig"), {}, ())
URL = "http://qwen2-7b.inference.svc:8080"
DEPLOYED = deployment.Deployment({"created": 5}, (ServiceRow("qwen2-7b", "1/1", "Running", "snt9b-1", "1", URL),))


@pytest.fixture(autouse=True)
def plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every stack's sandbox is called `box`."""
    monkeypatch.setattr(cli, "sandbox_plan", lambda *_, **__: Plan("box", ()))


def test_status_is_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "status", lambda _: UP)

    result = CliRunner().invoke(cli.app, ["status"])

    assert result.exit_code == ExitCode.FINE
    assert result.stdout.splitlines() == [
        "kwok-box: up, kubeconfig /c/kubeconfig",
        "NODE     READY  NPUS  RESOURCE",
        "snt9b-1  yes    8     huawei.com/ascend-1980",
        "snt9b-2  no     8     huawei.com/ascend-1980",
    ]


@pytest.mark.parametrize(
    ("components", "text"),
    [
        ({}, "kwok-box: not up\n"),
        (dict.fromkeys(cluster.COMPONENTS[1:], 1), "kwok-box: without etcd\n"),
    ],
)
def test_status_of_what_does_not_run_is_exit_code_1(
    components: dict[str, int], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = cluster.Status("box", "kwok-box", Path("/c/kubeconfig"), components, ())
    monkeypatch.setattr(cluster, "status", lambda _: found)

    result = CliRunner().invoke(cli.app, ["status"])

    assert (result.exit_code, result.stdout) == (ExitCode.FOUND, text)


def test_status_for_programs_is_versioned_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "status", lambda _: UP)

    record = json.loads(CliRunner().invoke(cli.app, ["status", "--format", "json"]).stdout)

    assert (record["version"], record["running"], record["context"]) == (1, True, "kwok-box")
    assert record["nodes"][0] == {"name": "snt9b-1", "ready": True, "resource": "huawei.com/ascend-1980", "npus": 8}


def test_deploy_shows_the_services_and_what_comes_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployment, "deploy", lambda *_: DEPLOYED)

    result = CliRunner().invoke(cli.app, ["deploy"])

    assert result.stdout.splitlines() == [
        "NAME      READY  STATUS   NODE     NPUS  URL",
        f"qwen2-7b  1/1    Running  snt9b-1  1     {URL}",
    ]
    assert result.stderr == "next: ascend-vllm script dev qwen2-7b · make down\n"


def test_the_way_down_is_that_of_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployment, "deploy", lambda *_: DEPLOYED)

    result = CliRunner().invoke(cli.app, ["deploy", "rehearsal"])

    assert result.stderr == "next: ascend-vllm script rehearsal qwen2-7b · ascend-vllm sandbox down rehearsal\n"


@pytest.mark.parametrize(("words", "loaded"), [(["a.tar"], "a.tar"), ([], "vllm.tar")])
def test_load_takes_the_archive_or_makes_one_with_vllm(
    words: list[str], loaded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "check", lambda _: None)
    monkeypatch.setattr(needs, "check", lambda **_: None)
    monkeypatch.setattr(vllm, "ensure", lambda: Path("vllm.tar"))
    monkeypatch.setattr(node, "load", lambda home, archive: f"{archive} for {home.name}")

    assert CliRunner().invoke(cli.app, ["load", "box", *words]).stdout == f"{loaded} for box\n"


def test_no_image_is_made_for_a_sandbox_without_a_real_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vllm, "ensure", lambda: pytest.fail("minutes are spent in vain"))

    result = CliRunner().invoke(cli.app, ["load", "box"])

    assert isinstance(result.exception, CommandError)
    assert str(result.exception) == "sandbox box has no real node"


def test_deploy_of_a_stack_file_uses_the_stacks_name(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(deployment, "deploy", lambda _, stack, *__: asked.append(stack) or DEPLOYED)

    CliRunner().invoke(cli.app, ["deploy", "./Pulumi.prod.yaml"])

    assert asked == ["prod"]


def test_destroy_of_nothing_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployment, "destroy", lambda *_: False)

    result = CliRunner().invoke(cli.app, ["destroy"])

    assert (result.exit_code, result.stderr) == (ExitCode.FINE, "pulumi    stack dev: nothing to destroy\n")


def test_down_of_nothing_is_fine() -> None:
    result = CliRunner().invoke(cli.app, ["down"])

    assert (result.exit_code, result.stderr) == (ExitCode.FINE, "sandbox   box: not running\n")


def test_down_of_all_needs_no_stack(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "sandbox_plan", None)
    for name in ("one", "two"):
        (cache / "sandboxes" / name).mkdir(parents=True)

    result = CliRunner().invoke(cli.app, ["down", "--all"])

    assert result.stderr == "sandbox   one: removed\nsandbox   two: removed\n"
    assert list((cache / "sandboxes").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "stack", "words"),
    [
        (["--", "kubectl", "get", "pods", "-A"], "dev", ["kubectl", "get", "pods", "-A"]),
        (["staging", "--", "pulumi", "preview", "--diff"], "staging", ["pulumi", "preview", "--diff"]),
        (["kubectl", "get", "--help"], "dev", ["kubectl", "get", "--help"]),
        (["staging", "--", "sh", "-c", "a -- b"], "staging", ["sh", "-c", "a -- b"]),
    ],
)
def test_run_takes_everything_after_the_dashes_as_it_is(
    arguments: list[str], stack: str, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(command, "run", lambda _, stack, __, words: calls.append((stack, words)) or 5)

    result = CliRunner().invoke(cli.app, ["run", *arguments])

    assert calls == [(stack, words)]
    assert result.exit_code == 5


def test_run_without_a_command_is_wrong_usage() -> None:
    failed = CliRunner().invoke(cli.app, ["run", "dev", "--"]).exception

    assert isinstance(failed, CommandError)
    assert failed.code == ExitCode.USAGE


@pytest.mark.parametrize(
    ("problem", "code", "message"),
    [
        (SandboxError("no go", "install Go"), ExitCode.COULD_NOT_RUN, "no go"),
        (SandboxError("pulumi up failed", "mend it", 1), ExitCode.FOUND, "pulumi up failed"),
        (KeyboardInterrupt(), ExitCode.COULD_NOT_RUN, "interrupted; all started processes were stopped"),
    ],
)
def test_failures_end_without_a_traceback(
    problem: BaseException, code: ExitCode, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise problem

    monkeypatch.setattr(cluster, "up", fail)

    failed = CliRunner().invoke(cli.app, ["up"]).exception

    assert isinstance(failed, CommandError)
    assert (failed.code, failed.message) == (code, message)


def test_a_stack_without_a_command_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "stack_names", lambda: ["no-such-program"])

    failed = CliRunner().invoke(cli.app, ["run", "no-such-program"]).exception

    assert isinstance(failed, CommandError)
    assert failed.code == ExitCode.USAGE
    assert failed.message == "there is no -- COMMAND after the stack no-such-program"
