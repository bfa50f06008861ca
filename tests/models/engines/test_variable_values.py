"""A variable that the engine cannot read, or reads as off, is a finding; what it can read is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.check import check
from models.engines.releases import release
from models.engines.vllm_ascend.tables import RELEASES
from models.finding import Finding
from models.service.resolve import resolve
from models.stack_file.load import load_text
from models.yaml_scalar import as_yaml
from tests.rules.edits import alternatives, apply
from tools.variable_values import variable_values

RULES = {"variable-value", "switch-word"}
IMAGES = {
    "0.6.3": "registry.example.com/ascend-vllm:6.3.912",
    **{version: f"quay.io/ascend/vllm-ascend:v{version}" for version in RELEASES},
}


def stack_file(version: str, variables: dict[str, str]) -> str:
    lines = [f"        {name}: {as_yaml(value)}\n" for name, value in variables.items()]
    return (
        "config:\n"
        "  ascend-vllm:cluster: {context: prod}\n"
        "  ascend-vllm:services:\n"
        "    qwen:\n"
        f"      image: {IMAGES[version]}\n"
        "      model: /mnt/models/Qwen2.5-7B-Instruct\n"
        "      engine: {maxModelLen: 4096}\n"
        "      env:\n" + "".join(lines)
    )


def findings(text: str) -> list[Finding]:
    found = check(resolve(load_text("refused", "refused.yaml", text))).findings
    return [finding for finding in found if finding.rule in RULES]


@pytest.mark.parametrize(
    ("version", "name", "value", "message", "fix"),
    [
        (
            "0.6.3",
            "VLLM_LOGGING_LEVEL",
            "debug",
            "VLLM_LOGGING_LEVEL must be CRITICAL, DEBUG, ERROR, FATAL, INFO, NOTSET, WARN or WARNING, not 'debug'",
            "write env.VLLM_LOGGING_LEVEL: DEBUG",
        ),
        (
            "0.6.3",
            "VLLM_WORKER_MULTIPROC_METHOD",
            "thread",
            "VLLM_WORKER_MULTIPROC_METHOD must be fork, forkserver or spawn, not 'thread'",
            "remove env.VLLM_WORKER_MULTIPROC_METHOD",
        ),
        (
            "0.23.0",
            "VLLM_WORKER_MULTIPROC_METHOD",
            "forkserver",
            "VLLM_WORKER_MULTIPROC_METHOD must be spawn or fork, not 'forkserver'",
            "write env.VLLM_WORKER_MULTIPROC_METHOD: fork",
        ),
        (
            "0.23.0",
            "VLLM_LOGGING_LEVEL",
            "verbose",
            "VLLM_LOGGING_LEVEL must be CRITICAL, DEBUG, ERROR, FATAL, INFO, NOTSET, WARN or WARNING, not 'verbose'",
            "remove env.VLLM_LOGGING_LEVEL",
        ),
        (
            "0.23.0",
            "VERBOSE",
            "true",
            "VERBOSE must be a whole number, not 'true'",
            'write env.VERBOSE: "1"',
        ),
        (
            "0.18.0",
            "VLLM_LOG_STATS_INTERVAL",
            "10s",
            "VLLM_LOG_STATS_INTERVAL must be a number, not '10s'",
            "remove env.VLLM_LOG_STATS_INTERVAL",
        ),
        (
            "0.30.0",
            "VLLM_GPT_OSS_SYSTEM_TOOL_MCP_LABELS",
            "container,web_search",
            "VLLM_GPT_OSS_SYSTEM_TOOL_MCP_LABELS must be container, code_interpreter or web_search_preview, "
            "not 'web_search'",
            'write env.VLLM_GPT_OSS_SYSTEM_TOOL_MCP_LABELS: "container,web_search_preview"',
        ),
        (
            "0.23.0",
            "VLLM_ASCEND_ENABLE_NZ",
            "on",
            "VLLM_ASCEND_ENABLE_NZ must be a whole number, not 'on'",
            'write env.VLLM_ASCEND_ENABLE_NZ: "1"',
        ),
        (
            "0.6.3",
            "VLLM_NO_USAGE_STATS",
            "true",
            "vLLM 0.6.3 reads VLLM_NO_USAGE_STATS 'true' as off",
            'write env.VLLM_NO_USAGE_STATS: "1"',
        ),
    ],
)
def test_a_value_that_the_engine_cannot_read_has_a_fix_that_works(
    version: str, name: str, value: str, message: str, fix: str
) -> None:
    text = stack_file(version, {name: value})

    (finding,) = findings(text)

    assert finding.message == message
    assert finding.fix.startswith(fix)
    for edits in alternatives(finding.fix):
        assert findings(apply(edits, finding, text)) == []


@pytest.mark.parametrize("version", IMAGES)
@pytest.mark.parametrize(
    "variables",
    [
        {"VLLM_LOGGING_LEVEL": "DEBUG"},
        {"VLLM_LOGGING_LEVEL": "quiet", "VLLM_CONFIGURE_LOGGING": "0"},
        {"VLLM_LOGGING_LEVEL": "quiet", "VLLM_LOGGING_CONFIG_PATH": "/etc/logging.json"},
        {"VLLM_WORKER_MULTIPROC_METHOD": "spawn"},
        {"VLLM_RPC_TIMEOUT": " 10_000 "},
        {"VLLM_USE_MODELSCOPE": "True"},
        {"VLLM_USE_MODELSCOPE": "no"},
        {"VLLM_DO_NOT_TRACK": "0"},
    ],
)
def test_a_value_that_the_engine_reads_has_no_finding(version: str, variables: dict[str, str]) -> None:
    assert findings(stack_file(version, variables)) == []


@pytest.mark.parametrize("version", RELEASES)
def test_a_level_in_lower_case_is_read_by_current_releases(version: str) -> None:
    assert findings(stack_file(version, {"VLLM_LOGGING_LEVEL": "debug"})) == []


@pytest.mark.parametrize("version", IMAGES)
def test_every_value_has_the_file_and_line_that_read_it(version: str) -> None:
    values = release(version).variable_values

    assert len(values) >= 20
    for entry in values.values():
        file, _, line = entry.where.partition(":")
        assert file.endswith(".py")
        assert int(line) > 0


ENVS = """\
import json
import os

