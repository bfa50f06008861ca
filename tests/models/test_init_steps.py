"""What runs before the server: each step once, whatever is started again."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from models.check import check
from models.launch.init_steps import MIND_SPEED_DIRECTORY, InitStep, init_steps
from models.launch.launch import launch, script
from models.manifests import service_objects
from models.service.resolved import ResolvedService
from tests.conftest import HEAD, stack_of
from tests.models.sources import steps_of

pytestmark = pytest.mark.slow

EAGLE = """\
qwen:
  image: a:1
  model: {model}
  engine: {{maxModelLen: 4096}}
  speculative:
    kind: eagle
    source: {head}
    tokens: 2
    convert: {{tools: {tools}, baseWeights: "it's $(id).bin", draftWeights: 头.bin}}
"""
MOE = "mixtral:\n  image: a:1\n  model: /m/Mixtral-8x7B-Instruct-v0.1\n  npus: 4\n  engine: {maxModelLen: 4096}\n"

KILLS = 20
"""How often a step is killed, at another instant each time."""

CONVERTER = """\
#!/bin/bash
printf '%s\\n' "$PWD" "$@" >> "$CALLS"
sleep "${PAUSE:-0}"
"""


def service_of(text: str, head: str = HEAD) -> ResolvedService:
    (service,) = stack_of(text, head).services
    return service


def pod_of(service: ResolvedService) -> dict[str, Any]:
    (deployment,) = (one for one in service_objects(service) if one["kind"] == "Deployment")
    pod: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return pod


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A node with a model, an Eagle head, the converter's directory and a python that writes down its calls."""
    for name in ("model", "it's a head", "tools", "bin"):
        (tmp_path / name).mkdir()
    (tmp_path / "bin" / "python").write_text(CONVERTER)
    (tmp_path / "bin" / "python").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    return tmp_path


def eagle_step(node: Path) -> InitStep:
    head = f'"{node}/it\'s a head"'
    (step,) = init_steps(service_of(EAGLE.format(model=f"{node}/model", head=head, tools=f"{node}/tools")))
    return step


def start(step: InitStep) -> subprocess.Popen[str]:
    return subprocess.Popen(["/bin/bash", "-c", step.script], text=True, stderr=subprocess.DEVNULL)


def calls(node: Path) -> Sequence[str]:
    file = node / "calls"
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def test_an_eagle_head_is_converted_with_the_manuals_command(node: Path) -> None:
    assert start(eagle_step(node)).wait() == 0

    assert calls(node) == [
        f"{node}/tools",
        "convert_eagle_ckpt_to_vllm_compatible.py",
        "--base-path",
        f"{node}/model",
        "--draft-path",
        f"{node}/it's a head/.ascend-vllm-copy",
        "--base-weight-name",
        "it's $(id).bin",
        "--draft-weight-name",
        "头.bin",
    ]


