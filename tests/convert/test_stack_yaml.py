"""The written stack file: Pulumi reads the same values, it is short, and it has the style of this project."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convert.minimal import minimal, with_scalars
from convert.stack_yaml import SCHEMA, stack_text
from convert.stand_in import stand_in
from models.stack_file.yaml_file import read_yaml
from tests.properties.strategies import hostile

texts = (
    hostile
    | st.text(max_size=12)
    | st.sampled_from(
        [
            *(
                "yes",
                "no",
                "on",
                "off",
                "y",
                "true",
                "True",
                "null",
                "~",
                "",
                " ",
                "1",
                "01",
                "0x1f",
                "0o17",
                "0b1",
                "1e3",
            ),
            *(
                "1_000",
                ".5",
                "1.",
                ".inf",
                ".nan",
                "-1",
                "+1",
                "2024-01-01",
                "12:30:45",
                "0.6.3",
                "<<",
                "=",
                "!",
                "&a",
                "*a",
            ),
            *(
                "- a",
                "a: b",
                "a #b",
                "#a",
                "'",
                '"',
                "|",
                ">",
                "%a",
                "@a",
                "`a",
                "{a}",
                "[a]",
                ",",
                "?",
                ": ",
                "a:",
                "a b ",
            ),
            *(
                "a\n",
                "\na",
                "a\n\n",
                " a\n b",
                "a\tb",
                "\t",
                "\x7f",
                "\x85",
                "\u2028",
                "\ufeff",
                "é",
                "模型",
                "😀",
                "\x1b",
                "\r",
            ),
        ]
    )
).filter(lambda text: text.isprintable() or all(ord(one) >= 32 or one in "\n\t\r\x1b" for one in text))
names = texts.filter(lambda text: text != "<<")
"""Keys; YAML has no other way to write `<<` than that of a merge."""

scalars = texts | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e6, 1e6)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4), max_leaves=10
)


def read_back(text: str) -> Any:
    read = read_yaml("stack", text)
    assert read.findings == []
    return read.value["config"]


def as_json(value: Any) -> Any:
    """Numbers as the engine hands them over: without a fraction they are whole."""
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(names, values, max_size=4))
def test_any_values_are_read_back_unchanged(found: dict[str, Any]) -> None:
    text = stack_text({}, {"qwen": found})

    assert read_back(text) == {"ascend-vllm:cluster": {}, "ascend-vllm:services": {"qwen": as_json(found)}}


def test_the_file_begins_with_its_schema_and_small_mappings_stand_on_one_line() -> None:
    service = {
        "image": "registry.example.com/a:1",
        "engine": {"maxModelLen": 4096, "dtype": "float16"},
        "graph": "eager",
    }

    assert stack_text({"context": "prod", "namespace": "team"}, {"qwen": service}) == (
        f"{SCHEMA}config:\n"
        "  ascend-vllm:cluster: {context: prod, namespace: team}\n"
        "  ascend-vllm:services:\n"
        "    qwen:\n"
        "      image: registry.example.com/a:1\n"
        "      engine: {maxModelLen: 4096, dtype: float16}\n"
        "      graph: eager\n"
    )


def test_a_text_of_several_lines_is_a_block() -> None:
    text = stack_text({}, {"qwen": {"server": {"chatTemplate": {"inline": "{{ a }}\n  b\n"}}}})

    assert "inline: |\n" in text
    assert "{{ a }}\n" in text


def test_keys_begin_with_the_name_of_the_project() -> None:
    assert "  our-llms:cluster: {}\n  our-llms:services: {}\n" in stack_text(
        {}, {"a": {"model": "/m"}}, "our-llms"
    ).replace("services:\n    a: {model: /m}", "services: {}")


@pytest.mark.parametrize(
    ("whole", "short"),
    [
        ({"model": {"source": "/m"}}, {"model": "/m"}),
        ({"model": {"source": "/m", "name": "a"}}, {"model": {"source": "/m", "name": "a"}}),
        ({"server": {"kind": "openai"}}, {"server": "openai"}),
        ({"server": {"port": 1}}, {"server": {"port": 1}}),
        ({"server": {"chatTemplate": {"path": "/t"}}}, {"server": {"chatTemplate": "/t"}}),
        ({"server": {"chatTemplate": {"inline": "t"}}}, {"server": {"chatTemplate": {"inline": "t"}}}),
        ({"graph": {"kind": "eager"}}, {"graph": "eager"}),
        ({"rollout": {"kind": "recreate"}}, {"rollout": "recreate"}),
        ({"mindSpeed": {"kind": "install"}}, {"mindSpeed": "install"}),
        ({"multimodal": {}}, {"multimodal": True}),
        ({"multimodal": {"imagesPerPrompt": 2}}, {"multimodal": {"imagesPerPrompt": 2}}),
        ({"platform": {"kind": "cce"}}, {"platform": "cce"}),
        ({"platform": {"driver": {"hostPath": "/d"}}}, {"platform": {"driver": "/d"}}),
        ({"namespace": {"name": "a"}}, {"namespace": "a"}),
        ({"namespace": {"name": "a", "create": False}}, {"namespace": {"name": "a", "create": False}}),
        ({"engine": {"servedModelName": ["a"]}}, {"engine": {"servedModelName": "a"}}),
        ({"engine": {"servedModelName": ["a", "b"]}}, {"engine": {"servedModelName": ["a", "b"]}}),
    ],
)
def test_a_record_with_only_its_main_key_becomes_a_scalar(whole: dict[str, Any], short: dict[str, Any]) -> None:
    assert with_scalars(whole) == short


def test_keys_without_a_difference_and_empty_mappings_are_removed() -> None:
    found = {"a": 1, "b": {"c": 2, "d": {"e": 3}}, "engine": {"tensorParallelSize": 4}}

    assert minimal(found, lambda tried: tried.get("a") == 1) == {"a": 1}
    assert minimal(found, lambda tried: tried.get("b", {}).get("c") == 2) == {"b": {"c": 2}}
    assert minimal(found, lambda _: False) == found


def test_multimodal_stays_when_all_its_defaults_are_left_out() -> None:
    found = {"multimodal": {"imageFetchTimeout": "100s"}}

    assert minimal(found, lambda tried: "multimodal" in tried) == {"multimodal": {}}


SERVICE: dict[str, Any] = {"image": "a:1", "model": {"source": "/m/x"}, "engine": {"maxModelLen": 1}}


@pytest.mark.parametrize(
    ("changes", "odd"),
    [
        ({}, set()),
        ({"image": "${image}"}, {("image",)}),
        ({"image": None}, {("image",)}),
        ({"model": {"source": "relative"}}, {("model", "source")}),
        ({"engine": {"maxModelLen": "x"}}, {("engine", "maxModelLen")}),
        ({"engine": {"maxModelLen": 1, "dtype": "fp16"}}, {("engine", "dtype")}),
        ({"npus": "eight"}, {("npus",)}),
        ({"server": {"port": "${port}", "kind": "other"}}, {("server", "port"), ("server", "kind")}),
        ({"speculative": {"kind": "draft", "source": "/d"}}, {("speculative",)}),
        ({"env": {"A-B": "1", "C": "2"}}, {("env", "A-B")}),
        ({"unknown": 1}, {("unknown",)}),
        ({"graph": {"kind": "pta", "gears": "2;4"}}, {("graph", "gears")}),
        ({"lora": {"adapters": {"a": "x"}}}, {("lora", "adapters", "a"), ("lora", "adapters")}),
    ],
)
def test_a_stand_in_has_no_refused_values(changes: dict[str, Any], odd: set[tuple[str, ...]]) -> None:
    stood = stand_in("qwen", {**SERVICE, **changes}, {"context": "prod"})

    assert stood.service is not None
    assert {*stood.replaced} >= odd
    assert {keys[0] for keys in stood.replaced} == {keys[0] for keys in odd}
