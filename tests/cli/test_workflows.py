"""The workflows of CI: their shell runs, job by job, where a runner would, and they ask for no more than they need."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from cli.app import app
from tests.cli.hub import REPOSITORY, Hub, hub
from tests.cli.repositories import commit, git
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PREPARE = ROOT / ".github" / "actions" / "prepare" / "action.yml"
ASKING = ("drift", "smoke")
"""Commands that need a cluster; a recorder stands in for them here, their own tests run them."""

VALUES = {
    "github.token": "t",
    "matrix.stack": "prod",
    "inputs.kubeconfig": "apiVersion: v1",
    "secrets.PULUMI_ACCESS_TOKEN": "t",
    "secrets.PULUMI_CONFIG_PASSPHRASE": "p",
    "vars.PULUMI_BACKEND_URL": "https://pulumi.example.com",
    "vars.PREVIEW_STACKS || '[]'": '["staging","prod"]',
    "github.event.workflow_run.head_repository.full_name": "me/fork",
    "github.event.workflow_run.head_branch": "topic/1",
    "github.event.workflow_run.head_sha": "a" * 40,
}
"""What the expressions of `env` are in these runs; one that is not here fails the test."""

RECORDER = """\
#!/bin/sh
echo "$(basename "$0") $*" >> "$RECORD"
[ "$(basename "$0") $1" = "ascend-vllm drift" ] && echo "replicas 3 → 5" && exit "${DRIFT:-0}"
exit 0
"""


def jobs(file: Path) -> dict[str, dict[str, Any]]:
    """The jobs of a workflow; an action is one job."""
    text = yaml.safe_load(file.read_text(encoding="utf-8"))
    found: dict[str, dict[str, Any]] = text["jobs"] if "jobs" in text else {"action": text["runs"]}
    return found


def steps(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, job in jobs(file).items():
        for step in job["steps"]:
            yield name, step


@dataclass
class Runner:
    """A machine with a checkout, on which the steps of a job are run one after the other."""

    home: Path
    hub: Hub
    drift: int = 0

    @property
    def checkout(self) -> Path:
        return self.home / "checkout"

    @property
    def record(self) -> list[str]:
        """The commands that were asked of the recorders."""
        file = self.home / "record"
        return file.read_text().splitlines() if file.exists() else []

    def file(self, name: str) -> Path:
        path = self.home / name
        path.touch()
        return path

    def run(self, file: Path, name: str) -> list[int]:
        """The exit codes of a job's steps that have a script; those behind a failure are run as well."""
        job = jobs(file)[name]
        outputs: dict[str, str] = {}
        return [self.step(step, job.get("env"), outputs) for step in job["steps"] if "run" in step]

    def step(
        self, step: dict[str, Any], shared: dict[str, str] | None = None, outputs: dict[str, str] | None = None
    ) -> int:
        """The exit code of a step; what it says to the steps behind it is added to the outputs."""
        shared, outputs = shared or {}, {} if outputs is None else outputs
        output = self.file("output")
        output.write_text("")
        own = {key: self._value(text, outputs) for key, text in {**shared, **step.get("env", {})}.items()}
        environment = {
            "PATH": f"{self.home / 'recorders'}:{self.hub.bin}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "RUNNER_TEMP": str(self.home),
            "RECORD": str(self.home / "record"),
            "DRIFT": str(self.drift),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(self.file("summary")),
            "GITHUB_REPOSITORY": REPOSITORY,
            **own,
        }
        script = self.file("step.sh")
        script.write_text(step["run"])
        line = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)]
        done = subprocess.run(line, cwd=self.checkout, env=environment, capture_output=True, text=True, check=False)
        log = self.file("log")
        log.write_text(f"{log.read_text()}\n{step['run']}\n{done.stdout}{done.stderr}")
        for said in output.read_text().splitlines():
            key, _, value = said.partition("=")
            outputs[f"steps.{step['id']}.outputs.{key}"] = value
        return done.returncode

    @staticmethod
    def _value(text: str, outputs: dict[str, str]) -> str:
        return re.sub(r"\$\{\{ (.*?) \}\}", lambda found: {**VALUES, **outputs}[found[1]], text)

    @property
    def log(self) -> str:
        return (self.home / "log").read_text()


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runner:
    """A checkout as of a pull request: a merge whose first parent is main, with a change of the stack prod."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    checkout, recorders = tmp_path / "checkout", tmp_path / "recorders"
    checkout.mkdir()
    recorders.mkdir()
    for file in ("Pulumi.yaml", "Pulumi.dev.yaml", "Pulumi.prod.yaml", "services.yaml", "Makefile", ".gitignore"):
        (checkout / file).write_bytes((ROOT / file).read_bytes())
    git(checkout, "init", "--quiet", "--initial-branch", "main")
    commit(checkout)
    git(checkout, "checkout", "--quiet", "-b", "topic")
    prod = checkout / "Pulumi.prod.yaml"
    longer = "      replicas: 2\n      engine: {maxModelLen: 16384}\n"
    prod.write_text(prod.read_text().replace("      replicas: 2\n", longer))
    commit(checkout)
    git(checkout, "checkout", "--quiet", "--detach", "main")
    git(checkout, "merge", "--quiet", "--no-ff", "--message", "a", "topic")
    git(checkout, "branch", "--delete", "--force", "main")
    for name in ("make", "pulumi", "ascend-vllm"):
        (recorders / name).write_text(RECORDER)
        (recorders / name).chmod(0o755)
    program = checkout / ".venv" / "bin" / "ascend-vllm"
    program.parent.mkdir(parents=True)
    asking = "|".join(ASKING)
    real = f'PYTHONPATH={ROOT} exec {sys.executable} -m cli "$@"'
    program.write_text(f'#!/bin/sh\ncase "$1" in {asking}) exec {recorders}/ascend-vllm "$@";; esac\n{real}\n')
    program.chmod(0o755)
    return Runner(tmp_path, hub(tmp_path / "hub"))


def workflow(name: str) -> Path:
    return ROOT / ".github" / "workflows" / f"{name}.yml"


def test_a_pull_request_is_checked_and_compared(runner: Runner) -> None:
    codes = runner.run(workflow("preview"), "review")

    assert codes == [0] * len(codes), runner.log
    assert 'stacks=["prod"]' in runner.log
    assert "\n::notice" in runner.log
    assert sorted(file.name for file in (runner.home / "comments").iterdir()) == ["prod.md", "touched.json"]
    assert "8192 → 16384" in (runner.home / "summary").read_text()


def test_a_pull_request_with_an_error_fails_and_still_gets_its_comment(runner: Runner) -> None:
    prod = runner.checkout / "Pulumi.prod.yaml"
    prod.write_text(prod.read_text().replace("npus: 2", "npus: eight"))

    codes = runner.run(workflow("preview"), "review")

    assert codes == [0, 0, 0, 1, 0], runner.log
    assert "::error file=Pulumi.prod.yaml,line=" in runner.log
    assert "npus must be a whole number" in (runner.home / "summary").read_text()


def test_only_requested_stacks_are_previewed_with_credentials(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(VALUES, "vars.PREVIEW_STACKS || '[]'", '["dev"]')
    runner.run(workflow("preview"), "review")
    codes = runner.run(workflow("preview"), "pulumi")

    assert "stacks=[]\n" in runner.log
    assert codes == [0], runner.log
    assert runner.record == ["pulumi preview --stack prod --diff --non-interactive --color never"]


def test_the_comment_is_posted_and_then_updated(runner: Runner) -> None:
    runner.run(workflow("preview"), "review")
    first = runner.run(workflow("comment"), "comment")
    (runner.home / "comments" / "prod.md").write_text("other")
    second = runner.run(workflow("comment"), "comment")

    assert (first, second) == ([0], [0]), runner.log
    assert runner.hub.bodies() == ["<!-- ascend-vllm review: prod -->\nother"]
    assert [method for method, _ in runner.hub.state["writes"]] == ["POST", "PATCH"]


@pytest.mark.parametrize("stack", ["dev", "staging", "prod"])
def test_a_merge_is_deployed_and_then_asked(runner: Runner, stack: str) -> None:
    codes = runner.run(workflow("deploy"), stack)

    assert codes == [0, 0], runner.log
    up = f"pulumi up --stack {stack} --yes --diff --non-interactive --color never"
    assert runner.record == [up, f"ascend-vllm smoke {stack}"]


def test_environments_are_deployed_one_after_the_other() -> None:
    deployed = jobs(workflow("deploy"))

    assert [(name, job.get("needs", [])) for name, job in deployed.items()] == [
        ("dev", []),
        ("staging", ["dev"]),
        ("prod", ["dev", "staging"]),
    ]
    assert all(job["environment"] == name and f"'{name}')" in job["if"] for name, job in deployed.items())
    assert all("!failure()" in deployed[name]["if"] for name in ("staging", "prod")), "a failure ends it"


@pytest.mark.parametrize(
    ("drift", "codes", "state", "reason"),
    [
        (1, [0, 0, 0], ["open"], "there is drift"),
        (0, [0, 0, 0], ["closed"], "it is gone"),
        (3, [0, 0, 3], ["open"], "the cluster cannot be read, so nobody knows"),
    ],
)
def test_drift_is_an_issue_until_it_is_gone(
    runner: Runner, drift: int, codes: list[int], state: list[str], reason: str
) -> None:
    runner.drift = 1
    runner.run(workflow("drift"), "drift")
    runner.drift = drift

    assert runner.run(workflow("drift"), "drift") == codes, runner.log
    assert [issue["state"] for issue in runner.hub.state["issues"]] == state, reason
    assert "replicas 3 → 5" in runner.hub.bodies("issues")[0]


def test_what_a_cluster_contains_is_code_in_the_summary(runner: Runner) -> None:
    recorder = runner.home / "recorders" / "ascend-vllm"
    recorder.write_text("#!/bin/sh\nprintf 'image: a\\r# Title\\n```\\n<img src=x>\\n'\n")

    runner.run(workflow("drift"), "drift")

    assert (runner.home / "summary").read_text() == "    image: a # Title\n    ```\n    <img src=x>\n"


def test_the_kubeconfig_is_for_its_owner_only(runner: Runner) -> None:
    codes = runner.run(PREPARE, "action")

    assert codes == [0, 0], runner.log
    assert runner.record == ["make setup"]
    written = runner.home / ".kube" / "config"
    assert (written.read_text(), written.stat().st_mode & 0o777) == ("apiVersion: v1\n", 0o600)


def test_ci_runs_what_a_contributor_runs(runner: Runner) -> None:
    assert runner.run(workflow("ci"), "test") == [0, 0]
    assert runner.record == ["make quick", "make test"]


def documented(language: str) -> str:
    """The only block of a language in docs/ci.md."""
    page = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    (block,) = re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    return str(block)


def test_the_commands_for_other_systems_run_as_the_page_has_them(runner: Runner) -> None:
    gitlab = yaml.safe_load(documented("yml"))
    lines = [line for job in ("review", "deploy", "drift") for line in gitlab[job]["script"]]
    lines += ["rm -r comments", *documented("sh").splitlines()]
    given = {"CI_MERGE_REQUEST_DIFF_BASE_SHA": "HEAD^1", "BASE": "HEAD^1", "STACK": "prod"}

    codes = [runner.step({"run": line, "env": given}) for line in lines]

    assert codes == [0] * len(codes), runner.log
    up = "pulumi up --stack prod --yes --diff --non-interactive"
    assert runner.record.count(up) == 2
    assert runner.record.count("ascend-vllm drift prod") == 2
    assert "8192 → 16384" in (runner.checkout / "comments" / "prod.md").read_text()


@pytest.mark.parametrize("file", [*WORKFLOWS, PREPARE], ids=lambda file: file.stem)
def test_a_step_is_a_line_of_shell_without_expressions(file: Path) -> None:
    """What others may write, such as the name of a branch, comes through the environment only."""
    scripts = [step["run"] for _, step in steps(file) if "run" in step]

    assert scripts
    assert all("${{" not in script and "\n" not in script for script in scripts)


@pytest.mark.parametrize("file", [*WORKFLOWS, PREPARE], ids=lambda file: file.stem)
def test_make_targets_and_commands_are_there(file: Path) -> None:
    scripts = "\n".join(step["run"] for _, step in steps(file) if "run" in step)
    program: Any = typer.main.get_command(app)
    known = set(program.commands)
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert {*re.findall(r"bin/ascend-vllm ([a-z]+)", scripts)} <= {*known}
    assert {*re.findall(r"^make ([a-z-]+)", scripts, re.MULTILINE)} <= {*targets}


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_every_job_ends_has_few_permissions_and_pinned_actions(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    top = yaml.safe_load(text)

    assert "concurrency" in top
    assert top["permissions"] in ({}, {"contents": "read"})
    assert all("timeout-minutes" in job for job in top["jobs"].values())
    foreign = [line for line in text.splitlines() if "uses: " in line and "uses: ./" not in line]
    assert all(re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line) for line in foreign)


def test_only_what_runs_the_code_of_main_may_write() -> None:
    writing = {
        (file.stem, scope)
        for file in WORKFLOWS
        for job in jobs(file).values()
        for scope, right in job.get("permissions", {}).items()
        if right == "write"
    }

    assert writing == {("comment", "pull-requests"), ("drift", "issues")}
    assert "pull_request_target" not in "".join(file.read_text() for file in WORKFLOWS)
    (checkout,) = [step for _, step in steps(workflow("comment")) if "checkout" in step.get("uses", "")]
    assert checkout["with"]["ref"] == "${{ github.event.repository.default_branch }}"


def test_secrets_are_of_environments_only() -> None:
    """Whoever may not deploy to an environment is not given its credentials."""
    for file in WORKFLOWS:
        for name, job in jobs(file).items():
            assert "environment" in job or "secrets." not in json.dumps(job), f"{file.name}: {name}"


def test_pulumi_is_the_one_of_the_program() -> None:
    pinned = re.search(r'"pulumi==([^"]+)"', (ROOT / "pyproject.toml").read_text())
    used = {
        step["with"]["pulumi-version"]
        for file in WORKFLOWS
        for _, step in steps(file)
        if step.get("uses", "").startswith("pulumi/actions@")
    }

    assert pinned is not None
    assert used == {pinned[1]}


@pytest.mark.parametrize(
    ("text", "audit", "reason"),
    [
        ("actions/checkout@v5", "unpinned-uses", "an action by a name that can move"),
        ("run: echo ${{ github.event.pull_request.title }}", "template-injection", "a title that is run"),
    ],
)
def test_the_lint_finds_what_is_dangerous(tmp_path: Path, text: str, audit: str, reason: str) -> None:
    step = text if text.startswith("run") else f"uses: {text}"
    workflow_text = f"on: pull_request\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n      - {step}\n"
    (tmp_path / "a.yml").write_text(workflow_text)
    zizmor = Path(sys.executable).with_name("zizmor")
    done = subprocess.run([zizmor, "--offline", tmp_path / "a.yml"], capture_output=True, text=True, check=False)

    assert done.returncode != 0, reason
    assert audit in done.stdout, reason


@pytest.mark.parametrize("name", ["deploy", "drift"])
def test_a_run_that_somebody_starts_on_another_ref_than_main_does_nothing(name: str) -> None:
    for job in jobs(workflow(name)).values():
        assert "github.ref == 'refs/heads/main' &&" in " ".join(job["if"].split())


def test_uv_is_installed_with_the_hashes_of_the_lock_file() -> None:
    done = subprocess.run(
        ["make", "--dry-run", "--always-make", "setup"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    lock = (ROOT / "uv.lock").read_text(encoding="utf-8")
    (uv,) = re.findall(r'^name = "uv"\n(.*?)^\[\[package\]\]', lock, re.MULTILINE | re.DOTALL)

    assert "--require-hashes --requirement .venv/uv.txt" in done.stdout
    assert set(re.findall(r"--hash=(sha256:[0-9a-f]{64})", done.stdout)) == set(re.findall(r"sha256:[0-9a-f]{64}", uv))
