"""`init`: a project for a team, in an empty directory and from the manual's files."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cli.commands import init
from cli.new_project import NewProject, project_files
from cli.program_requirement import program_requirement, requirement_of
from tests.cli.conftest import Console
from tests.cli.repositories import git
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: prod-guiyang
contexts: [{name: prod-guiyang, context: {cluster: a, user: a}}]
"""
WORKFLOWS = ("comment.yml", "deploy.yml", "drift.yml", "preview.yml")


@pytest.fixture(autouse=True)
def no_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))


def content(file: str) -> dict[str, object]:
    value: dict[str, object] = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
    return value


def test_an_empty_directory_becomes_a_project_that_check_accepts(console: Console) -> None:
    made = console("init")

    assert (made.code, made.out) == (0, "1 service: 0 errors, 0 warnings, 0 accepted\n")
    assert "pulumi stack init prod" in made.err
    assert console("check").code == 0
    assert content("Pulumi.prod.yaml")["config"] == {
        "ascend-vllm:cluster": {"context": "my-cluster", "platform": "cce"},
        "ascend-vllm:base": "services.yaml",
    }
    assert sorted(file.name for file in Path(".github/workflows").iterdir()) == list(WORKFLOWS)
    assert {file.name for file in Path().glob("Pulumi*.yaml")} == {"Pulumi.yaml", "Pulumi.prod.yaml"}


def test_the_stack_has_the_current_context_of_the_kubeconfig(
    console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text(KUBECONFIG)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))

    assert "context: prod-guiyang" in console("init").err


@pytest.mark.parametrize("context", ["kubernetes-admin@kubernetes", "arn:aws:eks:a: b #c", "123", "上海", "it's"])
def test_a_context_is_written_so_that_yaml_reads_the_same_text(console: Console, context: str) -> None:
    console("init", "--context", context, "--namespace", "models")

    assert content("Pulumi.prod.yaml")["config"]["ascend-vllm:cluster"] == {  # type: ignore[index]
        "context": context,
        "platform": "cce",
        "namespace": {"name": "models", "create": False},
    }


def test_a_project_of_another_name_has_its_keys_and_its_schema(console: Console) -> None:
    assert console("init", "--name", "chat-team", "--stack", "gz").code == 0

    schema = json.loads(Path("schema/stack.schema.json").read_text(encoding="utf-8"))
    assert content("Pulumi.yaml")["name"] == "chat-team"
    assert "chat-team:base" in content("Pulumi.gz.yaml")["config"]  # type: ignore[operator]
    assert "chat-team:cluster" in schema["properties"]["config"]["properties"]
    assert console("check", "gz").code == 0


def test_the_files_of_the_manual_become_the_services(console: Console, tmp_path: Path) -> None:
    shutil.copy(ROOT / "tests" / "manual" / "config.yaml", tmp_path)
    shutil.copy(ROOT / "tests" / "manual" / "openai-text.sh", tmp_path / "run_vllm.sh")
    values = (
        "--set",
        "image_name=registry.example.com/ascend-vllm:6.3.912",
        "--set",
        "model-path=/mnt/models/Qwen2-7B",
    )
    made = console("init", "config.yaml", "run_vllm.sh", "--context", "prod", *values)

    services = content("services.yaml")["services"]
    assert list(services) == ["yourapp"]  # type: ignore[call-overload]
    assert made.code == 1
    assert "warning[idle-npus]" in made.out
    assert "--> services.yaml:" in made.out
    assert made.out.startswith("kept      image 8 NPUs")
    assert console("script", "prod", "yourapp").code == 0


def test_a_placeholder_of_the_manual_is_an_error_at_its_line(console: Console, tmp_path: Path) -> None:
    shutil.copy(ROOT / "tests" / "manual" / "config.yaml", tmp_path)
    shutil.copy(ROOT / "tests" / "manual" / "plain.sh", tmp_path)
    made = console("init", "config.yaml", "plain.sh")

    assert made.code == 1
    assert "error[placeholder]" in made.out
    assert "--> services.yaml:" in made.out


def test_nothing_is_overwritten_and_nothing_is_written_beside_it(console: Console) -> None:
    Path("services.yaml").write_text("services: {}\n")
    refused = console("init")

    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith("error: services.yaml: already here")
    assert [file.name for file in Path().iterdir()] == ["services.yaml"]


def test_a_second_init_is_refused(console: Console) -> None:
    console("init")
    before = {file: file.read_bytes() for file in Path().rglob("*") if file.is_file()}

    assert console("init", "--stack", "dev").code == 2
    assert {file: file.read_bytes() for file in Path().rglob("*") if file.is_file()} == before


def test_the_readme_of_a_new_repository_is_kept(console: Console) -> None:
    Path("README.md").write_text("ours\n")
    made = console("init")

    assert made.code == 0
    assert "kept      README.md" in made.err
    assert Path("README.md").read_text() == "ours\n"


