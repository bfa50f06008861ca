"""A base file: services that environments share, changed by the stack's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from models.service.resolve import resolve
from models.stack_file.keys.source import HostPathSource
from models.stack_file.load import load_text
from models.stack_file.merge_patch import merge
from tests.models.loading import BASE, CLUSTER, SERVICE, findings, load, rules


@pytest.mark.parametrize(
    ("base", "patch", "expected", "reason"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}, "a value replaces"),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}, "a new key is added"),
        ({"a": "b"}, {"a": None}, {}, "null removes"),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}, "and leaves the others"),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}, "text replaces a list"),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}, "a list replaces text"),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}, "mappings are merged key by key"),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}, "lists are replaced whole"),
        (["a", "b"], ["c", "d"], ["c", "d"], "also at the top"),
        ({"a": "b"}, ["c"], ["c"], "a list replaces a mapping"),
        ({"a": "foo"}, "bar", "bar", "text replaces a mapping"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}, "null of the base stays"),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}, "a mapping replaces a list"),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}, "null removes at any depth"),
    ],
)
def test_a_patch_changes_a_value_as_rfc_7386_has_it(base: Any, patch: Any, expected: Any, reason: str) -> None:
    assert expected == merge(base, patch), reason


@pytest.mark.parametrize(
    ("patch", "expected", "reason"),
    [
        ("{}", {"qwen", "llava"}, "the services of the base are the stack's"),
        ("{llava: ~}", {"qwen"}, "null removes a service"),
        (f"{{more: {SERVICE}}}", {"qwen", "llava", "more"}, "the stack adds its own"),
        ("{qwen: {replicas: 3}}", {"qwen", "llava"}, "a field is enough to change a service"),
    ],
)
def test_the_stack_changes_the_services_of_its_base_by_name(
    patch: str, expected: set[str], reason: str, tmp_path: Path
) -> None:
    text = f"config:\n{CLUSTER}  ascend-vllm:base: shared.yaml\n  ascend-vllm:services: {patch}\n"
    stack = load(tmp_path, text, shared=BASE)

    assert expected == stack.services.keys(), reason
    assert rules(stack) == [], reason


def test_the_stack_changes_a_service_of_its_base_by_field(tmp_path: Path) -> None:
    patch = "{qwen: {image: a:2, engine: {maxModelLen: 8192}, visibleDevices: [0], env: {A: ~}}}"
    text = f"config:\n{CLUSTER}  ascend-vllm:base: shared.yaml\n  ascend-vllm:services: {patch}\n"
    base = "services:\n  qwen:\n    image: a:1\n    model: /m/Qwen2-7B\n    engine: {maxModelLen: 1, maxNumSeqs: 8}\n"
    qwen = load(tmp_path, text, shared=f"{base}    visibleDevices: [0, 1]\n    env: {{A: x, B: y}}\n").services["qwen"]

    assert qwen.image == "a:2"
    assert qwen.model.source == HostPathSource(path="/m/Qwen2-7B")
    assert (qwen.engine.max_model_len, qwen.engine.max_num_seqs) == (8192, 8)
    assert qwen.visible_devices == [0]
    assert qwen.env == {"B": "y"}


def test_a_base_alone_is_a_whole_stack(tmp_path: Path) -> None:
    stack = load(tmp_path, f"config:\n{CLUSTER}  ascend-vllm:base: shared.yaml\n", shared=BASE)

    assert rules(stack) == []
    assert sorted(stack.services) == ["llava", "qwen"]


@pytest.mark.parametrize(
    ("patch", "file", "line", "reason"),
    [
        ("{}", "shared.yaml", 5, "the value comes from the base"),
        ("{qwen: {replicas: -2}}", "Pulumi.dev.yaml", 4, "the stack has its own"),
    ],
)
def test_a_finding_names_the_file_that_the_value_comes_from(
    patch: str, file: str, line: int, reason: str, tmp_path: Path
) -> None:
    base = (
        "services:\n  qwen:\n    image: a:1\n    model: /m/Qwen2-7B\n    replicas: -1\n    engine: {maxModelLen: 1}\n"
    )
    text = f"config:\n{CLUSTER}  ascend-vllm:base: shared.yaml\n  ascend-vllm:services: {patch}\n"
    (finding,) = findings(load(tmp_path, text, shared=base))

    assert finding.span
    assert (str(tmp_path / file), line) == (finding.span.file, finding.span.line), reason


def test_a_value_that_replaces_a_mapping_of_the_base_hides_the_places_below_it(tmp_path: Path) -> None:
    base = (
        "services:\n  qwen:\n    image: a:1\n    model: {name: Other, source: /m/Other}\n    engine: {maxModelLen: 1}\n"
    )
    services = "ascend-vllm:services:\n    qwen:\n      model: /m/Qwen\n"
    text = f"config:\n{CLUSTER}  ascend-vllm:base: shared.yaml\n  {services}"
    origins = resolve(load(tmp_path, text, shared=base)).services[0].origins

    assert origins["model.source"].value == "/m/Qwen"
    assert origins["model.source"].source == f"{tmp_path}/Pulumi.dev.yaml:6"
    assert origins["model.name"].source == "the last part of its source"
    assert origins["image"].source == f"{tmp_path}/shared.yaml:3"


@pytest.mark.parametrize(
    ("content", "message", "reason"),
    [
        (None, "cannot be read: No such file or directory", "it is not there"),
        ("services: [1]\n", "has no services", "its services are a list"),
        ("a text\n", "has no services", "it is no mapping"),
        ("", "has no services", "it is empty"),
        ("services: {}\nservice: {}\n", "unknown key 'service'", "it has another key"),
        ("services: {\n", "not YAML", "it is no YAML"),
        ("services: {a: 1, a: 2}\n", "'a' appears twice in one mapping", "a key is twice in it"),
    ],
)
def test_a_base_that_is_no_base_is_refused(content: str | None, message: str, reason: str, tmp_path: Path) -> None:
    text = f"config:\n{CLUSTER}  ascend-vllm:base: shared.yaml\n  ascend-vllm:services: {{}}\n"
    others = {} if content is None else {"shared": content}
    found = findings(load(tmp_path, text, **others))

    assert any(message in finding.message for finding in found), reason


@pytest.mark.parametrize("name", [".", "a/b/c.yaml", '"a\\0b"', '"\\n"', "5", "[a]", "{a: b}"])
def test_any_value_of_base_gives_findings_and_never_a_failure(name: str, tmp_path: Path) -> None:
    stack = load(tmp_path, f"config:\n{CLUSTER}  ascend-vllm:base: {name}\n  ascend-vllm:services: {{}}\n")

    assert set(rules(stack)) <= {"base-file", "bad-value"}
    assert rules(stack)


@pytest.mark.parametrize("base", ["", '  ascend-vllm:base: ""\n', "  ascend-vllm:base:\n"])
def test_a_stack_without_base_needs_none(base: str, tmp_path: Path) -> None:
    assert rules(load(tmp_path, f"config:\n{CLUSTER}{base}  ascend-vllm:services: {{a: {SERVICE}}}\n")) == []


def test_a_stack_from_standard_input_looks_for_its_base_in_the_project(tmp_path: Path) -> None:
    (tmp_path / "shared.yaml").write_text(BASE)
    stack = load_text("stdin", "-", f"config:\n{CLUSTER}  ascend-vllm:base: shared.yaml\n", project=tmp_path)

    assert sorted(stack.services) == ["llava", "qwen"]


def test_a_stack_that_names_no_base_has_the_projects(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text(
        "name: ascend-vllm\nconfig:\n  base: {type: string, default: shared.yaml}\n", encoding="utf-8"
    )
    stack = load(tmp_path, f"config:\n{CLUSTER}", shared=BASE)

    assert rules(stack) == []
    assert sorted(stack.services) == ["llava", "qwen"]


def test_a_key_that_stands_twice_in_a_base_is_shown_with_its_service(tmp_path: Path) -> None:
    base = "services:\n  qwen:\n    image: a:1\n    image: a:2\n    model: /m/Qwen2-7B\n    engine: {maxModelLen: 1}\n"
    (found,) = findings(load(tmp_path, f"config:\n{CLUSTER}  ascend-vllm:base: shared.yaml\n", shared=base))

    assert (found.rule, found.service) == ("duplicate-key", "qwen")


def test_a_secret_in_a_base_is_refused_where_it_stands(tmp_path: Path) -> None:
    base = f"services:\n  qwen: {SERVICE.removesuffix('}')}, env: {{A: {{secure: v1:x}}}}}}\n"
    found = findings(load(tmp_path, f"config:\n{CLUSTER}  ascend-vllm:base: shared.yaml\n", shared=base))
    secrets = [finding for finding in found if finding.rule == "secret-in-services"]

    assert [(finding.service, finding.span and finding.span.line) for finding in secrets] == [("qwen", 2)]
    assert "shared.yaml" in secrets[0].fix


@pytest.mark.parametrize("content", ["services: {a: {image: [}}\n", "services: []\n", None])
def test_a_base_that_cannot_be_read_leaves_no_key_of_a_service_missing(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "services.yaml").write_text(content)
    text = (
        "config:\n  ascend-vllm:cluster: {context: prod}\n  ascend-vllm:base: services.yaml\n"
        "  ascend-vllm:services: {a: {replicas: 2}}\n"
    )

    loaded = load_text("test", str(tmp_path / "Pulumi.test.yaml"), text)

    assert [finding.rule for finding in loaded.findings] in (["yaml-syntax"], ["base-file"])
    assert loaded.broken == ("a",)
