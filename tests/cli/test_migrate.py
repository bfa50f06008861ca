"""`ascend-vllm migrate`: a new stack file, the old one kept, and a report in three formats."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent, indent

import pytest
from typer.testing import CliRunner, Result

from cli.app import app
from cli.errors import CommandError, ExitCode
from tests.migrate.stacks import stack_text

pytestmark = pytest.mark.slow

LINES = "model: /mnt/models/Qwen2-7B-Instruct\nnpus: 1\nengine: {maxModelLen: 8192, numSchedulerSteps: 8}"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Pulumi.yaml").write_text("name: ascend-vllm\nruntime: python\n")
    (tmp_path / "Pulumi.prod.yaml").write_text(stack_text({"qwen": LINES, "other": LINES}, "0.6.3"))
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["migrate", *arguments])


def refusal(*arguments: str) -> CommandError:
    problem = run(*arguments).exception
    assert isinstance(problem, CommandError)
    return problem


def test_the_new_file_passes_check_and_the_old_one_is_kept() -> None:
    old = Path("Pulumi.prod.yaml").read_text()
    done = run("prod", "--to", "0.23.0")

    assert done.exit_code == 0
    assert Path("Pulumi.prod.yaml.0.6.3").read_text() == old
    assert "v0.23.0" in Path("Pulumi.prod.yaml").read_text()
    assert CliRunner().invoke(app, ["check", "prod"]).exit_code == 0
    assert "next: ascend-vllm diff ./Pulumi.prod.yaml.0.6.3 Pulumi.prod.yaml" in done.stderr


def test_the_command_after_it_shows_the_difference() -> None:
    run("prod", "--to", "0.23.0")
    done = CliRunner().invoke(app, ["diff", "./Pulumi.prod.yaml.0.6.3", "Pulumi.prod.yaml"])

    assert "vLLM 0.6.3 → 0.23.0 itself changes" in done.stdout


def test_a_kept_file_is_never_overwritten() -> None:
    Path("Pulumi.prod.yaml.0.6.3").write_text("mine")
    before = Path("Pulumi.prod.yaml").read_text()
    done = run("prod", "--to", "0.23.0")

    assert Path("Pulumi.prod.yaml.0.6.3").read_text() == "mine"
    assert Path("Pulumi.prod.yaml.0.6.3.2").read_text() == before
    assert "kept: Pulumi.prod.yaml.0.6.3.2\n" in done.stderr


def test_a_dry_run_writes_nothing(project: Path) -> None:
    before = Path("Pulumi.prod.yaml").read_text()

    assert run("prod", "--to", "v0.23.0", "--dry-run").exit_code == 0
    assert Path("Pulumi.prod.yaml").read_text() == before
    assert sorted(file.name for file in project.iterdir()) == ["Pulumi.prod.yaml", "Pulumi.yaml"]


def test_the_new_file_can_be_written_elsewhere() -> None:
    run("prod", "--to", "0.23.0", "-o", "new.yaml")

    assert "v0.23.0" in Path("new.yaml").read_text()
    assert "6.3.912" in Path("Pulumi.prod.yaml").read_text()


def test_one_service_is_migrated_alone() -> None:
    run("prod", "--to", "0.23.0", "--service", "qwen")
    text = Path("Pulumi.prod.yaml").read_text()

    assert text.count("v0.23.0") == 1
    assert text.count("numSchedulerSteps: 8") == 1


def test_values_of_a_base_file_are_overridden_and_the_base_file_stays() -> None:
    services = dedent(stack_text({"qwen": LINES}, "0.6.3").partition("services:\n")[2])
    base = "services:\n" + indent(services, "  ")
    Path("services.yaml").write_text(base)
    Path("Pulumi.prod.yaml").write_text(
        "config:\n  ascend-vllm:cluster: {context: prod}\n  ascend-vllm:base: services.yaml\n"
        "  ascend-vllm:services: {qwen: {replicas: 2}}  # ours\n"
    )
    assert run("prod", "--to", "0.23.0").exit_code == 0

    assert Path("services.yaml").read_text() == base
    assert "numSchedulerSteps: null" in Path("Pulumi.prod.yaml").read_text()
    assert "# ours" in Path("Pulumi.prod.yaml").read_text()
    assert CliRunner().invoke(app, ["check", "prod"]).exit_code == 0


def test_the_report_is_in_80_columns() -> None:
    assert max(map(len, run("prod", "--to", "0.23.0").stdout.splitlines())) <= 80


def test_the_report_as_json_and_markdown() -> None:
    content = json.loads(run("prod", "--to", "0.23.0", "--dry-run", "--format", "json").stdout)
    table = run("prod", "--to", "0.23.0", "--dry-run", "--format", "markdown").stdout

    assert content["version"] == 1
    assert [service["name"] for service in content["services"]] == ["other", "qwen"]
    assert {"kind": "gone"}.items() <= content["services"][1]["changes"][1].items()
    assert "### qwen: 0.6.3 → 0.23.0" in table
    assert "| gone | `engine.numSchedulerSteps: 8` |" in table


def test_something_left_to_do_ends_with_one() -> None:
    lines = "model: /mnt/models/Qwen2-7B-Instruct-AWQ\nnpus: 1\nengine: {maxModelLen: 4096}\nquantization: awq"
    Path("Pulumi.prod.yaml").write_text(stack_text({"qwen": lines}, "0.6.3"))

    assert run("prod", "--to", "0.23.0").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (["prod", "--to", "0.19.0"], "release '0.19.0' is not known", ExitCode.USAGE),
        (["prod", "--to", "0.6.3"], "run vLLM 0.6.3 already", ExitCode.COULD_NOT_RUN),
        (["prod", "--to", "0.23.0", "--service", "quen"], "has no service 'quen'", ExitCode.COULD_NOT_RUN),
        (["prod", "--to", "0.23.0", "--image", "qwen"], "is not SERVICE=IMAGE", ExitCode.USAGE),
        (["dev", "--to", "0.23.0"], "there is no stack 'dev'", ExitCode.USAGE),
    ],
)
def test_what_cannot_be_migrated_is_refused_with_a_fix(arguments: list[str], message: str, code: ExitCode) -> None:
    refused = refusal(*arguments)

    assert message in refused.message
    assert refused.fix
    assert refused.code == code


def test_the_line_ends_of_windows_and_the_comments_are_kept(project: Path) -> None:
    file = project / "Pulumi.prod.yaml"
    old = file.read_text().replace("npus: 1", "npus: 1  # one card").replace("\n", "\r\n").encode()
    file.write_bytes(old)
    run("prod", "--to", "0.23.0")
    new = file.read_bytes()

    assert (project / "Pulumi.prod.yaml.0.6.3").read_bytes() == old
    assert new.count(b"\r\n") == new.count(b"\n")
    assert new.count(b"# one card") == 2
    assert b"v0.23.0" in new
