"""The schemas that editors read: current, valid, and of one mind with the program."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from models.kubernetes.json_schema import with_pod_fields
from models.stack_file import schema as generated
from models.stack_file.load import load_text
from models.stack_file.yaml_file import read_yaml
from tests.conftest import ROOT


@cache
def stack_schema(project: str = "ascend-vllm") -> dict[str, Any]:
    return with_pod_fields(generated.stack_schema(project))


@cache
def services_schema() -> dict[str, Any]:
    return with_pod_fields(generated.services_schema())


SCHEMAS = {"stack": stack_schema, "services": services_schema}
NOT_IN_A_REPOSITORY = {".venv", ".venv-vllm", ".git", "node_modules"}


def yaml_files(pattern: str) -> list[Path]:
    found = (file for file in ROOT.rglob(pattern) if not NOT_IN_A_REPOSITORY & set(file.relative_to(ROOT).parts))
    return sorted(found)


def name(file: Path) -> str:
    return str(file.relative_to(ROOT))


STACKS = [*yaml_files("Pulumi.*.yaml"), *yaml_files("tests/rules/*/accepted.yaml")]
BASES = yaml_files("services.yaml")
# The schema knows keys and values; what two keys make of each other only the program knows.
SHAPE_ONLY = ("unknown-key", "bad-value")


def problems(schema: dict[str, Any], value: Any) -> list[str]:
    return [problem.message for problem in Draft202012Validator(schema).iter_errors(value)]


def stack(service: dict[str, Any] | None = None, cluster: Any = None) -> dict[str, Any]:
    whole = {"image": "a:1", "model": "/m", "engine": {"maxModelLen": 4096}, **(service or {})}
    return {
        "config": {
            "ascend-vllm:cluster": {"context": "prod"} if cluster is None else cluster,
            "ascend-vllm:services": {"qwen": whole},
        }
    }


@pytest.mark.parametrize("of", SCHEMAS)
def test_the_committed_schema_is_current(of: str, golden: Callable[[Path, str], None]) -> None:
    text = json.dumps(SCHEMAS[of](), indent=2, ensure_ascii=False) + "\n"

    golden(ROOT / "schema" / f"{of}.schema.json", text)


@pytest.mark.slow
@pytest.mark.parametrize("of", SCHEMAS)
def test_the_schema_is_valid(of: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[of]())


def test_the_schema_accepts_every_stack_file(subtests: pytest.Subtests) -> None:
    for file in STACKS:
        with subtests.test(file=name(file)):
            assert problems(stack_schema(), read_yaml(file.name, file.read_text(encoding="utf-8")).value) == []


@pytest.mark.parametrize("file", BASES, ids=name)
def test_the_schema_accepts_every_base_file(file: Path) -> None:
    assert problems(services_schema(), read_yaml(file.name, file.read_text(encoding="utf-8")).value) == []


@pytest.mark.slow
def test_an_editor_reads_the_same_values_as_the_engine(subtests: pytest.Subtests) -> None:
    for file in [*STACKS, *BASES]:
        with subtests.test(file=name(file)):
            text = file.read_text(encoding="utf-8")

            assert yaml.safe_load(text) == read_yaml(file.name, text).value


def test_the_first_line_of_every_file_names_its_schema(subtests: pytest.Subtests) -> None:
    for file in [*STACKS, *BASES]:
        with subtests.test(file=name(file)):
            first = file.read_text(encoding="utf-8").splitlines()[0]
            schema = "services" if file in BASES else "stack"

            assert first.startswith("# yaml-language-server: $schema=")
            assert (ROOT / "schema" / f"{schema}.schema.json") == (file.parent / first.partition("=")[2]).resolve()


@pytest.mark.parametrize("rule", SHAPE_ONLY)
def test_an_editor_refuses_what_the_shape_refuses(rule: str) -> None:
    file = ROOT / "tests" / "rules" / rule / "refused.yaml"

    assert problems(stack_schema(), read_yaml(file.name, file.read_text(encoding="utf-8")).value) != []


ACCEPTED = [
    ({"model": {"name": "Qwen", "source": "/m"}}, "a mapping"),
    ({"model": None}, "null removes a field of the base"),
    ({"server": "api_server"}, "the short form of a server"),
    ({"server": {"chatTemplate": "/t.jinja"}}, "the short form of a template"),
    ({"server": {"chatTemplate": {"inline": "x"}}}, "a template that is written out"),
    ({"multimodal": True}, "the short form of all defaults"),
    ({"multimodal": {"imageFetchTimeout": "100s"}}, "a duration"),
    ({"visibleDevices": "0,1"}, "the manual's text"),
    ({"visibleDevices": [0, 1]}, "a list"),
    ({"visibleDevices": 0}, "one device"),
    ({"engine": {"maxModelLen": 1, "servedModelName": "a"}}, "one name"),
    ({"engine": {"maxModelLen": 1, "servedModelName": ["a", "b"]}}, "several names"),
    ({"engine": {"maxModelLen": 1, "extraArgs": {"ropeScaling": {"type": "yarn"}}}}, "any value of a further flag"),
    ({"env": {"A": "1"}, "accept": {"idle-npus": "spare"}}, "mappings of text"),
    ({"env": {"A": None}, "accept": {"idle-npus": None}}, "null removes an entry of the base"),
    (
        {"lora": {"adapters": {"a": "/a", "b": None}, "maxRank": None}},
        "null removes an adapter, and a default comes back",
    ),
    ({"lora": {"maxRank": 32}}, "the adapters may stand in the base"),
    ({"speculative": {"tokens": 3}, "graph": {"kind": None}}, "so may the kind"),
    ({"mindSpeed": {"kind": "install", "commit": None}}, "null at any depth"),
    ({"model": {"facts": {"ropeScaling": {"factor": None}}}}, "null at any depth"),
]
REFUSED = [
    ({"max-model-len": 1}, "an unknown key"),
    ({"engine": {"max-model-len": 1}}, "an unknown key of the engine"),
    ({"npus": "8"}, "text for a number"),
    ({"npus": 0}, "out of its range"),
    ({"npus": 1.5}, "a fraction"),
    ({"image": 5}, "a number for text"),
    ({"image": "a b"}, "a space in an image"),
    ({"engine": {"servedModelName": "-x"}}, "a name that is a flag"),
    ({"engine": {"servedModelName": [""]}}, "a name that is empty"),
    ({"graph": "fast"}, "no such choice"),
    ({"server": "openia"}, "a slip in a short form"),
    ({"server": {"port": 70000}}, "no port"),
    ({"multimodal": False}, "left out is off"),
    ({"multimodal": {"imageFetchTimeout": "100"}}, "a duration without unit"),
    ({"multimodal": {"imageFetchTimeout": 100}}, "a duration as a number"),
    ({"model": "m"}, "a path that is not absolute"),
    ({"visibleDevices": [-1]}, "no index"),
    ({"visibleDevices": "a"}, "no index"),
    ({"engine": {"blockSize": 16}}, "no such choice"),
    ({"engine": {"gpuMemoryUtilization": 2}}, "no share"),
    ({"env": {"A": 1}}, "a number for a variable"),
    ({"env": {"1A": "x"}}, "no variable's name"),
]


@pytest.mark.parametrize(("service", "reason"), ACCEPTED)
def test_an_editor_accepts_what_the_program_accepts(service: dict[str, Any], reason: str) -> None:
    assert problems(stack_schema(), stack(service)) == [], reason


@pytest.mark.parametrize(("service", "reason"), REFUSED)
def test_an_editor_refuses_what_the_program_refuses(service: dict[str, Any], reason: str) -> None:
    value = stack(service)

    assert problems(stack_schema(), value) != [], reason
    assert load_text("test", "Pulumi.test.yaml", json.dumps(value)).findings, reason


@pytest.mark.parametrize(
    ("cluster", "accepted"),
    [
        ({"context": "a", "namespace": "b", "platform": "cce"}, True),
        ({"context": "a", "namespace": {"name": "b", "create": False}}, True),
        ({"context": "a", "platform": {"kind": "mindcluster", "driver": "/d"}}, True),
        ({"context": "a", "platform": {"driver": {"hostPath": "/d", "mountPath": "/e"}}}, True),
        ({"context": "a", "pools": {"a": {"nodes": 1, "npusPerNode": 8, "npuMemory": "64Gi"}}}, True),
        ({}, False),
        ("a", False),
        ({"context": "a", "platform": "gpu"}, False),
        ({"context": "a", "platform": {"driver": "d"}}, False),
        ({"context": "a", "contxt": "b"}, False),
        ({"context": "a", "pools": {"a": {"nodes": 1}}}, False),
        ({"context": "a", "pools": {"a": {"nodes": 1, "npusPerNode": 8, "npuMemory": "64GB"}}}, False),
        ({"context": "a", "pools": {"A": {"nodes": 1, "npusPerNode": 8, "npuMemory": "64Gi"}}}, False),
    ],
)
def test_editor_and_program_agree_about_a_cluster(cluster: Any, accepted: bool) -> None:
    value = stack(cluster=cluster)

    assert accepted == (problems(stack_schema(), value) == [])
    assert accepted == (load_text("test", "Pulumi.test.yaml", json.dumps(value)).findings == ())


@pytest.mark.parametrize(
    ("value", "accepted", "reason"),
    [
        ({"config": {"ascend-vllm:services": {"qwen": None}}}, True, "null removes a service of the base"),
        ({"config": {"ascend-vllm:services": {"qwen": {"replicas": 3}}}}, True, "the rest comes from the base"),
        ({"config": {"ascend-vllm:base": "services.yaml"}}, True, "a base alone"),
        ({"config": {"kubernetes:context": "x"}}, True, "keys of others"),
        ({"config": {}, "encryptionsalt": "v1:x", "secretsprovider": "p", "encryptedkey": "k"}, True, "Pulumi's own"),
        ({"config": {"ascend-vllm:service": {}}}, False, "an unknown key of the project"),
        ({"config": {"services": {}}}, False, "a key without prefix"),
        ({"configs": {}}, False, "an unknown key at the top"),
        ({"config": {"ascend-vllm:services": {"Qwen": {}}}}, False, "no name of a service"),
    ],
)
def test_the_schema_knows_what_a_stack_file_holds(value: Any, accepted: bool, reason: str) -> None:
    assert accepted == (problems(stack_schema(), value) == []), reason


@pytest.mark.parametrize(
    ("value", "accepted"),
    [
        ({"services": {}}, True),
        ({"services": {"qwen": {"image": "a:1"}}}, True),
        ({}, False),
        ({"services": []}, False),
        ({"services": {"Qwen": {}}}, False),
        ({"services": {}, "cluster": {}}, False),
    ],
)
def test_the_schema_of_a_base_file_knows_services_alone(value: Any, accepted: bool) -> None:
    assert accepted == (problems(services_schema(), value) == [])


@pytest.mark.slow
def test_a_project_of_another_name_has_its_own_prefix() -> None:
    schema = stack_schema("inference")

    assert problems(schema, {"config": {"inference:services": {}}}) == []
    assert problems(schema, {"config": {"inference:service": {}}}) != []


def described(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key of every record. The fields of Kubernetes are described by Kubernetes."""
    for record, definition in schema["$defs"].items():
        if record.startswith("Kubernetes"):
            continue
        for whole in (definition, *definition.get("anyOf", [])):
            for key, field in whole.get("properties", {}).items():
                yield f"{record}.{key}", field


@pytest.mark.parametrize("of", SCHEMAS)
def test_every_key_is_described_in_one_line(of: str) -> None:
    keys = dict(described(SCHEMAS[of]()))

    assert keys
    assert [key for key, field in keys.items() if not field.get("description")] == []
    assert [key for key, field in keys.items() if "\n" in field["description"]] == []


@pytest.mark.parametrize("of", SCHEMAS)
def test_every_reference_leads_somewhere(of: str) -> None:
    schema = SCHEMAS[of]()
    wanted = {part.partition('"')[0] for part in json.dumps(schema).split('"#/$defs/')[1:]}

    assert wanted <= schema["$defs"].keys()
    assert schema["$defs"].keys() <= wanted
