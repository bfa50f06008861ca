"""For any files, a conversion ends with a readable stack file or with an error that has a fix."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.output import conversion as output
from convert import ConversionError, File, Options, adoption, convert, decoded
from models.check import check
from models.service.resolve import resolve
from models.stack_file.load import load_text
from tests.convert.pairs import command, config, manual

pytestmark = pytest.mark.slow

QUICK = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)

RICH = command(
    "--enable-lora",
    "--lora-modules a=/d/a b=/d/b",
    "--speculative-model /m/eagle",
    "--num-speculative-tokens 3",
    '--rope-scaling \'{"type": "linear", "factor": 2}\'',
    "--limit-mm-per-prompt image=2",
    "--chat-template /x/${t}",
    "--middleware=a --middleware b",
    exports="export INFER_MODE=PTA\nexport PTA_TORCHAIR_DECODE_GEAR_LIST=2,4\nexport A=${B:-c} D=$(x) E='q' F=\"$E\"",
)
SCRIPTS = [RICH, manual(), manual("openai-multimodal"), manual("plain")]
PIECES = st.sampled_from(
    [
        *("\"'\\\n\t $#&|;()[]{}<>=-:*!%@`~,?"),
        *(
            "${",
            "$(",
            "<<",
            "--",
            "- ",
            ": ",
            "---\n",
            "null",
            "~",
            "0x1f",
            "1e400",
            ".nan",
            "999999999999999999999999",
        ),
        *("模", "\u2028", "\x7f", "\x00", "😀", "&a", "*a", "<<: *a", "true", "-1", "\ufeff", "\r\n"),
    ]
)
EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 20), PIECES | st.just("")), min_size=1, max_size=6)


def edited(text: str, edits: list[tuple[float, int, str]]) -> str:
    """A text with pieces in the place of others."""
    for place, length, piece in edits:
        at = int(place * len(text))
        text = text[:at] + piece + text[at + length :]
    return text


def try_to_convert(objects: str, script: str) -> None:
    config_file, script_file = (
        File(name, decoded(text.encode("utf-8", "replace")))
        for name, text in (("config.yaml", objects), ("run_vllm.sh", script))
    )
    try:
        done = convert(config_file, [script_file], Options(context="prod"))
    except ConversionError as refused:
        print(refused.message, refused.fix)
        return
    loaded = load_text("converted", "-", done.text)

    assert "yaml-syntax" not in [finding.rule for finding in check(resolve(loaded)).findings]
    assert output.render(done).encode()
    assert json.dumps(adoption(done).as_json())
    assert output.render_adoption(adoption(done)).encode()


@QUICK
@given(st.sampled_from(SCRIPTS), EDITS)
def test_any_edited_script_is_converted_or_refused(script: str, edits: list[tuple[float, int, str]]) -> None:
    try_to_convert(config(), edited(script, edits))


@QUICK
@given(EDITS)
def test_any_edited_objects_are_converted_or_refused(edits: list[tuple[float, int, str]]) -> None:
    try_to_convert(edited(config(), edits), RICH)


ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1, 1.5, "", "x", [], {}, [{}], ["a"], {"a": "b"}, "${x}", 10**30, [None], [[1]], "1Gi", "/a"]
)


def with_odd_values(value: Any, draw: st.DrawFn, share: int) -> Any:
    """A value in which here and there another one stands."""
    if draw(st.integers(0, share)) == 0:
        return draw(ODD)
    if isinstance(value, dict):
        return {key: with_odd_values(item, draw, share) for key, item in value.items()}
    if isinstance(value, list):
        return [with_odd_values(item, draw, share) for item in value]
    return value


@st.composite
def odd_objects(draw: st.DrawFn) -> str:
    return json.dumps(with_odd_values(yaml.safe_load(config()), draw, 25))


@QUICK
@given(odd_objects())
def test_any_values_in_the_objects_are_converted_or_refused(objects: str) -> None:
    try_to_convert(objects, RICH)


@QUICK
@given(st.text(max_size=80), st.text(max_size=80))
def test_any_texts_are_converted_or_refused(objects: str, script: str) -> None:
    try_to_convert(objects, script)


@QUICK
@given(st.text(" \n'\"$\\{}()#;|&<>=-aA1`~*[]", max_size=60))
def test_any_text_that_looks_like_a_script_is_converted(script: str) -> None:
    try_to_convert(config(), f"{script}\n{command()}")
    try_to_convert(config(), f"{command()}\n{script}")


@QUICK
@given(st.binary(max_size=80))
def test_any_bytes_are_a_text(content: bytes) -> None:
    assert decoded(content).encode() is not None


def test_deep_and_long_texts_end() -> None:
    try_to_convert(config(), "${A:-" * 2000 + command())
    try_to_convert(config(), "$(" * 2000 + command())
    try_to_convert("[" * 5000, command())
    try_to_convert("a: &a [" + "x, " * 9 + "]\n" + "".join(f"b{n}: [*a, *a]\n" for n in range(50)), command())
    try_to_convert(config(), command(exports="A=xxxxxxxx\n" + "A=$A$A\n" * 40 + "export A"))
    try_to_convert(config() + "---\n" * 500, command("\n".join(f"--seed {number}" for number in range(200))))
