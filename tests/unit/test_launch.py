"""Launches: argument lists, environments and scripts that bash runs as they are meant."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.catalog.engines import RELEASES, engine
from models.engine import EngineArgs
from models.launch import LAUNCH_DIRECTORY, OWNED_FLAGS, TEMPLATE, Launch, launch, script
from tests.conftest import stack_of

STAND_IN = """\
#!/usr/bin/env python3
import json, os, sys
print(json.dumps({"argv": ["python", *sys.argv[1:]], "environment": dict(os.environ), "pid": os.getpid()}))
"""


def launch_of(service: str) -> Launch:
    return launch(stack_of(service).services[0])


def minimal(**parts: str) -> str:
    engine_args = parts.pop("engine", "{maxModelLen: 4096}")
    more = "".join(f"\n  {key}: {value}" for key, value in parts.items())
    return f"qwen:\n  image: a:1\n  model: /m/Qwen\n  engine: {engine_args}{more}\n"


def run(start: Launch, directory: Path) -> dict[str, object]:
    """What the stand-in python saw when bash ran the script the pod's way."""
    (directory / "python").write_text(STAND_IN)
    (directory / "python").chmod(0o755)
    file = directory / "run_vllm.sh"
    file.write_text(script(start), encoding="utf-8")
    file.chmod(0o555)
    environment = {"PATH": f"{directory}:{os.environ['PATH']}", "HOME": str(directory)}
    done = subprocess.run(["/bin/bash", "-c", str(file)], env=environment, capture_output=True, text=True, check=True)
    seen: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return seen


def test_python_receives_exactly_the_argument_list_and_the_environment(tmp_path: Path) -> None:
    start = launch_of(minimal(env="""{GREETING: "it's $HOME `id` \\\\ 你好\\n", EMPTY: ""}"""))
    seen = run(start, tmp_path)

    assert list(start.argv) == seen["argv"]
    environment = seen["environment"]
    assert isinstance(environment, dict)
    assert start.environment == {name: environment[name] for name in start.environment}


HOSTILE = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=40)


@settings(max_examples=25, deadline=None)
@given(values=st.lists(HOSTILE, max_size=4), variable=HOSTILE)
def test_no_value_reaches_bash_as_code(
    values: list[str], variable: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    argv = ("python", "-m", "module", *(f"--flag={value}" for value in values), "--list", *values)
    start = Launch(argv=argv, environment={"VALUE": variable}, init_file="/nowhere")
    seen = run(start, tmp_path_factory.mktemp("launch"))

    assert list(argv) == seen["argv"]
    assert isinstance(seen["environment"], dict)
    assert variable == seen["environment"]["VALUE"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "the image has no such file"),
        ("false\n", "its last command fails"),
        ("set -e\nfalse\n", "it switches errexit on and fails"),
        ('echo "$UNSET_VARIABLE"\n', "it reads a variable that is not set"),
        ("return 3\n", "it returns early, as a .bashrc does in a shell that is not interactive"),
        ("grep nothing /dev/null | cat\n", "a pipe in it fails"),
    ],
)
def test_the_image_initialization_file_cannot_end_the_launch(content: str | None, reason: str, tmp_path: Path) -> None:
    init_file = tmp_path / "init file"
    if content is not None:
        init_file.write_text(content)
    start = Launch(argv=("python", "-m", "module"), environment={}, init_file=str(init_file))

    assert run(start, tmp_path)["argv"] == ["python", "-m", "module"], reason


def test_the_initialization_file_comes_before_the_exports_so_that_the_service_has_the_last_word(tmp_path: Path) -> None:
    (tmp_path / "init").write_text("export MODE=image OTHER=kept\n")
    start = Launch(("python",), {"MODE": "service"}, str(tmp_path / "init"))
    environment = run(start, tmp_path)["environment"]

    assert isinstance(environment, dict)
    assert (environment["MODE"], environment["OTHER"]) == ("service", "kept")


def test_python_takes_the_place_of_the_shell_and_so_gets_the_kubelets_signal(tmp_path: Path) -> None:
    (tmp_path / "python").write_text("#!/bin/sh\necho $$\nexec sleep 30\n")
    (tmp_path / "python").chmod(0o755)
    file = tmp_path / "run_vllm.sh"
    file.write_text(script(Launch(("python", "-m", "module"), {}, "/nowhere")))
    file.chmod(0o555)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    with subprocess.Popen(
        ["/bin/bash", "-c", str(file)], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)

        assert process.wait(timeout=10) == -signal.SIGTERM
    assert pid == process.pid
    assert time.monotonic() - started < 5


