"""The values that flags accept, how they are written, and that what is written is read back as the same value."""

from __future__ import annotations

import argparse
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.engines.flags import Flag, expected, flag_accepts, flag_from_json, flag_words, suffixed_number
from models.engines.vllm_ascend.tables import RELEASES, flag_table

SERVE = ("serve",)
PREFIX_CACHING = Flag("enable-prefix-caching", SERVE, "flag", negated=True)
ENFORCE_EAGER = Flag("headless", SERVE, "flag", default=False)
LENGTH = Flag("max-model-len", SERVE, "value", "int", suffixes=True, also=("auto", "-1"))
TOKEN = Flag("hf-token", SERVE, "value", "str", optional_value=True)
LOG_LENGTH = Flag("max-log-len", SERVE, "value", "int", null=True)
OVERRIDES = Flag("hf-overrides", SERVE, "value", "json", also=("text",))
COMPILATION = Flag("compilation-config", SERVE, "value", "json", config="CompilationConfig")
BACKEND = Flag("moe-backend", SERVE, "value", "str", choices=("auto", "deep_gemm"), normalized=True)
API_KEY = Flag("api-key", SERVE, "list", "str", null=True)


@pytest.mark.parametrize(
    ("flag", "value", "words"),
    [
        (PREFIX_CACHING, True, ["--enable-prefix-caching"]),
        (PREFIX_CACHING, False, ["--no-enable-prefix-caching"]),
        (ENFORCE_EAGER, True, ["--headless"]),
        (ENFORCE_EAGER, False, []),
        (LENGTH, 4096, ["--max-model-len=4096"]),
        (LENGTH, "4k", ["--max-model-len=4k"]),
        (LENGTH, "1.5m", ["--max-model-len=1.5m"]),
        (LENGTH, "auto", ["--max-model-len=auto"]),
        (LENGTH, -1, ["--max-model-len=-1"]),
        (TOKEN, "hf_1", ["--hf-token=hf_1"]),
        (TOKEN, True, ["--hf-token"]),
        (TOKEN, False, []),
        (LOG_LENGTH, 100, ["--max-log-len=100"]),
        (LOG_LENGTH, None, ["--max-log-len=None"]),
        (LOG_LENGTH, "None", ["--max-log-len=None"]),
        (OVERRIDES, {"a": 1}, ['--hf-overrides={"a": 1}']),
        (OVERRIDES, "module.function", ["--hf-overrides=module.function"]),
        (COMPILATION, {"cudagraph_mode": "FULL"}, ['--compilation-config={"cudagraph_mode": "FULL"}']),
        (BACKEND, "deep_gemm", ["--moe-backend=deep_gemm"]),
        (BACKEND, "Deep-GEMM", ["--moe-backend=Deep-GEMM"]),
        (API_KEY, ["a", "b"], ["--api-key", "a", "b"]),
    ],
)
def test_an_accepted_value_is_written_as_the_parser_reads_it(flag: Flag, value: Any, words: list[str]) -> None:
    assert flag_accepts(flag, value)
    assert [*flag_words(flag, value)] == words


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        (PREFIX_CACHING, "true"),
        (PREFIX_CACHING, None),
        (LENGTH, "4x"),
        (LENGTH, "1.5K"),
        (LENGTH, "4096"),
        (LENGTH, 4.5),
        (LENGTH, None),
        (LENGTH, True),
        (TOKEN, 5),
        (TOKEN, "a\0b"),
        (LOG_LENGTH, "many"),
        (OVERRIDES, 5),
        (OVERRIDES, True),
        (OVERRIDES, "a\0b"),
        (COMPILATION, ["FULL"]),
        (COMPILATION, "FULL"),
        (BACKEND, "deep gemm"),
        (API_KEY, []),
        (API_KEY, None),
        (API_KEY, ["--port"]),
    ],
)
def test_any_other_value_is_refused(flag: Flag, value: Any) -> None:
    assert not flag_accepts(flag, value)


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        (PREFIX_CACHING, "true or false"),
        (LENGTH, "a whole number or text such as 4k (4000) or 4K (4096) or auto or -1"),
        (TOKEN, "text or true"),
        (LOG_LENGTH, "a whole number or null"),
        (OVERRIDES, "a mapping or list or text"),
        (COMPILATION, "a mapping"),
        (BACKEND, "one of auto, deep_gemm"),
        (API_KEY, "a list of text"),
    ],
)
def test_a_message_says_what_is_accepted(flag: Flag, words: str) -> None:
    assert expected(flag) == words


@pytest.mark.parametrize(
    ("text", "number"),
    [("4k", 4000), ("4K", 4096), ("1.5m", 1_500_000), ("1M", 2**20), ("2g", 2 * 10**9), ("1T", 2**40)],
)
def test_a_suffix_multiplies_a_number(text: str, number: int) -> None:
    assert suffixed_number(text) == number


