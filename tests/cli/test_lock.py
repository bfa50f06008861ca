"""`ascend-vllm lock`: what the services are tested with is written down, and `check` holds the stack to it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from cli.app import app
from cli.errors import CommandError, ExitCode
from tests.client.registry_server import DIGEST, StandInRegistry, registry

RULES = Path(__file__).parent.parent / "rules"
OTHER = "sha256:fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9"

STACK = """\
config:
  ascend-vllm:cluster: {context: prod}
  ascend-vllm:services:
    qwen:
      image: IMAGE
      model: /mnt/models/Qwen3-8B
      npus: 1
      engine: {maxModelLen: 8192}
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the stack prod, whose image no registry has."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "Pulumi.yaml").write_text("name: ascend-vllm\nruntime: python\n")
    write_stack("quay.io/ascend/vllm-ascend:v0.23.0")
    return tmp_path


def write_stack(image: str, stack: str = "prod") -> None:
    Path(f"Pulumi.{stack}.yaml").write_text(STACK.replace("IMAGE", image))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def refusal(*arguments: str) -> CommandError:
    """How a command refuses to run."""
    problem = run(*arguments).exception
    assert isinstance(problem, CommandError)
    return problem


def entry(stack: str = "prod") -> dict[str, object]:
    content = yaml.safe_load(Path("ascend-vllm.lock").read_text())
    found: dict[str, object] = content["stacks"][stack]["qwen"]
    return found


def rules(*arguments: str) -> list[str]:
    """The rules that `check` reports."""
    lines = run("check", *arguments).stdout.splitlines()
    return [line.partition("[")[2].partition("]")[0] for line in lines if "]: " in line]


def test_a_lock_has_the_digest_of_the_registry_and_what_belongs_to_the_release() -> None:
    with registry(StandInRegistry()) as server:
        write_stack(server.image)
        done = run("lock", "prod")

    assert done.exit_code == 0
    assert f"asking for the digest of {server.image}" in done.stderr
    assert entry() == {
        "image": server.image,
        "digest": DIGEST,
        "release": "0.23.0",
        "cann": "9.1.0",
        "torch": "2.10.0",
        "torchNpu": "2.10.0.post4",
        "python": "3.12",
        "driver": "25.5.1",
        "soc": "a2",
        "weights": {"path": "/mnt/models/Qwen3-8B"},
    }


def test_the_pods_run_the_image_with_the_locked_digest() -> None:
    run("lock", "prod", "--offline", "--set", f"qwen.digest={DIGEST}")

    assert f"image: quay.io/ascend/vllm-ascend:v0.23.0@{DIGEST}" in run("render", "prod").stdout
    assert rules() == []


def test_without_a_lock_file_the_pods_run_the_image_of_the_stack_file() -> None:
    assert "image: quay.io/ascend/vllm-ascend:v0.23.0\n" in run("render", "prod").stdout


def test_a_digest_in_the_stack_file_is_the_locked_one() -> None:
    write_stack(f"quay.io/ascend/vllm-ascend:v0.23.0@{DIGEST}")

    assert run("lock", "prod").exit_code == 0
    assert entry()["digest"] == DIGEST
    assert rules() == []


def test_a_registry_that_is_not_reached_leaves_the_digest_out_and_ends_with_one() -> None:
    with registry(StandInRegistry()) as server:
        write_stack(server.image)
    done = run("lock", "prod")

    assert done.exit_code == 1
    assert "cannot be reached" in done.stderr
    assert "digest" not in entry()
    assert rules() == []


def test_a_digest_stays_until_it_is_upgraded_or_the_image_changes() -> None:
    with registry(StandInRegistry()) as server:
        write_stack(server.image)
        run("lock", "prod", "--set", f"qwen.digest={OTHER}")
        before = Path("ascend-vllm.lock").read_bytes()
        run("lock", "prod")

        assert Path("ascend-vllm.lock").read_bytes() == before
        run("lock", "--upgrade")
        assert entry()["digest"] == DIGEST

    write_stack("quay.io/ascend/vllm-ascend:v0.18.0")
    run("lock", "prod", "--offline")
    assert "digest" not in entry()
    assert entry()["cann"] == "8.5.1"


TWO = (
    STACK
    + """\
    second:
      image: IMAGE
      model: /mnt/models/Qwen2-7B-Instruct
      npus: 1
      engine: {maxModelLen: 8192}
"""
)


def digests() -> dict[str, object]:
    """The digest of each service of the stack prod."""
    content = yaml.safe_load(Path("ascend-vllm.lock").read_text())
    return {name: locked.get("digest") for name, locked in content["stacks"]["prod"].items()}


def test_services_with_one_image_get_one_digest_with_one_question_to_the_registry() -> None:
    with registry(StandInRegistry()) as server:
        Path("Pulumi.prod.yaml").write_text(TWO.replace("IMAGE", server.image))
        for arguments in (["lock", "prod"], ["lock", "prod", "--upgrade"]):
            done = run(*arguments)

            assert done.stderr.count("asking for the digest") == 1
            assert digests() == {"qwen": DIGEST, "second": DIGEST}


