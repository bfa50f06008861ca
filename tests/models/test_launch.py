"""Launches: argument lists, environments and scripts that bash runs as they are meant."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.check import check
from models.engines.engine_args import EngineArgs
from models.engines.releases import VERSIONS, release
from models.launch.launch import LAUNCH_DIRECTORY, TEMPLATE, Launch, launch, script
from models.manifests import service_objects
from models.manifests.weights import weights
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
    return f"qwen:\n  image: a:1\n  model: /m/Qwen2-7B\n  engine: {engine_args}{more}\n"


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
    start = Launch(argv=argv, environment={"VALUE": variable}, init_files=("/nowhere",))
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
    start = Launch(argv=("python", "-m", "module"), environment={}, init_files=(str(init_file),))

    assert run(start, tmp_path)["argv"] == ["python", "-m", "module"], reason


def test_the_initialization_file_comes_before_the_exports_so_that_the_service_has_the_last_word(tmp_path: Path) -> None:
    (tmp_path / "init").write_text("export MODE=image OTHER=kept\n")
    start = Launch(("python",), {"MODE": "service"}, (str(tmp_path / "init"),))
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
        process.send_signal(signal.SIGTERM)

        assert process.wait(timeout=10) == -signal.SIGTERM
    assert pid == process.pid


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
        "  --model=/m/Qwen2-7B \\\n"
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
    ("engine", "{maxModelLen: 1, extraArgs: {ropeScaling: {type: su}}}", '--rope-scaling={"type": "su"}', "JSON"),
    ("engine", "{maxModelLen: 1, enableChunkedPrefill: false}", "--enable-chunked-prefill=false", "bool"),
    ("server", "{extraArgs: {middleware: [a.b]}}", "--middleware=a.b", "a flag that may be repeated"),
    ("server", "{chatTemplate: /t.jinja}", "--chat-template=/t.jinja", "a template of the image"),
    ("graph", "eager", "--enforce-eager", "eager mode"),
    ("prefixCaching", "true", "--enable-prefix-caching", "prefix caching"),
    ("quantization", "smoothquant", "--quantization=smoothquant", "a quantization of Ascend's own"),
    ("multimodal", "{imagesPerPrompt: 2}", "--limit-mm-per-prompt=image=2", "pictures of one request"),
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


def test_an_inline_chat_template_is_in_the_configmap_of_the_script() -> None:
    start = launch_of(minimal(server='{chatTemplate: {inline: "{{ messages }}"}}'))

    assert f"--chat-template={LAUNCH_DIRECTORY}/{TEMPLATE}" in start.argv
    assert start.files[TEMPLATE] == "{{ messages }}"


@pytest.mark.parametrize("version", VERSIONS)
def test_every_key_of_the_engine_is_a_flag_of_the_release(version: str) -> None:
    known = release(version)
    fields = {f"engine.{field.alias}": name for name, field in EngineArgs.model_fields.items()}
    keys = fields.keys() - known.absent_keys.keys() - {"engine.version", "engine.extraArgs"}

    assert {fields[key].replace("_", "-") for key in keys} <= known.flags.keys()
    assert keys <= set(known.owned_flags.values())
    assert known.owned_flags.keys() <= known.flags.keys()


def test_a_flag_in_two_spellings_is_refused() -> None:
    stack = stack_of(minimal(engine="{maxModelLen: 1, extraArgs: {swapSpace: 4, --swap-space: 8}}"))

    assert [found.message for found in check(stack).findings] == ["--swap-space is set twice"]


LORA = "{adapters: {sql: /m/adapters/sql, chat: /m/adapters/chat}, maxRank: 32}"
DRAFT = "{kind: draft, source: /m/Qwen-small, tokens: 5}"


def test_lora_adapters_are_named_and_as_many_kept_as_the_manual_demands() -> None:
    argv = launch_of(minimal(lora=LORA)).argv
    start = argv.index("--enable-lora")

    assert argv[start : start + 7] == (
        "--enable-lora",
        "--lora-modules",
        "chat=/m/adapters/chat",
        "sql=/m/adapters/sql",
        "--max-lora-rank=32",
        "--max-loras=2",
        "--max-cpu-loras=2",
    )


@pytest.mark.parametrize(
    ("value", "flags", "variables"),
    [
        (
            DRAFT,
            [
                "--speculative-model=/m/Qwen-small",
                "--num-speculative-tokens=5",
                "--speculative-draft-tensor-parallel-size=1",
            ],
            {"ENABLE_SPEC_METRIC": "0"},
        ),
        (
            "{kind: eagle, source: /m/eagle, tokens: 3}",
            [
                "--speculative-model=/m/eagle",
                "--num-speculative-tokens=3",
                "--speculative-draft-tensor-parallel-size=1",
            ],
            {"ENABLE_SPEC_METRIC": "0", "EAGLE_USE_SAFE_AI_LAB_STYLE": "1"},
        ),
        (
            "{kind: ngram, tokens: 3, promptLookupMax: 4}",
            [
                "--speculative-model=[ngram]",
                "--num-speculative-tokens=3",
                "--ngram-prompt-lookup-max=4",
                "--ngram-prompt-lookup-min=1",
            ],
            {"ENABLE_SPEC_METRIC": "0"},
        ),
    ],
)
def test_each_kind_of_speculation_has_its_flags_and_variables(
    value: str, flags: list[str], variables: dict[str, str]
) -> None:
    start = launch_of(minimal(speculative=value))

    assert flags == [word for word in start.argv if "specul" in word or "ngram" in word]
    assert variables.items() <= start.environment.items()


def test_pta_graphs_have_the_manuals_five_variables_and_gears_up_to_the_requests() -> None:
    start = launch_of(minimal(engine="{maxModelLen: 4096, maxNumSeqs: 10}", graph="{kind: pta}"))

    assert "--enforce-eager" not in start.argv
    assert {name: value for name, value in start.environment.items() if name != "ASCEND_RT_VISIBLE_DEVICES"} == {
        "INFER_MODE": "PTA",
        "PTA_TORCHAIR_DECODE_GEAR_ENABLE": "1",
        "PTA_TORCHAIR_DECODE_GEAR_LIST": "2,4,6,8",
        "HCCL_OP_EXPANSION_MODE": "AIV",
        "VLLM_ENGINE_ITERATION_TIMEOUT_S": "1500",
    }


def test_of_two_features_that_slow_a_step_the_slower_sets_the_timeout() -> None:
    start = launch_of(minimal(graph="{kind: pta, iterationTimeout: 10s}", multimodal="{iterationTimeout: 20m}"))

    assert start.environment["VLLM_ENGINE_ITERATION_TIMEOUT_S"] == "1200"


@pytest.mark.parametrize(
    ("model", "length", "precise", "reason"),
    [
        ("/m/Llama-3-8B", 8192, False, "no reason"),
        ("/m/Llama-3-8B", 8193, True, "long sequences run out of memory otherwise"),
        ("/m/Qwen2-7B-Instruct", 4096, True, "wrong answers otherwise"),
        ("/m/qwen2_72b", 4096, True, "wrong answers otherwise, however the name is written"),
        ("/m/Qwen2-0.5B", 4096, False, "another size"),
    ],
)
def test_prefix_caching_is_precise_where_the_manual_says_so(
    model: str, length: int, precise: bool, reason: str
) -> None:
    service = f"q:\n  image: a:1\n  model: {model}\n  engine: {{maxModelLen: {length}}}\n  prefixCaching: true\n"

    assert precise == ("USE_PREFIX_HIGH_PRECISION_MODE" in launch_of(service).environment), reason


def test_weights_of_every_feature_are_mounted_once() -> None:
    lora = "{adapters: {below: /m/Qwen2-7B/lora, beside: /m/adapters/chat}}"
    service = stack_of(minimal(speculative=DRAFT, lora=lora)).services[0]
    mounted = set(weights(service).values())

    assert mounted == {"/m/Qwen2-7B", "/m/Qwen-small", "/m/adapters/chat"}


def test_the_api_key_comes_from_its_secret_and_never_stands_in_the_script() -> None:
    service = stack_of(minimal(server="{apiKey: {secret: qwen-key, key: token}}")).services[0]
    pods = next(item for item in service_objects(service) if item["kind"] == "Deployment")
    container = pods["spec"]["template"]["spec"]["containers"][0]

    assert container["env"] == [
        {"name": "VLLM_API_KEY", "valueFrom": {"secretKeyRef": {"name": "qwen-key", "key": "token"}}}
    ]
    assert "key" not in script(launch(service)).lower()