@pytest.mark.parametrize("text", ["", "4096", "k", "1.5K", "-4k", "4 k", "4kb", "auto"])
def test_any_other_text_is_not_a_number_with_a_suffix(text: str) -> None:
    assert suffixed_number(text) is None


# Generated values, read back by a parser that is made of the table


def parser_of(flag: Flag) -> argparse.ArgumentParser:
    """A parser like vLLM's for one flag, from what the table says about it."""
    parser = argparse.ArgumentParser(exit_on_error=False, allow_abbrev=False)
    if flag.kind == "flag":
        action = argparse.BooleanOptionalAction if flag.negated else "store_true"
        parser.add_argument(flag.option, action=action)  # type: ignore[arg-type]
    elif flag.kind == "append":
        parser.add_argument(flag.option, action="append", type=str)
    elif flag.kind == "list":
        parser.add_argument(flag.option, nargs="+", type=str)
    elif flag.optional_value:
        parser.add_argument(flag.option, nargs="?", const=True, type=str)
    else:
        parser.add_argument(flag.option, type=str)
    return parser


def parsed(flag: Flag, words: list[str]) -> Any:
    return vars(parser_of(flag).parse_args(words))[flag.name.replace("-", "_")]


def values_of(flag: Flag) -> st.SearchStrategy[Any]:
    """Values that the table allows."""
    word = st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=1).filter(
        lambda text: not text.startswith("-")
    )
    json_values = st.dictionaries(word, st.integers() | word | st.booleans())
    if flag.kind == "flag":
        return st.booleans()
    if flag.choices:
        scalars: st.SearchStrategy[Any] = st.sampled_from(flag.choices)
    elif flag.type == "int":
        scalars = st.integers(min_value=0)
    elif flag.type == "float":
        scalars = st.floats(allow_nan=False, allow_infinity=False, min_value=0)
    elif flag.type == "json":
        scalars = json_values
    else:
        scalars = word
    if flag.kind in ("list", "append"):
        return st.lists(scalars, min_size=1, max_size=3)
    further = [*flag.also, *(["4k", "2K"] if flag.suffixes else []), *([None] if flag.null else [])]
    return scalars | st.sampled_from(further) if further else scalars


def as_text(flag: Flag, value: Any) -> Any:
    """What the parser reads for a value, as text."""
    if flag.kind == "flag" or (flag.optional_value and value is True):
        return value
    if flag.kind in ("list", "append"):
        return [str(item) for item in value]
    if flag.type == "json" and not isinstance(value, str) and value is not None:
        return json.dumps(value, ensure_ascii=False)
    return str(value)


ALL_FLAGS = [flag for release in RELEASES for flag in flag_table(release).flags.values()]


@pytest.mark.slow
@settings(max_examples=1500, deadline=None)
@given(st.data())
def test_every_value_that_a_table_allows_is_accepted_and_read_back(data: st.DataObject) -> None:
    flag = data.draw(st.sampled_from(ALL_FLAGS))
    value = data.draw(values_of(flag))

    assert flag_accepts(flag, value), expected(flag)
    words = [*flag_words(flag, value)]
    if flag.kind == "flag" and not value and not flag.negated:
        assert words == []
    else:
        assert parsed(flag, words) == as_text(flag, value)


WRONG: dict[str | None, list[Any]] = {
    None: ["yes", 1, {}, []],
    "int": ["many", 1.5, {}, [1], True],
    "float": ["many", {}, [1.0], True],
    "str": [5, {}, ["a"]],
    "json": [5, 1.5],
}


@pytest.mark.parametrize("release", RELEASES)
def test_a_value_of_another_type_is_refused_for_every_flag(release: str) -> None:
    for flag in flag_table(release).flags.values():
        if flag.kind in ("list", "append"):
            wrong: list[Any] = ["text", 5, {}, [], [{}], [None]]
        else:
            wrong = WRONG[flag.type]
        assert [value for value in wrong if flag_accepts(flag, value)] == [], flag.name


@pytest.mark.parametrize("release", RELEASES)
def test_a_value_outside_of_the_choices_is_refused(release: str) -> None:
    with_choices = [flag for flag in flag_table(release).flags.values() if flag.choices]

    assert len(with_choices) >= 25
    for flag in with_choices:
        value: Any = 987_654 if flag.type == "int" else "no-such-choice"
        assert not flag_accepts(flag, [value] if flag.kind == "list" else value)


def test_an_entry_without_the_later_fields_is_a_flag_of_0_6_3() -> None:
    flag = flag_from_json({"name": "port", "servers": ["openai"], "kind": "value", "type": "int", "default": 8000})

    assert flag == Flag("port", ("openai",), "value", "int", default=8000)
    assert not flag_accepts(flag, None)
    assert expected(flag) == "a whole number"
