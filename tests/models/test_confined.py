"""The paths in a stack file lead to files of the project only."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from models.check import check
from models.report import report_text
from models.service.resolve import resolve
from models.stack_file.confined import VARIABLE
from models.stack_file.load import load_text

SERVICE = """    qwen:
      image: registry.example.com/ascend-vllm:6.3.912
      model: {}
      engine: {{maxModelLen: 4096}}
"""
BASE = "services:\n" + SERVICE.format("/mnt/models/Qwen2-7B-Instruct")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project next to a directory with secrets of somebody else."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "services.yaml").write_text(BASE + "password-of-root:\n")
    directory = tmp_path / "project" / "stacks"
    directory.mkdir(parents=True)
    (directory.parent / "Pulumi.yaml").write_text("name: ascend-vllm\n")
    (directory.parent / "services.yaml").write_text(BASE)
    (directory / "link").symlink_to(tmp_path / "outside")
    return directory


def report(directory: Path, keys: str) -> str:
    text = f"config:\n  ascend-vllm:cluster: {{context: prod}}\n{keys}"
    return report_text(check(resolve(load_text("prod", str(directory / "Pulumi.prod.yaml"), text))))


def base(path: object) -> str:
    return f"  ascend-vllm:base: {path}\n"


OUTSIDE = (
    "../../outside/services.yaml",
    "link/services.yaml",
    "{outside}/services.yaml",
    "/proc/self/environ",
    "/etc/passwd",
    "/dev/zero",
    "../../../../../../../../../../etc/passwd",
    "link/../services.yaml",
)


@pytest.mark.parametrize("path", OUTSIDE)
def test_a_base_file_elsewhere_is_refused_and_not_shown(path: str, project: Path) -> None:
    found = report(project, base(path.format(outside=project.parent.parent / "outside")))

    assert "error[base-file]" in found
    assert f"it is outside of the project {project.parent}" in found
    assert "root" not in found.replace(str(project.parent.parent), "")


@pytest.mark.parametrize("key", ["configJson", "verify"])
@pytest.mark.parametrize("path", OUTSIDE)
def test_a_file_of_a_model_elsewhere_is_refused(key: str, path: str, project: Path) -> None:
    name = path.format(outside=project.parent.parent / "outside")
    model = f"{{source: /mnt/models/Qwen2-7B-Instruct, {key}: {name}}}"
    found = report(project, f"  ascend-vllm:services:\n{SERVICE.format(model)}")

    assert f"it is outside of the project {project.parent}" in found


@pytest.mark.parametrize("path", ["../services.yaml", "{project}/services.yaml", "../stacks/../services.yaml"])
def test_a_file_of_the_project_is_read_by_any_path(path: str, project: Path) -> None:
    assert report(project, base(path.format(project=project.parent))).startswith("1 service: 0 errors")


def test_whoever_runs_the_command_can_allow_a_directory(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outside = project.parent.parent / "outside"
    (outside / "services.yaml").write_text(BASE)
    monkeypatch.setenv(VARIABLE, f"/nowhere{os.pathsep}{outside}")

    assert report(project, base("link/services.yaml")).startswith("1 service: 0 errors")


def test_without_a_project_the_directory_of_the_stack_file_counts(tmp_path: Path) -> None:
    (tmp_path / "stack").mkdir()
    (tmp_path / "services.yaml").write_text(BASE)
    (tmp_path / "stack" / "services.yaml").write_text(BASE)

    assert report(tmp_path / "stack", base("services.yaml")).startswith("1 service: 0 errors")
    assert "it is outside of the project" in report(tmp_path / "stack", base("../services.yaml"))


def test_links_in_a_circle_are_a_finding(project: Path) -> None:
    (project / "a").symlink_to("b")
    (project / "b").symlink_to("a")

    assert "error[base-file]" in report(project, base("a"))


def test_a_base_file_of_the_same_repository_is_read_but_no_file_of_git_itself(project: Path) -> None:
    repository = project.parent.parent
    (repository / ".git").mkdir()
    (repository / ".git" / "services.yaml").write_text(BASE)

    assert "base-file" not in report(project, base("../../outside/services.yaml"))
    assert "outside of the project" in report(project, base("../../.git/services.yaml"))
