"""The example of a program of somebody else, with the real Pulumi: examples/own-program as it is."""

from __future__ import annotations

import json
import shutil
import sys
from typing import Any

import pytest

from sandbox.plan import Plan
from tests.conftest import ROOT
from tests.e2e.project import Project
from tests.e2e.sandbox_fixture import SandboxFactory, ascend_nodes
from tests.e2e.staged import RUNNING, Situation, ended, stage_images, waiting

NAMESPACE = "models"
CRASH = Situation(waiting("CrashLoopBackOff"), ended(1), restarts=2, phase="Running")


@pytest.fixture(scope="module")
def project(sandbox: SandboxFactory, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the example with a stack `dev`, beside an environment that has its requirements."""
    directory = tmp_path_factory.mktemp("own") / "program"
    shutil.copytree(ROOT / "examples" / "own-program", directory)
    (directory / ".venv").symlink_to(sys.prefix)
    made = Project(directory, sandbox(Plan("own", ascend_nodes(2))))
    created = made.pulumi("stack", "init", "dev")
    assert created.returncode == 0, created.stderr
    return made


def up(project: Project) -> tuple[int, str]:
    """Exit code and output of the second command of the README."""
    context = f"context={project.sandbox.context}"
    done = project.pulumi("up", "--stack", "dev", "--config", context, "--yes", "--skip-preview")
    return done.returncode, done.stdout + done.stderr


def edit(project: Project, old: str, new: str) -> None:
    program = project.directory / "__main__.py"
    text = program.read_text(encoding="utf-8")
    assert old in text
    program.write_text(text.replace(old, new, 1), encoding="utf-8")


def gateway(project: Project) -> dict[str, Any]:
    text = project.sandbox.kubectl("get", "configmap", "gateway", "--namespace", NAMESPACE, "--output", "json")
    data: dict[str, Any] = json.loads(text)["data"]
    return data


def test_the_example_brings_both_services_to_ready_and_proves_them(project: Project) -> None:
    code, output = up(project)
    pods = project.objects("pod", NAMESPACE)

    assert code == 0, output
    assert project.names("deployment", NAMESPACE) == ["chat", "reasoning"]
    assert {pod["status"]["phase"] for pod in pods} <= {"Running", "Succeeded"}
    assert len(project.names("job", NAMESPACE)) == 2
    assert gateway(project) == {
        "chat": "http://chat.models.svc:8080",
        "reasoning": "http://reasoning.models.svc:8080",
    }


def test_an_update_without_a_change_changes_nothing(project: Project) -> None:
    code, output = up(project)
    again = project.pulumi("preview", "--stack", "dev", "--expect-no-changes")

    assert code == 0, output
    assert again.returncode == 0, again.stdout


def test_findings_stop_the_program_and_a_crash_fails_the_update_with_its_reason(project: Project) -> None:
    edit(project, "npus=1", "npus=3")
    refused, findings = up(project)
    edit(project, "npus=3", "npus=1")

    assert refused != 0
    assert "error[npu-counts]" in findings
    assert "Traceback" not in findings

    stage_images(project.sandbox, {"crash": CRASH, "slow": Situation(RUNNING, phase="Running", ready_after=2)})
    edit(project, "ascend-vllm:6.3.912", "ascend-vllm:crash")
    crashed, report = up(project)
    edit(project, "ascend-vllm:crash", "ascend-vllm:slow")
    fixed, output = up(project)

    assert crashed != 0
    assert "error[crash-loop]" in report
    assert "Traceback" not in report
    assert fixed == 0, output


def test_a_new_project_of_init_is_checked_previewed_and_deployed(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    team = Project(tmp_path_factory.mktemp("team"), project.sandbox)
    (team.directory / ".venv").symlink_to(sys.prefix)
    made = team.ascend_vllm("init", "--stack", "guiyang", "--context", project.sandbox.context)
    checked = team.ascend_vllm("check")
    created = team.pulumi("stack", "init", "guiyang")
    preview = team.pulumi("preview", "--stack", "guiyang")

    assert (made.returncode, checked.returncode, created.returncode) == (0, 0, 0), made.stderr + checked.stdout
    assert preview.returncode == 0, preview.stdout + preview.stderr
    assert "warning" not in preview.stdout + preview.stderr

    team.up("guiyang")
    status = team.ascend_vllm("status", "guiyang")
    drift = team.ascend_vllm("drift", "guiyang")
    destroyed = team.pulumi("destroy", "--stack", "guiyang", "--yes", "--skip-preview")

    assert status.returncode == 0, status.stdout
    assert "qwen3-8b" in status.stdout
    assert drift.stdout.startswith("no drift")
    assert destroyed.returncode == 0, destroyed.stdout


def test_destroy_leaves_nothing(project: Project) -> None:
    destroyed = project.pulumi("destroy", "--stack", "dev", "--yes", "--skip-preview")
    namespaces = project.sandbox.kubectl("get", "namespace", "--output", "name").split()

    assert destroyed.returncode == 0, destroyed.stdout
    assert f"namespace/{NAMESPACE}" not in namespaces
    assert project.resources("dev") == []