def test_the_script_is_read_as_the_manuals() -> None:
    start = launch_of(minimal(engine="{maxModelLen: 4096, numSchedulerSteps: 8, servedModelName: [a, b c]}", npus="2"))

    assert script(start) == (
        "#!/usr/bin/env bash\n"
        "source /home/ma-user/.bashrc || true\n"
        "set -euo pipefail\n"
        "\n"
        "export ASCEND_RT_VISIBLE_DEVICES=0,1\n"
        "\n"
        "exec python -m vllm.entrypoints.openai.api_server \\\n"
        "  --model=/m/Qwen \\\n"
        "  --max-num-seqs=256 \\\n"
        "  --max-model-len=4096 \\\n"
        "  --max-num-batched-tokens=4096 \\\n"
        "  --tensor-parallel-size=2 \\\n"
        "  --block-size=128 \\\n"
        "  --gpu-memory-utilization=0.9 \\\n"
        "  --num-scheduler-steps=8 \\\n"
        "  --served-model-name a 'b c' \\\n"
        "  --host=0.0.0.0 \\\n"
        "  --port=8080\n"
    )


FLAGS = [
    ("engine", "{maxModelLen: 1, dtype: bfloat16}", "--dtype=bfloat16", "data type"),
    ("engine", "{maxModelLen: 1, blockSize: 64}", "--block-size=64", "block size"),
    (
        "engine",
        "{maxModelLen: 1, multiStepStreamOutputs: false}",
        "--multi-step-stream-outputs=false",
        "a switch with a value",
    ),
    ("engine", "{maxModelLen: 1, distributedExecutorBackend: ray}", "--distributed-executor-backend=ray", "backend"),
    ("engine", "{maxModelLen: 1, disableAsyncOutputProc: true}", "--disable-async-output-proc", "a bare flag"),
    (
        "engine",
        "{maxModelLen: 1, gpuMemoryUtilization: 1}",
        "--gpu-memory-utilization=1.0",
        "a whole number for a fraction",
    ),
    ("engine", "{maxModelLen: 1, extraArgs: {swapSpace: 8}}", "--swap-space=8", "a further flag"),
    (
        "engine",
        "{maxModelLen: 1, extraArgs: {--swap-space: 8.5}}",
        "--swap-space=8.5",
        "its name as on the command line",
    ),
    ("engine", "{maxModelLen: 1, extraArgs: {disable_log_stats: true}}", "--disable-log-stats", "a further bare flag"),
    ("engine", "{maxModelLen: 1, extraArgs: {limitMmPerPrompt: {image: 2}}}", "--limit-mm-per-prompt=image=2", "pairs"),
    ("engine", "{maxModelLen: 1, extraArgs: {ropeScaling: {type: su}}}", '--rope-scaling={"type": "su"}', "JSON"),
    ("engine", "{maxModelLen: 1, extraArgs: {enableChunkedPrefill: false}}", "--enable-chunked-prefill=false", "bool"),
    ("server", "{extraArgs: {middleware: [a.b]}}", "--middleware=a.b", "a flag that may be repeated"),
    ("server", "{chatTemplate: /t.jinja}", "--chat-template=/t.jinja", "a template of the image"),
    ("graph", "eager", "--enforce-eager", "eager mode"),
]


@pytest.mark.parametrize(("key", "value", "word", "reason"), FLAGS)
def test_a_key_becomes_its_flag(key: str, value: str, word: str, reason: str) -> None:
    assert word in launch_of(minimal(**{key: value})).argv, reason


@pytest.mark.parametrize(
    ("key", "value", "absent"),
    [
        ("engine", "{maxModelLen: 1, extraArgs: {disableLogStats: false}}", "--disable-log-stats"),
        ("engine", "{maxModelLen: 1, numSchedulerSteps: 1}", "--num-scheduler-steps=1"),
        ("graph", "cann", "--enforce-eager"),
    ],
)
def test_what_is_the_engines_own_default_is_left_out(key: str, value: str, absent: str) -> None:
    assert absent not in launch_of(minimal(**{key: value})).argv


def test_an_inline_chat_template_lies_beside_the_script() -> None:
    start = launch_of(minimal(server='{chatTemplate: {inline: "{{ messages }}"}}'))

    assert f"--chat-template={LAUNCH_DIRECTORY}/{TEMPLATE}" in start.argv
    assert start.files == {TEMPLATE: "{{ messages }}"}


@pytest.mark.parametrize("release", RELEASES)
def test_every_key_of_the_engine_is_a_flag_of_the_release(release: str) -> None:
    keys = {name for name in EngineArgs.model_fields if name not in ("version", "extra_args")}
    flags = engine(release).flags

    assert {name.replace("_", "-") for name in keys} <= flags.keys()
    assert {f"engine.{EngineArgs.model_fields[name].alias}" for name in keys} <= set(OWNED_FLAGS.values())
    assert OWNED_FLAGS.keys() <= flags.keys()
