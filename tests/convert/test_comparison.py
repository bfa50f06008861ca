"""The comparison of the launch before and after a conversion: equal values, differences, and their reasons."""

from __future__ import annotations

import pytest

from cli.output import conversion as output
from tests.convert.pairs import changes, command, comparison, config, made

pytestmark = pytest.mark.slow

SAME = command(
    *("--max-num-seqs=256", "--max-num-batched-tokens=4096", "--tensor-parallel-size=1", "--block-size=128"),
    *("--gpu-memory-utilization=0.9", "--host=0.0.0.0"),
    exports="export ASCEND_RT_VISIBLE_DEVICES=0,1,2,3,4,5,6,7",
)


def because(script: str) -> dict[str, str]:
    return {one.name: one.why for one in comparison(made(script)).differences}


def test_a_script_that_writes_all_values_has_no_differences() -> None:
    assert changes(made(SAME)) == {}
    assert len(comparison(made(SAME)).kept) == 3 + 9 + 1


@pytest.mark.parametrize(
    ("flags", "exports", "name", "change", "why"),
    [
        ([], "", "--block-size", (None, "128"), "the default, written out"),
        ([], "", "--max-num-batched-tokens", (None, "4096"), "the largest of maxModelLen, maxNumSeqs and 2048"),
        ([], "", "ASCEND_RT_VISIBLE_DEVICES", (None, "0,1,2,3,4,5,6,7"), "one index for each of npus"),
        (["--num-scheduler-steps=1"], "", "--num-scheduler-steps", ("1", None), "the engine's default"),
        (
            ["--speculative-model /m/d", "--num-speculative-tokens 2", "--speculative-draft-tensor-parallel-size 4"],
            "",
            "--speculative-draft-tensor-parallel-size",
            ("4", "1"),
            "the only value that works (manual, Step 3)",
        ),
        (
            ["--enable-lora", "--lora-modules a=/m/a", "--max-loras 2", "--max-cpu-loras 8", "--enforce-eager"],
            "",
            "--max-cpu-loras",
            ("8", "2"),
            "the same as maxLoras (manual, Step 3)",
        ),
        (
            ["--max-cpu-loras=4"],
            "",
            "--max-cpu-loras",
            ("4", None),
            "another key determines it, or the stack file has no key for it",
        ),
        ([], "USE_PFA_HIGH_PRECISION_MODE=1", "USE_PFA_HIGH_PRECISION_MODE", ("1", None), "the engine's default"),
        (
            [],
            "USE_PREFIX_HIGH_PRECISION_MODE=1",
            "USE_PREFIX_HIGH_PRECISION_MODE",
            ("1", None),
            "not needed without prefixCaching (manual, Step 3)",
        ),
        (
            ["--enable-prefix-caching"],
            "",
            "USE_PREFIX_HIGH_PRECISION_MODE",
            (None, "1"),
            "prefixCaching needs it (manual, Step 3)",
        ),
        ([], "INFER_MODE=PTA", "HCCL_OP_EXPANSION_MODE", (None, "AIV"), "graph: pta sets it (manual, Step 3)"),
        (
            [],
            "INFER_MODE=PTA",
            "PTA_TORCHAIR_DECODE_GEAR_LIST",
            (None, "2,4,6,8,16,32"),
            "graph: pta sets it (manual, Step 3)",
        ),
        (
            ["--speculative-model /m/d", "--num-speculative-tokens 2"],
            "",
            "ENABLE_SPEC_METRIC",
            (None, "0"),
            "speculative sets it (manual, Step 3)",
        ),
        (
            ["--limit-mm-per-prompt image=2"],
            "",
            "VLLM_IMAGE_FETCH_TIMEOUT",
            (None, "100"),
            "multimodal sets it (manual, Step 3)",
        ),
    ],
)
def test_a_difference_has_its_reason(
    flags: list[str], exports: str, name: str, change: tuple[str | None, str | None], why: str
) -> None:
    script = command(*flags, exports=f"export {exports}" if exports else "")

    assert changes(made(script))[name] == change
    assert because(script)[name] == why


@pytest.mark.parametrize(
    ("flag", "name"),
    [
        ("--gpu-memory-utilization 0.90", "--gpu-memory-utilization"),
        ('--lora-modules \'{"name": "a", "path": "/m/a"}\' --enable-lora --enforce-eager', "--lora-modules"),
        ('--rope-scaling \'{"factor":2,"type":"linear"}\'', "--rope-scaling"),
        ("--multi-step-stream-outputs False", "--multi-step-stream-outputs"),
        ("-q awq", "--quantization"),
    ],
)
def test_a_value_is_the_same_however_it_is_written(flag: str, name: str) -> None:
    assert name not in changes(made(command(flag)))


def test_a_placeholder_is_not_a_difference() -> None:
    done = made(command("--dtype ${dtype}", "--max-num-seqs=many"))

    assert not {"--dtype", "--max-num-seqs"} & changes(done).keys()


def test_the_report_wraps_the_kept_values() -> None:
    lines = output.render(made(SAME)).splitlines()
    kept = lines[: next(index for index, line in enumerate(lines) if not line.startswith(("kept", " ")))]

    assert len(kept) > 1
    assert all(len(line) <= 120 for line in kept)
    assert output.render(made(SAME)).count("--max-num-seqs") == 1


def test_the_report_names_the_service_of_each_line() -> None:
    other = config().replace("yourapp", "other")
    text = output.render(made(SAME, f"{config()}---\n{other}"))

    assert "kept      yourapp  image" in text
    assert "kept      other  image" in text


def added(objects: str) -> dict[str, str | None]:
    return {one.name: one.new for one in comparison(made(SAME, objects)).added}


ADDED = {
    "cpu": "88, request",
    "memory": "480Gi, request and limit",
    "/dev/shm": "2Gi",
    "security": (
        "no more privileges, no capability but DAC_OVERRIDE, group 1000, seccomp RuntimeDefault, "
        "no service account token, no variables of Services"
    ),
    "probes": "started within 12 min",
    "rollout": "recreate",
    "drain": "5 min for running requests",
    "preflight": "an init container",
    "Service": "yourapp:8080",
}


def test_parts_that_the_pod_gets_are_listed_as_added() -> None:
    assert added(config()) == ADDED


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("          requests:\n", "          requests:\n            cpu: 8\n", "cpu"),
        ("          limits:\n", "          limits:\n            memory: 64Gi\n", "memory"),
        ("        volumeMounts:\n", "        volumeMounts:\n        - {name: shm, mountPath: /dev/shm}\n", "/dev/shm"),
        ("        ports:\n", "        startupProbe: {failureThreshold: 90}\n        ports:\n", "probes"),
        ("        ports:\n", "        lifecycle: {preStop: {sleep: {seconds: 5}}}\n        ports:\n", "drain"),
        ("  replicas: 1\n", "  strategy: {type: Recreate}\n", "rollout"),
    ],
)
def test_parts_that_the_pod_already_has_are_not_listed_as_added(old: str, new: str, name: str) -> None:
    assert old in config()
    assert added(config().replace(old, new, 1)).keys() == ADDED.keys() - {name}
