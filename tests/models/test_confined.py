"""The paths in a stack file lead to files of the project only."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from models.check import check
from models.report import report_text
from models.service.resolve import resolve
from models.stack_file.confined import VARIABLE
from models.stack_file.load import load_stack, load_text

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


def test_a_stack_file_that_is_a_link_leads_nowhere_else(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = f"config:\n  ascend-vllm:cluster: {{context: prod}}\n{base('../services.yaml')}"
    (project.parent / "real.yaml").write_text(stack.replace("../", ""))
    (project.parent / "Pulumi.inside.yaml").symlink_to("real.yaml")
    (project.parent.parent / "outside" / "config").write_text("users: somebody\n")
    (project.parent / "Pulumi.outside.yaml").symlink_to("../outside/config")
    monkeypatch.chdir(project.parent)

    assert load_stack("inside").findings == ()
    with pytest.raises(OSError, match="outside of the project"):
        load_stack("outside")
    with_values = load_stack("outside", {"ascend-vllm:cluster": "5"})
    assert "somebody" not in report_text(check(resolve(with_values))), "values that Pulumi has read"


def test_nothing_of_a_text_that_is_no_mapping_is_shown(project: Path) -> None:
    loaded = load_text("prod", str(project / "Pulumi.prod.yaml"), "PATH=/bin SESSION=20228\n")

    assert "20228" not in report_text(check(resolve(loaded)))


def git(directory: Path, *arguments: str) -> None:
    settings = ("user.name=a", "user.email=a@example.com", "protocol.file.allow=always")
    options = [word for setting in settings for word in ("-c", setting)]
    subprocess.run(["git", *options, *arguments], cwd=directory, check=True, capture_output=True)


def repository(directory: Path) -> Path:
    """A git repository with a base file and a project that is not at its top."""
    (directory / "teams" / "search").mkdir(parents=True)
    (directory / "services.yaml").write_text(BASE)
    (directory / "teams" / "search" / "Pulumi.yaml").write_text("name: ascend-vllm\n")
    git(directory, "init", "--quiet")
    git(directory, "add", ".")
    git(directory, "commit", "--quiet", "--message=one")
    return directory


def reads(directory: Path, path: object) -> bool:
    """Whether a stack file in a directory may name a file."""
    found = report(directory, base(path))
    assert "outside of the project" in found or found.startswith("1 service: 0 errors")
    return "outside of the project" not in found


def test_a_project_in_a_monorepo_reads_files_of_the_repository(tmp_path: Path) -> None:
    project = repository(tmp_path / "mono") / "teams" / "search"
    (tmp_path / "services.yaml").write_text(BASE)

    assert reads(project, "../../services.yaml")
    assert not reads(project, "../../../services.yaml")


def test_a_worktree_is_a_repository_of_its_own(tmp_path: Path) -> None:
    git(repository(tmp_path / "mono"), "worktree", "add", "--quiet", "../branch")
    project = tmp_path / "branch" / "teams" / "search"

    assert reads(project, "../../services.yaml")
    assert not reads(project, tmp_path / "mono" / "services.yaml")


def test_a_submodule_does_not_read_files_of_the_repository_around_it(tmp_path: Path) -> None:
    around = repository(tmp_path / "around")
    git(around, "submodule", "add", "--quiet", str(repository(tmp_path / "inner")), "inner")
    project = around / "inner" / "teams" / "search"

    assert reads(project, "../../services.yaml")
    assert not reads(project, "../../../services.yaml")


def test_a_link_to_a_project_leads_to_the_files_of_the_real_project(tmp_path: Path) -> None:
    project = repository(tmp_path / "mono") / "teams" / "search"
    (tmp_path / "services.yaml").write_text(BASE)
    (tmp_path / "link").symlink_to(project)

    assert reads(tmp_path / "link", "../../services.yaml")
    assert not reads(tmp_path / "link", tmp_path / "services.yaml")


@pytest.mark.parametrize("name", [".git", "Pulumi.yaml"])
def test_a_home_directory_is_not_the_project_of_what_is_below_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_text(BASE)
    if name == ".git":
        git(tmp_path, "init", "--quiet")
    else:
        (tmp_path / "Pulumi.yaml").write_text("name: ascend-vllm\n")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "services.yaml").write_text(BASE)

    assert reads(tmp_path / "code", "services.yaml")
    assert not reads(tmp_path / "code", "../.kube/config")
    assert reads(tmp_path, "code/services.yaml"), "a project in the home directory itself"


@pytest.mark.root
def test_a_repository_of_another_user_is_not_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = repository(tmp_path / "mono") / "teams" / "search"
    os.chown(tmp_path / "mono" / ".git", 12345, 12345)

    assert not reads(project, "../../services.yaml")