def test_a_given_or_locked_digest_holds_for_the_other_services_with_the_image() -> None:
    Path("Pulumi.prod.yaml").write_text(TWO.replace("IMAGE", "quay.io/ascend/vllm-ascend:v0.23.0"))
    run("lock", "prod", "--offline", "--set", f"second.digest={DIGEST}")
    assert digests() == {"qwen": DIGEST, "second": DIGEST}

    third = "    third: {image: quay.io/ascend/vllm-ascend:v0.23.0, model: /m/Qwen3-8B, engine: {maxModelLen: 8192}}\n"
    Path("Pulumi.prod.yaml").write_text(Path("Pulumi.prod.yaml").read_text() + third)
    assert run("lock", "prod").exit_code == 0
    assert digests() == {"qwen": DIGEST, "second": DIGEST, "third": DIGEST}


def test_services_keep_the_different_digests_that_the_user_gave_them() -> None:
    Path("Pulumi.prod.yaml").write_text(TWO.replace("IMAGE", "quay.io/ascend/vllm-ascend:v0.23.0"))
    run("lock", "prod", "--offline", "--set", f"qwen.digest={DIGEST}", "--set", f"second.digest={OTHER}")
    run("lock", "prod", "--offline")

    assert digests() == {"qwen": DIGEST, "second": OTHER}


def test_a_lock_with_another_digest_than_the_stack_file_is_refused_until_it_is_locked_again() -> None:
    write_stack(f"quay.io/ascend/vllm-ascend:v0.23.0@{DIGEST}")
    run("lock", "prod", "--offline")
    lock = Path("ascend-vllm.lock")
    lock.write_text(lock.read_text().replace(f"digest: {DIGEST}", f"digest: {OTHER}"))

    assert rules() == ["lock-outdated"]
    run("lock", "prod", "--offline")
    assert rules() == []
    assert entry()["digest"] == DIGEST


def test_a_digest_that_contradicts_the_stack_file_is_refused() -> None:
    write_stack(f"quay.io/ascend/vllm-ascend:v0.23.0@{DIGEST}")
    refused = refusal("lock", "prod", "--offline", "--set", f"qwen.digest={OTHER}")

    assert refused.code == ExitCode.USAGE
    assert refused.message == f"--set qwen.digest={OTHER}: the stack file has the image with the digest {DIGEST}"
    assert not Path("ascend-vllm.lock").exists()


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("", "remove ascend-vllm.lock, and run ascend-vllm lock"),
        ("# nothing\n", "remove ascend-vllm.lock, and run ascend-vllm lock"),
        ("- prod\n", "remove ascend-vllm.lock, and run ascend-vllm lock"),
        ("locked\n", "remove ascend-vllm.lock, and run ascend-vllm lock"),
        ("stacks: {}\n", "in ascend-vllm.lock, write version: 1"),
        ("version: 1\n", "in ascend-vllm.lock, write stacks: {}"),
        (
            "version: 1\nstacks: {prod: {qwen: {image: a:1, release: 0.23.0}}}\n",
            "in ascend-vllm.lock, remove stacks.prod.qwen, and run ascend-vllm lock prod",
        ),
        (
            "version: 1\nstacks: {prod: {qwen: {image: a:1, release: 0.23.0, weights: {}}}}\n",
            "in ascend-vllm.lock, remove stacks.prod.qwen, and run ascend-vllm lock prod",
        ),
    ],
)
def test_the_fix_of_an_incomplete_lock_file_leads_to_one_that_can_be_read(text: str, fix: str) -> None:
    Path("ascend-vllm.lock").write_text(text)
    (finding,) = json.loads(run("check", "prod", "--format", "json").stdout)["findings"]

    assert finding["fix"] == fix


@pytest.mark.parametrize(("written", "fixed"), [("3.10", "3.10"), ("9", "9")])
def test_the_fix_of_a_version_without_quotes_keeps_its_digits(written: str, fixed: str) -> None:
    run("lock", "prod", "--offline")
    lock = Path("ascend-vllm.lock")
    lock.write_text(lock.read_text().replace("python: '3.12'", f"python: {written}  # from the image"))
    (finding,) = json.loads(run("check", "prod", "--format", "json").stdout)["findings"]

    assert finding["fix"] == f'in ascend-vllm.lock, write python: "{fixed}"'


def test_an_entry_with_a_name_that_no_service_has_is_only_left_over() -> None:
    run("lock", "prod", "--offline")
    lock = Path("ascend-vllm.lock")
    lock.write_text(lock.read_text() + lock.read_text().partition("  prod:\n")[2].replace("qwen", "Qwen_3"))

    assert rules() == ["lock-unused"]
    run("lock", "prod", "--offline")
    assert rules() == []


def test_given_facts_stay_and_are_held_against_the_release() -> None:
    run("lock", "prod", "--offline", "--set", "qwen.cann=8.5.1")
    run("lock", "prod", "--offline")

    assert entry()["cann"] == "8.5.1"
    assert rules() == ["lock-pairing"]