def test_a_head_is_converted_once_though_pods_start_again_and_side_by_side(
    node: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAUSE", "0.3")
    pods = [start(eagle_step(node)) for _ in range(3)]

    assert [pod.wait() for pod in pods] == [0, 0, 0]
    assert start(eagle_step(node)).wait() == 0
    assert calls(node).count(f"{node}/tools") == 1


def test_a_conversion_that_failed_is_tried_again(node: Path) -> None:
    python = node / "bin" / "python"
    python.write_text("#!/bin/bash\nexit 3\n")
    assert start(eagle_step(node)).wait() == 3

    python.write_text(CONVERTER)
    assert start(eagle_step(node)).wait() == 0
    assert calls(node).count(f"{node}/tools") == 1


IN_PLACE = """\
#!/usr/bin/env python3
import os, sys, time
files = [os.path.join(sys.argv[5], name) for name in ("头.bin", "config.json")]
for file in files:
    with open(file) as content:
        text = content.read()
    if text != "raw " * 50:
        sys.exit(f"{file} is not a raw head")
for file in files:
    with open(file, "w") as content:
        for _ in range(50):
            content.write("new ")
            content.flush()
            time.sleep(0.0005)
"""
"""A converter that replaces its input piece by piece, and refuses what it has converted before."""


def kill_at(seconds: float, arguments: Sequence[str]) -> None:
    """Kill a step with all of its processes, as the kubelet kills a container."""
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.slow
def test_a_conversion_that_is_killed_anywhere_is_completed_by_the_next_one(node: Path) -> None:
    python = node / "bin" / "python"
    python.write_text(IN_PLACE, encoding="utf-8")
    step = eagle_step(node)
    head = node / "it's a head"
    instants = random.Random(18)  # noqa: S311  no secret

    for _ in range(KILLS):
        shutil.rmtree(head)
        head.mkdir()
        for name in ("头.bin", "config.json"):
            (head / name).write_text("raw " * 50)
        kill_at(instants.uniform(0, 0.2), ["/bin/bash", "-c", step.script])
        done = subprocess.run(["/bin/bash", "-c", step.script], check=False, capture_output=True, text=True)

        assert done.returncode == 0, done.stderr
        assert [(head / name).read_text() for name in ("头.bin", "config.json")] == ["new " * 50] * 2
        assert not (head / ".ascend-vllm-copy").exists()


def test_only_the_conversion_may_write_to_the_head() -> None:
    pod = pod_of(service_of(EAGLE.format(model="/m/Qwen2-7B", head="/m/Qwen2-7B/eagle", tools="/opt/EAGLE")))
    (step,) = steps_of(pod)
    writable = [mount["mountPath"] for mount in step["volumeMounts"] if not mount["readOnly"]]

    assert step["name"] == "convert-eagle"
    assert writable == ["/m/Qwen2-7B/eagle"]
    server = pod["containers"][0]["volumeMounts"]
    assert [mount["mountPath"] for mount in server if not mount.get("readOnly")] == ["/dev/shm"]


def test_a_head_that_is_converted_already_needs_no_step() -> None:
    text = "qwen:\n  image: a:1\n  model: /m/Qwen2-7B\n  engine: {maxModelLen: 4096}\n"
    service = service_of(f"{text}  speculative: {{kind: eagle, source: /m/eagle, tokens: 2}}\n")

    assert list(init_steps(service)) == []
    assert steps_of(pod_of(service)) == []


def repository(directory: Path) -> tuple[Path, str]:
    """A git repository with a commit that is not its newest."""
    git = ["git", "-C", str(directory), "-c", "user.name=a", "-c", "user.email=a@b"]
    directory.mkdir()
    subprocess.run([*git, "init", "-q"], check=True)
    for number in (1, 2):
        (directory / "version").write_text(str(number))
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-qm", str(number)], check=True)
    done = subprocess.run([*git, "rev-parse", "HEAD~1"], check=True, capture_output=True, text=True)
    return directory, done.stdout.strip()


def test_mindspeed_is_fetched_at_its_commit_and_found_by_a_container_that_starts_again(tmp_path: Path) -> None:
    source, commit = repository(tmp_path / "it's MindSpeed")
    wanted = f'{{kind: install, repository: "{source}", commit: "{commit}"}}'
    (step,) = init_steps(service_of(f"{MOE}  mindSpeed: {wanted}\n"))
    place = tmp_path / "pod"
    place.mkdir()
    text = step.script.replace(MIND_SPEED_DIRECTORY, str(place))

    for _ in range(2):
        subprocess.run(["/bin/bash", "-c", text], check=True, capture_output=True)
        assert (place / "version").read_text() == "1"


@pytest.mark.slow
def test_an_installation_that_is_killed_anywhere_is_completed_by_the_next_one(tmp_path: Path) -> None:
    source, commit = repository(tmp_path / "MindSpeed")
    (step,) = init_steps(service_of(f"{MOE}  mindSpeed: {{kind: install, repository: {source}, commit: {commit}}}\n"))
    place = tmp_path / "pod"
    script = step.script.replace(MIND_SPEED_DIRECTORY, str(place))
    instants = random.Random(18)  # noqa: S311  no secret

    for _ in range(KILLS):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        kill_at(instants.uniform(0, 0.15), ["/bin/bash", "-c", script])
        done = subprocess.run(["/bin/bash", "-c", script], check=False, capture_output=True, text=True)

        assert done.returncode == 0, done.stderr
        assert (place / "version").read_text() == "1"
        assert sorted(path.name for path in place.iterdir()) == [".git", ".partial", "version"]


@pytest.mark.parametrize("commit", ["master", "v1.0", "a956b907", "A956B907EF3B0787D2A38577EB5B702F5B7E715D", "HEAD~1"])
def test_a_commit_that_can_move_is_refused(commit: str) -> None:
    stack = stack_of(f"{MOE}  mindSpeed: {{kind: install, commit: {commit}}}\n")

    (finding,) = check(stack).findings
    assert finding.message == (
        f'commit "{commit}" must be the 40 hexadecimal digits of a commit; a branch or a tag moves'
    )


@pytest.mark.parametrize(
    "address",
    ["http://gitee.com/a.git", "git://gitee.com/a", "ftp://a/b", "file:///a", "ext::sh -c id", "HTTP://a/b", "a/b"],
)
def test_a_repository_that_others_can_change_on_its_way_is_refused(address: str) -> None:
    stack = stack_of(f"{MOE}  mindSpeed: {{kind: install, repository: '{address}'}}\n")

    (finding,) = check(stack).findings
    assert "must begin with https:// or ssh://" in finding.message


def test_mindspeed_is_fetched_into_a_directory_of_roots_by_another_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror, commit = repository(tmp_path / "mirror")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".gitconfig").write_text(f"[safe]\n  directory = {mirror}/.git\n")
    (tmp_path / "here").mkdir()
    keys = f"  mindSpeed: {{kind: install, repository: {mirror}, commit: {commit}}}\n  runAsUser: 1000\n"
    (step,) = init_steps(service_of(MOE + keys))
    script = step.script.replace(MIND_SPEED_DIRECTORY, f"{tmp_path}/here")

    assert subprocess.run(["/bin/bash", "-c", script], check=False).returncode == 0