@pytest.mark.parametrize("name", ["../prod", "a b", "", "-x", "组", "a/b"])
@pytest.mark.parametrize("option", ["--stack", "--name"])
def test_a_name_that_pulumi_refuses_is_wrong_usage(console: Console, option: str, name: str) -> None:
    refused = console("init", f"{option}={name}")

    assert refused.code == 2
    assert list(Path().iterdir()) == []


def test_a_directory_that_cannot_be_written_ends_with_3(console: Console) -> None:
    Path("schema").write_text("a file\n")
    made = console("init")

    assert made.code == 3
    assert made.err.startswith("error: schema/")
    assert [file.name for file in Path().rglob("*") if file.is_file()] == ["schema"]


def test_a_link_that_leads_nowhere_is_not_followed(console: Console, tmp_path: Path) -> None:
    Path("services.yaml").symlink_to(tmp_path / "elsewhere" / "services.yaml")

    assert console("init").code == 2
    assert [file.name for file in Path().iterdir()] == ["services.yaml"]


@pytest.mark.parametrize("directory", [".github", "schema", ".github/actions"])
def test_no_file_is_written_through_a_linked_directory(console: Console, tmp_path: Path, directory: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    Path(directory).parent.mkdir(exist_ok=True)
    Path(directory).symlink_to(elsewhere)
    made = console("init")

    assert (made.code, made.out) == (2, "")
    assert f"{directory} is a link to {elsewhere}" in made.err
    assert not any(elsewhere.iterdir())
    assert not Path("Pulumi.yaml").exists()


def test_no_placeholder_is_left_in_a_file() -> None:
    project = NewProject(name="n", stack="s", cluster={"context": "c"}, services=init.EXAMPLE, requirement="r")

    for path, text in project_files(project).items():
        assert "@stack@" not in text, path
        assert "@project@" not in text, path
        assert "@requirement@" not in text, path


def test_an_installed_package_contains_every_file_that_init_copies() -> None:
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

    for path in init.project_files.__globals__["_OF_PROGRAM"].values():
        assert f'"{path}" = "cli/project_files/program/{path}"' in settings


@pytest.mark.slow
def test_the_workflows_pass_the_linter_of_workflows(console: Console, tmp_path: Path) -> None:
    console("init")
    zizmor = Path(sys.executable).parent / "zizmor"
    command = [str(zizmor), "--offline", "--persona", "pedantic", "--color", "never", str(tmp_path / ".github")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


COMMIT = "4f1d2c0" * 5


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("https://git.example.com/a.git", f"git+https://git.example.com/a.git@{COMMIT}"),
        ("https://user:token@git.example.com/a.git", f"git+https://git.example.com/a.git@{COMMIT}"),
        ("ssh://git@git.example.com:22/a.git", f"git+ssh://git@git.example.com:22/a.git@{COMMIT}"),
    ],
)
def test_an_installation_from_git_is_required_from_git(url: str, line: str) -> None:
    origin = {"url": url, "vcs_info": {"vcs": "git", "commit_id": COMMIT}}

    assert requirement_of(origin).line == f"ascend-vllm @ {line}"


def test_an_installation_from_a_wheel_is_required_from_the_wheel() -> None:
    origin = {"url": "https://u:p@example.com/ascend_vllm-0.1.0-py3-none-any.whl", "archive_info": {}}

    assert requirement_of(origin).line == "ascend-vllm @ https://example.com/ascend_vllm-0.1.0-py3-none-any.whl"


@pytest.mark.parametrize(
    ("remote", "line"),
    [
        ("git@git.example.com:team/program.git", "ascend-vllm @ git+ssh://git@git.example.com/team/program.git@COMMIT"),
        (
            "https://user:token@git.example.com/program.git",
            "ascend-vllm @ git+https://git.example.com/program.git@COMMIT",
        ),
        # The pip of Python 3.11 (23.2) refuses a URL without a host after a name.
        ("/srv/git/program.git", "git+file:///srv/git/program.git@COMMIT#egg=ascend-vllm"),
    ],
)
def test_a_checkout_is_required_from_its_remote_repository(tmp_path: Path, remote: str, line: str) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    (tmp_path / "file").touch()
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "--quiet", "--message", "one")
    git(tmp_path, "remote", "add", "origin", remote)
    commit = (tmp_path / ".git" / "refs" / "heads" / "main").read_text().strip()
    found = requirement_of({"url": tmp_path.as_uri(), "dir_info": {"editable": True}})

    assert found.line == line.replace("COMMIT", commit)
    assert found.caution == "the commit is not pushed yet"


def test_a_checkout_without_a_remote_repository_is_required_by_its_path(tmp_path: Path) -> None:
    directory = tmp_path / "my program"
    directory.mkdir()
    found = requirement_of({"url": directory.as_uri(), "dir_info": {}})

    assert found.line == f"ascend-vllm @ {directory.as_uri()}"
    assert "a directory of this machine" in found.caution


def test_this_installation_has_a_requirement() -> None:
    line = program_requirement().line

    assert line.startswith("ascend-vllm") or line.endswith("#egg=ascend-vllm")