def test_a_changed_image_is_refused_until_the_stack_is_locked_again() -> None:
    run("lock", "prod", "--offline", "--set", f"qwen.digest={DIGEST}")
    write_stack("quay.io/ascend/vllm-ascend:v0.23.0-a3")

    assert rules() == ["lock-outdated"]
    run("lock", "prod", "--offline")
    assert rules() == []


def test_an_entry_of_a_removed_service_is_a_warning_that_the_command_removes() -> None:
    run("lock", "prod", "--offline")
    text = Path("Pulumi.prod.yaml").read_text()
    Path("Pulumi.prod.yaml").write_text(text.replace("    qwen:", "    qwen-new:"))

    assert rules() == ["lock-unused", "lock-outdated"]
    run("lock", "prod", "--offline")
    assert rules() == []


def test_stacks_are_locked_each_by_itself() -> None:
    write_stack("quay.io/ascend/vllm-ascend:v0.18.0", "dev")
    run("lock", "prod", "--offline", "--set", "qwen.digest=" + DIGEST)
    locked = entry()
    run("lock", "dev", "--offline")

    assert entry() == locked
    assert entry("dev")["image"] == "quay.io/ascend/vllm-ascend:v0.18.0"


def test_a_broken_section_of_another_stack_is_not_the_problem_of_this_one() -> None:
    run("lock", "prod", "--offline")
    text = Path("ascend-vllm.lock").read_text()
    Path("ascend-vllm.lock").write_text(text + "  dev:\n    qwen: {image: 5}\n")

    assert rules("prod") == []
    assert run("lock", "prod", "--offline").exit_code == 0
    assert yaml.safe_load(Path("ascend-vllm.lock").read_text())["stacks"]["dev"] == {"qwen": {"image": 5}}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("cann: 9.1.0", "cann: 9"),
        ("driver:", "divers:"),
        ("version: 1", "version: 2"),
        ("stacks:", "stack:"),
        ("  prod:", "  prod: ["),
        ("path: /mnt", "path: mnt"),
    ],
)
def test_a_lock_file_that_cannot_be_read_is_an_error_and_is_not_overwritten(before: str, after: str) -> None:
    run("lock", "prod", "--offline")
    broken = Path("ascend-vllm.lock").read_text().replace(before, after, 1)
    Path("ascend-vllm.lock").write_text(broken)

    assert set(rules()) == {"lock-file"}
    refused = refusal("lock", "prod", "--offline")
    assert refused.code == ExitCode.COULD_NOT_RUN
    assert "ascend-vllm.lock" in refused.message
    assert Path("ascend-vllm.lock").read_text() == broken


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("qwen.cann", "is not SERVICE.KEY=VALUE"),
        ("cann=9.1.0", "is not SERVICE.KEY=VALUE"),
        ("qwen.image=a:1", "has no key image that can be given"),
        ("llama.cann=9.1.0", "there is no service llama"),
        ("qwen.digest=latest", "must be sha256: and 64 hexadecimal digits"),
    ],
)
def test_a_wrong_fact_is_refused_and_nothing_is_written(argument: str, message: str) -> None:
    refused = refusal("lock", "prod", "--offline", "--set", argument)

    assert refused.code == ExitCode.USAGE
    assert message in refused.message
    assert not Path("ascend-vllm.lock").exists()


def test_a_stack_with_schema_errors_is_not_locked() -> None:
    write_stack("a b")
    refused = refusal("lock", "prod", "--offline")

    assert refused.code == ExitCode.COULD_NOT_RUN
    assert refused.message == "stack prod has schema errors: qwen"
    assert not Path("ascend-vllm.lock").exists()


def test_a_changed_lock_file_touches_its_stacks(project: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        subprocess.run(["git", "-C", str(project), *identity, *arguments], check=True, capture_output=True)

    git("init", "--initial-branch=main")
    git("add", ".")
    git("commit", "--message=first")
    run("lock", "prod", "--offline", "--set", f"qwen.digest={DIGEST}")

    assert run("touched").stdout.split() == ["prod", "ascend-vllm.lock"]
    changes = run("diff", "prod").stdout
    assert f"v0.23.0@{DIGEST}" in changes or DIGEST.removeprefix("sha256:")[:12] in changes


@pytest.mark.parametrize("rule", ["lock-file", "lock-pairing"])
def test_the_fix_of_a_finding_about_the_lock_file_works_when_it_is_applied_literally(rule: str) -> None:
    for name in ("refused.yaml", "ascend-vllm.lock"):
        Path(name).write_text((RULES / rule / name).read_text())
    (finding,) = json.loads(run("check", "refused.yaml", "--format", "json").stdout)["findings"]
    edit = re.match(r"in ascend-vllm\.lock, write (\w+): ([^,]+)", finding["fix"])
    assert edit is not None
    line = finding["locations"][-1]["line"] - 1

    lines = Path("ascend-vllm.lock").read_text().splitlines()
    lines[line] = f"      {edit[1]}: {edit[2]}"
    Path("ascend-vllm.lock").write_text("\n".join(lines) + "\n")

    assert rules("refused.yaml") == []