def test_mindspeed_is_fetched_by_the_proxy_of_the_service() -> None:
    env = "{https_proxy: 'http://proxy:3128', HCCL_CONNECT_TIMEOUT: '7'}"
    (step,) = init_steps(service_of(f"{MOE}  mindSpeed: install\n  env: {env}\n"))

    assert step.script.index("export https_proxy=http://proxy:3128\n") < step.script.index("git clone")
    assert "HCCL" not in step.script


def test_the_server_finds_mindspeed_before_the_images_own_modules(tmp_path: Path) -> None:
    service = service_of(f"{MOE}  mindSpeed: install\n")
    (tmp_path / "python").write_text('#!/bin/bash\necho "$PYTHONPATH"\n')
    (tmp_path / "python").chmod(0o755)
    text = script(launch(service))

    for given, expected in ((None, MIND_SPEED_DIRECTORY), ("/cann", f"{MIND_SPEED_DIRECTORY}:/cann")):
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", **({"PYTHONPATH": given} if given else {})}
        done = subprocess.run(["/bin/bash", "-c", text], env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == expected


def test_mindspeed_lies_in_the_pod_and_only_its_step_writes_there() -> None:
    pod = pod_of(service_of(f"{MOE}  mindSpeed: install\n"))
    (step,) = steps_of(pod)

    assert {"name": "mindspeed", "emptyDir": {}} in pod["volumes"]
    assert {"name": "mindspeed", "mountPath": MIND_SPEED_DIRECTORY, "readOnly": False} in step["volumeMounts"]
    assert {"name": "mindspeed", "mountPath": MIND_SPEED_DIRECTORY, "readOnly": True} in (
        pod["containers"][0]["volumeMounts"]
    )


def test_the_scripts_of_the_steps_are_next_to_the_launch_script_and_need_no_npu() -> None:
    service = service_of(f"{MOE}  mindSpeed: install\n  speculative: {{kind: eagle, source: /m/e, tokens: 2,"
                         " convert: {tools: /opt/EAGLE, baseWeights: a.bin}}\n")  # fmt: skip
    pod, files = pod_of(service), launch(service).files

    assert [step["name"] for step in steps_of(pod)] == ["install-mindspeed", "convert-eagle"]
    assert files.keys() == {"install-mindspeed.sh", "convert-eagle.sh", "drain.sh", "drain.py", "ready.sh"}
    assert all("resources" not in step for step in steps_of(pod))
    assert [step["args"] for step in steps_of(pod)] == [
        [f"/opt/ascend-vllm/launch/{name}"] for name in ("install-mindspeed.sh", "convert-eagle.sh")
    ]


def test_the_fix_of_an_address_without_encryption_keeps_its_host() -> None:
    keys = "  mindSpeed: {kind: install, repository: 'http://git.example.com/MindSpeed.git'}\n"

    (finding,) = check(stack_of(MOE + keys)).findings
    assert finding.fix == "write repository: https://git.example.com/MindSpeed.git"
