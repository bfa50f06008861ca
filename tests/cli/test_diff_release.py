"""`ascend-vllm diff` between two engine releases: what the release changes by itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import GOLDEN, Console
from tests.cli.repositories import CLUSTER, commit, repository, write

pytestmark = pytest.mark.slow

__all__ = ["repository"]

IMAGES = {
    "0.6.3": "registry.example.com/ascend-vllm:6.3.912",
    "0.18.0": "quay.io/ascend/vllm-ascend:v0.18.0",
    "0.23.0": "quay.io/ascend/vllm-ascend:v0.23.0",
    "0.30.0": "quay.io/ascend/vllm-ascend:v0.30.0",
}


def stack_file(version: str) -> str:
    return (
        f"{CLUSTER}  ascend-vllm:services:\n    qwen:\n      image: {IMAGES[version]}\n"
        "      model: /mnt/models/Qwen2-7B-Instruct\n      engine: {maxModelLen: 4096}\n"
    )


def upgrade(repository: Path, console: Console, old: str, new: str, form: str) -> str:
    write(repository, prod=stack_file(old))
    commit(repository)
    write(repository, prod=stack_file(new))
    return console("diff", "prod", "--format", form).out


@pytest.mark.parametrize("form", ["text", "json", "markdown"])
@pytest.mark.parametrize(("old", "new"), [("0.6.3", "0.23.0"), ("0.18.0", "0.23.0")])
def test_an_upgrade_is_exactly_like_this(
    old: str, new: str, form: str, repository: Path, console: Console, golden: Callable[[Path, str], None]
) -> None:
    out = upgrade(repository, console, old, new, form)

    golden(GOLDEN / f"diff-release-{old}-{new}.{form}", out)


def changes(repository: Path, console: Console, old: str, new: str) -> dict[str, Any]:
    document = json.loads(upgrade(repository, console, old, new, "json"))
    (release,) = document["stacks"][0]["releases"]
    found: dict[str, Any] = release
    return found


def test_the_defaults_of_todays_engine_are_shown(repository: Path, console: Console) -> None:
    defaults = changes(repository, console, "0.6.3", "0.23.0")["defaults"]

    assert {"name": "gpu-memory-utilization", "old": "0.9", "new": "0.92"} in defaults
    for switch in ("enable-prefix-caching", "enable-chunked-prefill", "async-scheduling"):
        assert {"name": switch, "old": "off", "new": "on"} in defaults


def test_a_limit_on_requests_that_the_release_changes_is_shown(repository: Path, console: Console) -> None:
    limits = changes(repository, console, "0.23.0", "0.30.0")["requestLimits"]

    assert {"name": "temperature", "old": None, "new": "at most 2"} in limits
    assert {"name": "prompt", "old": None, "new": "at most 1024"} in limits
    assert [limit["name"] for limit in limits] == ["cache_salt", "logprobs", "prompt", "stop", "temperature"]


def test_a_new_limit_on_requests_has_a_line(repository: Path, console: Console) -> None:
    lines = upgrade(repository, console, "0.23.0", "0.30.0", "text").splitlines()

    (line,) = [line for line in lines if "limit of request field stop" in line]
    assert line.endswith("no limit → at most 4 texts")


@pytest.mark.parametrize(
    ("old", "new", "fields"),
    [("0.6.3", "0.18.0", ["prompt_logprobs", "top_k"]), ("0.18.0", "0.23.0", ["bad_words", "n", "tools"])],
)
def test_each_release_changes_limits_of_its_own(
    old: str, new: str, fields: list[str], repository: Path, console: Console
) -> None:
    limits = changes(repository, console, old, new)["requestLimits"]

    assert [limit["name"] for limit in limits] == fields


def test_a_replaced_flag_names_its_replacement(repository: Path, console: Console) -> None:
    flags = changes(repository, console, "0.6.3", "0.23.0")["removedFlags"]

    replacements = {flag["flag"]: flag["replacement"] for flag in flags}
    assert replacements["rope-scaling"] == "hf-overrides"
    assert replacements["num-speculative-tokens"] == "speculative-config"
    assert replacements["swap-space"] is None


def test_a_setting_that_the_new_release_does_not_read_names_what_replaces_it(
    repository: Path, console: Console
) -> None:
    removed = changes(repository, console, "0.18.0", "0.23.0")

    assert removed["removedKeys"] == [
        {"name": "enable_sparse_c8", "replacement": "enable_sparse_sfa_c8, enable_sparse_li_c8"}
    ]
    variables = {entry["name"]: entry["replacement"] for entry in removed["removedVariables"]}
    assert variables["VLLM_ASCEND_ENABLE_FLASHCOMM"] == "additional-config enable_flashcomm1"
    assert variables["VLLM_RPC_TIMEOUT"] is None
    assert "VLLM_ENGINE_ITERATION_TIMEOUT_S" not in variables  # 0.18.0 did not read it either
    assert removed["removedMetrics"] == [{"name": "vllm:prompt_tokens_recomputed_total", "replacement": None}]


def test_a_default_that_only_one_release_has_is_a_change(repository: Path, console: Console) -> None:
    defaults = changes(repository, console, "0.18.0", "0.23.0")["defaults"]

    assert {"name": "safetensors-load-strategy", "old": "lazy", "new": None} in defaults
    assert "enable-lora" not in [
        change["name"] for change in changes(repository, console, "0.6.3", "0.23.0")["defaults"]
    ]


def test_a_downgrade_is_the_reverse(repository: Path, console: Console) -> None:
    forward = changes(repository, console, "0.18.0", "0.23.0")
    back = changes(repository, console, "0.23.0", "0.18.0")

    assert back["addedRequestFields"] == forward["removedRequestFields"]
    assert back["addedFlags"] == [flag["flag"] for flag in forward["removedFlags"]]


def test_the_same_release_has_no_changes(repository: Path, console: Console) -> None:
    document = json.loads(upgrade(repository, console, "0.23.0", "0.23.0", "json"))

    assert document["stacks"][0]["releases"] == []


def test_a_server_that_the_new_release_does_not_have_is_compared(repository: Path, console: Console) -> None:
    write(repository, prod=stack_file("0.23.0").replace("      engine:", "      server: api_server\n      engine:"))
    commit(repository)
    text = stack_file("0.23.0").replace("v0.23.0", "v0.30.0")
    write(repository, prod=text.replace("      engine:", "      server: api_server\n      engine:"))

    assert "vLLM 0.23.0 → 0.30.0 itself changes" in console("diff", "prod").out
