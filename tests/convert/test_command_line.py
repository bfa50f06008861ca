"""A command line is read as vLLM's parser reads it; words that the parser refuses are noted."""

from __future__ import annotations

from typing import Any

import pytest

from convert.server.command_line import Flags, read_flags
from convert.server_start import Argument
from models.engines.engine_args import Version
from models.engines.releases import release


def read(*words: str, server: str = "openai", version: Version = "0.6.3") -> Flags:
    arguments = [Argument(word, number) for number, word in enumerate(words, 1)]
    return read_flags(arguments, server, "run.sh", release(version))


def notes(flags: Flags) -> dict[str, str]:
    return {note.subject: note.why for note in flags.notes}


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["--max-model-len=4096"], "max-model-len", 4096),
        (["--max-model-len", "4096"], "max-model-len", 4096),
        (["--max_model_len", "4096"], "max-model-len", 4096),
        (["--max_model_len=4_096"], "max-model-len", 4096),
        (["--max-num-seq", "4"], "max-num-seqs", 4),
        (["-tp", "8"], "tensor-parallel-size", 8),
        (["-tp=8"], "tensor-parallel-size", 8),
        (["-pp", "2"], "pipeline-parallel-size", 2),
        (["-q", "awq"], "quantization", "awq"),
        (["--gpu-memory-utilization", ".9"], "gpu-memory-utilization", 0.9),
        (["--swap-space=8"], "swap-space", 8),
        (["--swap-space=8.0"], "swap-space", 8),
        (["--enforce-eager"], "enforce-eager", True),
        (["--multi-step-stream-outputs=false"], "multi-step-stream-outputs", False),
        (["--multi-step-stream-outputs", "False"], "multi-step-stream-outputs", False),
        (["--enable-chunked-prefill"], "enable-chunked-prefill", True),
        (["--served-model-name", "a", "b"], "served-model-name", ["a", "b"]),
        (["--lora-modules", "a=/x", "b=/y"], "lora-modules", ["a=/x", "b=/y"]),
        (["--middleware=a", "--middleware", "b"], "middleware", ["a", "b"]),
        (["--rope-scaling", '{"type": "linear", "factor": 2}'], "rope-scaling", {"type": "linear", "factor": 2}),
        (["--limit-mm-per-prompt=image=2,video=1"], "limit-mm-per-prompt", {"image": 2, "video": 1}),
        (["--host="], "host", ""),
        (["--dtype", "${dtype}"], "dtype", "${dtype}"),
        (["--port=${port}"], "port", "${port}"),
        (["--num-lookahead-slots", "-1"], "num-lookahead-slots", -1),
    ],
)
def test_a_flag_has_its_value_however_it_is_written(words: list[str], name: str, value: Any) -> None:
    flags = read(*words)

    assert flags.values == {name: value}
    assert flags.notes == []


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["--max-model-len=4k"], "max-model-len", "4k"),
        (["--gpu-memory-utilization=nan"], "gpu-memory-utilization", "nan"),
        (["--gpu-memory-utilization=1e999"], "gpu-memory-utilization", "1e999"),
        (["--rope-scaling={a"], "rope-scaling", "{a"),
        (["--rope-scaling=NaN"], "rope-scaling", "NaN"),
        (["--rope-scaling", '"\\ud800"'], "rope-scaling", '"\\ud800"'),
        (["--limit-mm-per-prompt=image"], "limit-mm-per-prompt", "image"),
        (["--enable-chunked-prefill=maybe"], "enable-chunked-prefill", "maybe"),
        (["--max-model-len"], "max-model-len", ""),
    ],
)
def test_a_value_of_another_type_stays_text_for_check_to_refuse(words: list[str], name: str, value: Any) -> None:
    assert read(*words).values == {name: value}


@pytest.mark.parametrize(
    ("words", "what", "why"),
    [
        (["--enable-foo"], "--enable-foo", "does not have this flag"),
        (["--max-num"], "--max-num", "does not have this flag"),
        (["word", "--enforce-eager"], "a word before the flags", "refuses it"),
        (["--enforce-eager=true"], "a word after --enforce-eager", "refuses it"),
        (["--port", "1", "2"], "a word after --port", "refuses it"),
        (["--port=1", "--port=2"], "--port of line 1", "the last value counts"),
        (["–enforce-eager"], "--enforce-eager", "does not read its dash or its equals sign"),
        (["—enforce-eager"], "--enforce-eager", "does not read its dash or its equals sign"),
        (["--port＝9000"], "--port", "does not read its dash or its equals sign"),
        (["--api-key＝hunter2"], "--api-key", "server.apiKey"),
        (["--api-key：hunter2"], "--api-key", "does not have this flag"),
        (["--Hunter2"], "a flag", "does not have this flag"),
        (["--api-key", "hunter2"], "--api-key", "server.apiKey"),
        (["--otlp-traces-endpoint=http://a:hunter2@b"], "--otlp-traces-endpoint", "looks like a credential"),
    ],
)
def test_words_that_vllm_refuses_or_loses_are_noted_without_their_value(words: list[str], what: str, why: str) -> None:
    flags = read(*words)

    assert why in notes(flags)[what]
    assert "hunter2" not in repr(flags)


def test_the_last_value_of_a_repeated_flag_counts() -> None:
    flags = read("--port=1", "--served-model-name", "a", "--port=2", "--served-model-name", "b", "c")

    assert flags.values == {"port": 2, "served-model-name": ["b", "c"]}


def test_the_beginning_of_a_flag_is_completed_for_the_started_server() -> None:
    assert read("--log-l", "info", server="api_server").values == {"log-level": "info"}
    assert "--log-l" in notes(read("--log-l", "info"))


def test_every_flag_has_its_line() -> None:
    places = read("--port", "1", "--seed=3", "--served-model-name", "a", "b").places

    assert {name: place.line for name, place in places.items()} == {
        "port": 1,
        "seed": 3,
        "served-model-name": 4,
    }


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["--no-enable-prefix-caching"], "enable-prefix-caching", False),
        (["-O3"], "optimization-level", 3),
        (["-cc", '{"mode": 3}'], "compilation-config", {"mode": 3}),
        (["--max-model-len", "32k"], "max-model-len", 32000),
        (["--max-model-len", "32K"], "max-model-len", 32768),
        (["--speculative-config.num_speculative_tokens", "2"], "speculative-config", {"num_speculative_tokens": 2}),
        (["--hf-overrides.rope_parameters.factor=4"], "hf-overrides", {"rope_parameters": {"factor": 4}}),
    ],
)
def test_the_forms_of_later_releases_are_read_with_their_flags(words: list[str], name: str, value: Any) -> None:
    assert read(*words, version="0.23.0").values == {name: value}


def test_the_fields_of_a_json_flag_add_up() -> None:
    flags = read("--limit-mm-per-prompt.image", "1", "--limit-mm-per-prompt.video=0", version="0.23.0")

    assert flags.values == {"limit-mm-per-prompt": {"image": 1, "video": 0}}
    assert notes(flags) == {}