def env_with_choices(name, default, choices, case_sensitive=True): ...
def deprecated_env(name, version, instead, getter): ...

def port():
    if "PORT" not in os.environ:
        return None
    return int(os.getenv("PORT", "0"))

environment_variables: dict = {
    "TEXT": lambda: os.getenv("TEXT", "1"),
    "COUNT": lambda: int(os.environ["COUNT"]) if "COUNT" in os.environ else None,
    "OTHER": lambda: os.getenv("OTHER", str(int(os.getenv("ELSE", "1")))),
    "RATE": lambda: float(os.getenv("RATE", "0.5")),
    "TABLE": lambda: json.loads(os.getenv("TABLE", "{}")),
    "PORT": port,
    "METHOD": env_with_choices("METHOD", "fork", ["spawn", "fork"]),
    "OLD": deprecated_env("OLD", "v1", "nothing", env_with_choices("OLD", None, ["A"], case_sensitive=False)),
    "SWITCH": lambda: os.getenv("SWITCH", "0").strip().lower() in ("1", "true"),
    "NOT_OFF": lambda: os.getenv("NOT_OFF", "0") != "0",
}
"""


def test_the_values_are_read_from_the_functions_of_a_wheel(tmp_path: Path) -> None:
    package = tmp_path / "vllm"
    package.mkdir()
    (package / "envs.py").write_text(ENVS, encoding="utf-8")

    assert variable_values(package) == {
        "COUNT": {"kind": "integer", "where": "vllm/envs.py:14"},
        "METHOD": {"kind": "choice", "where": "vllm/envs.py:19", "choices": ["spawn", "fork"]},
        "OLD": {"kind": "choice", "where": "vllm/envs.py:20", "choices": ["A"], "ignores_case": True},
        "PORT": {"kind": "integer", "where": "vllm/envs.py:10"},
        "RATE": {"kind": "number", "where": "vllm/envs.py:16"},
        "SWITCH": {"kind": "switch", "where": "vllm/envs.py:21", "choices": ["1", "true"], "ignores_case": True},
        "TABLE": {"kind": "json", "where": "vllm/envs.py:17"},
    }
