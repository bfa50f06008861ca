"""Errors of shape, from the stack file to the words that a user reads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic.fields import FieldInfo

from models.check import check
from models.config import ClusterConfig, Model, Pool, ServiceConfig
from models.engine import EngineArgs
from models.features import Multimodal
from models.finding import Finding
from models.parse import parse
from models.server import ChatTemplate, Server
from models.shape import nearest
from models.typed import Typed, byte_count, seconds
from tests.conftest import HEAD, stack_of

SERVICE = {"image": "a:1", "model": "/m/Qwen2-7B", "engine": "{maxModelLen: 4096}"}


def refused(**fields: str) -> list[Finding]:
    """What is said of a service with these fields, written as YAML; an empty text leaves a field out."""
    lines = "".join(f"  {key}: {value}\n" for key, value in {**SERVICE, **fields}.items() if value)
    return list(stack_of(f"qwen:\n{lines}").findings)


def of_cluster(cluster: str) -> list[Finding]:
    return list(
        stack_of("", head=f"config:\n  ascend-vllm:cluster: {cluster}\n  ascend-vllm:services: {{}}\n").findings
    )


def one(found: list[Finding]) -> Finding:
    (finding,) = found
    return finding


@pytest.mark.parametrize(
    ("engine", "key", "fix", "reason"),
    [
        ("max-num-seqs: 8", "max-num-seqs", "write maxNumSeqs", "pasted from the manual"),
        ("MAX_NUM_SEQS: 8", "MAX_NUM_SEQS", "write maxNumSeqs", "written like a variable"),
        ("maxnumseqs: 8", "maxnumseqs", "write maxNumSeqs", "written without humps"),
        ("blocksize: 64", "blocksize", "write blockSize", "written without humps"),
        ("maxNumSeq: 8", "maxNumSeq", "write maxNumSeqs", "a letter is missing"),
        ("tensorParalelSize: 2", "tensorParalelSize", "write tensorParallelSize", "a letter is missing inside"),
        ("swapSpace: 8", "swapSpace", "write engine.extraArgs: {swapSpace: …}", "a flag without a key of its own"),
        ("swap-space: 8", "swap-space", "write engine.extraArgs: {swapSpace: …}", "the same as vLLM writes it"),
        ("enforceEager: true", "enforceEager", "write graph: eager", "graph mode has a key outside the engine"),
        ("enforce-eager: true", "enforce-eager", "write graph: eager", "the same as vLLM writes it"),
        ("port: 8080", "port", "write server.port", "the port belongs to the server"),
        ("host: 0.0.0.0", "host", "write server.host", "so does the address"),
        ("chat-template: /a", "chat-template", "write server.chatTemplate", "and the chat template"),
        ("tp: 2", "tp", "write engine.tensorParallelSize", "an abbreviation"),
        ("model: /m", "model", "write model.source", "the weights stand beside the engine"),
    ],
)
def test_an_unknown_engine_key_is_refused_with_the_one_that_was_meant(
    engine: str, key: str, fix: str, reason: str
) -> None:
    finding = one(refused(engine=f"{{maxModelLen: 4096, {engine}}}"))

    assert (finding.rule, finding.message) == ("unknown-key", f"unknown key {key!r}"), reason
    assert fix == finding.fix, reason
    assert finding.marks[0].field == f"engine.{key}", reason


@pytest.mark.parametrize(
    ("field", "value", "fix", "reason"),
    [
        ("Image", "a:1", "write image", "a capital letter"),
        ("replica", "2", "write replicas", "a letter is missing"),
        ("visible-devices", "[0]", "write visibleDevices", "dashes"),
        ("enforceEager", "true", "write graph: eager", "a flag beside the engine"),
        ("port", "80", "write server.port", "the server's key beside the server"),
        ("maxModelLen", "8192", "write engine.maxModelLen", "the engine's key beside the engine"),
    ],
)
def test_an_unknown_service_key_is_refused_with_the_one_that_was_meant(
    field: str, value: str, fix: str, reason: str
) -> None:
    finding = one(refused(**{field: value}))

    assert (finding.rule, finding.fix) == ("unknown-key", fix), reason


def test_a_key_that_resembles_none_is_refused_with_the_list_of_all() -> None:
    finding = one(refused(xyz="1"))

    assert finding.fix.startswith("remove it; known here: image, model, npus, replicas")


def test_every_unknown_key_is_found_at_once() -> None:
    found = refused(engine="{maxModelLen: 1, foo: 1, bar: 2}", baz="3")

    assert {finding.message for finding in found} == {"unknown key 'foo'", "unknown key 'bar'", "unknown key 'baz'"}


@pytest.mark.parametrize(
    ("field", "message", "fix", "where"),
    [
        ("image", "image is missing", "add image: registry.example.com/ascend-vllm:6.3.912", ""),
        ("model", "model is missing", "add model: /mnt/models/Qwen2-7B-Instruct", ""),
        ("engine", "engine is missing", 'add engine: {"maxModelLen": 4096}', ""),
    ],
)
def test_a_missing_key_is_said_with_an_example(field: str, message: str, fix: str, where: str) -> None:
    finding = one(refused(**{field: ""}))

    assert (finding.rule, finding.message, finding.fix) == ("missing-key", message, fix)
    assert where == finding.marks[0].field
    assert finding.service == "qwen"


def test_a_missing_key_of_a_mapping_is_shown_at_the_mapping() -> None:
    finding = one(refused(engine="{maxNumSeqs: 8}"))

    assert (finding.message, finding.fix) == ("maxModelLen is missing", "add maxModelLen: 4096")
    assert finding.marks[0].field == "engine"


# field, its value, the message, the fix, where it is shown, the reason
WRONG = [
    ("npus", '"8"', 'npus must be a whole number, not text "8"', "write npus: 1", "npus", "quotes make text"),
    ("npus", "1.5", "npus must be a whole number, not the number 1.5", "write npus: 1", "npus", "a fraction"),
    ("npus", "true", "npus must be a whole number, not the truth value true", "write npus: 1", "npus", "no number"),
    ("npus", "[1]", "npus must be a whole number, not a list", "write npus: 1", "npus", "a list"),
    ("npus", "{a: 1}", "npus must be a whole number, not a mapping", "write npus: 1", "npus", "a mapping"),
    ("npus", "0", "npus 0 must be at least 1", "write npus: 1", "npus", "a pod without NPU"),
    ("replicas", "-1", "replicas -1 must be at least 0", "write replicas: 1", "replicas", "below zero"),
    ("image", "5", "image must be text, not the number 5", 'write it in quotes: "5"', "image", "a number"),
    (
        "image",
        "true",
        "image must be text, not the truth value true",
        'write it in quotes: "true"',
        "image",
        "a truth value as YAML writes it, not as Python does",
    ),
    (
        "image",
        '"a b"',
        'image "a b" must be an image\'s name as container runtimes take it: registry/name:tag',
        "write image: registry.example.com/ascend-vllm:6.3.912",
        "image",
        "a space",
    ),
    (
        "model",
        "Qwen/Qwen2-7B",
        'source "Qwen/Qwen2-7B" must be an absolute path',
        "write source: /mnt/models/Qwen2-7B-Instruct",
        "model.source",
        "a name of the hub is no path",
    ),
    (
        "model",
        "5",
        "model must be a mapping, not the number 5",
        "write model: /mnt/models/Qwen2-7B-Instruct",
        "model",
        "",
    ),
    (
        "graph",
        "true",
        "graph must be a mapping, not the truth value true",
        "write graph: eager",
        "graph",
        "graph mode has several kinds",
    ),
    (
        "server",
        "openia",
        "kind \"openia\" must be 'openai' or 'api_server'",
        "write 'openai' or 'api_server'",
        "server.kind",
        "a slip in the short form",
    ),
    ("server", "5", "server must be a mapping, not the number 5", "write server: openai", "server", "no server"),
    ("server", "{port: 70000}", "port 70000 must be at most 65535", "write port: 8080", "server.port", "no port"),
    (
        "server",
        "{chatTemplate: {path: a, inline: b}}",
        "chatTemplate: give either path or inline",
        "write chatTemplate: /opt/vllm/examples/template_llava.jinja",
        "server.chatTemplate",
        "two templates",
    ),
    (
        "multimodal",
        "false",
        "multimodal must be a mapping, not the truth value false",
        "write multimodal: true",
        "multimodal",
        "left out is off",
    ),
    (
        "multimodal",
        "{imageFetchTimeout: 100}",
        "imageFetchTimeout 100: write a duration with its unit, such as 100s, 25m or 1h30m",
        "write imageFetchTimeout: 100s",
        "multimodal.imageFetchTimeout",
        "a duration has a unit",
    ),
    (
        "visibleDevices",
        "[-1]",
        "visibleDevices[0] -1 must be at least 0",
        "write visibleDevices: [0, 1]",
        "visibleDevices.0",
        "an item is named with its list",
    ),
    (
        "visibleDevices",
        "[0, x]",
        'visibleDevices[1] must be a whole number, not text "x"',
        "write visibleDevices: [0, 1]",
        "visibleDevices.1",
        "the second item",
    ),
    (
        "visibleDevices",
        "a,b",
        'visibleDevices must be a list, not text "a,b"',
        "write visibleDevices: [0, 1]",
        "visibleDevices",
        "text of something else",
    ),
    ("env", "{A: 5}", "A must be text, not the number 5", 'write it in quotes: "5"', "env.A", "variables are text"),
    (
        "env",
        "{A: [1]}",
        "A must be text, not a list",
        'write env: {"HCCL_OP_EXPANSION_MODE": "AIV"}',
        "env.A",
        "what cannot be quoted is shown by an example",
    ),
    (
        "env",
        "{1A: x}",
        '1A "1A" must be a variable\'s name: letters, digits and _',
        'write env: {"HCCL_OP_EXPANSION_MODE": "AIV"}',
        "env.1A",
        "bash does not take a digit first",
    ),
    (
        "env",
        r'{A: "x\0y"}',
        r'A "x\u0000y" must not hold a NUL character',
        'write env: {"HCCL_OP_EXPANSION_MODE": "AIV"}',
        "env.A",
        "no argument list holds it",
    ),
    (
        "env",
        r'{"A\nB": x}',
        r'A\nB "A\nB" must be a variable' + "'s name: letters, digits and _",
        'write env: {"HCCL_OP_EXPANSION_MODE": "AIV"}',
        "env.A\nB",
        "a message stays on one line",
    ),
    (
        "accept",
        '{idle-npus: ""}',
        'idle-npus "" must be one line of text that is not empty',
        'write accept: {"idle-npus": "cards reserved for the second adapter"}',
        "accept.idle-npus",
        "a waiver has a reason",
    ),
    (
        "engine",
        "{maxModelLen: 1, gpuMemoryUtilization: 90}",
        "gpuMemoryUtilization 90 must be at most 1.0",
        "write gpuMemoryUtilization: 0.9",
        "engine.gpuMemoryUtilization",
        "a share, no percentage",
    ),
    (
        "engine",
        "{maxModelLen: 1, gpuMemoryUtilization: 0}",
        "gpuMemoryUtilization 0 must be more than 0.0",
        "write gpuMemoryUtilization: 0.9",
        "engine.gpuMemoryUtilization",
        "nothing is no share",
    ),
    (
        "engine",
        "{maxModelLen: 1, blockSize: 16}",
        "blockSize 16 must be 64 or 128",
        "write 64 or 128",
        "engine.blockSize",
        "a GPU's block size",
    ),
    (
        "engine",
        "{maxModelLen: 1, version: 0.9}",
        "version 0.9 must be '0.6.3'",
        "write '0.6.3'",
        "engine.version",
        "a release that the catalogue does not have",
    ),
    (
        "engine",
        "{maxModelLen: 1, servedModelName: -x}",
        'servedModelName[0] "-x" must be one line of text that does not begin with -',
        "write servedModelName: qwen2-7b",
        "engine.servedModelName.0",
        "vLLM would read a flag",
    ),
    (
        "engine",
        "{maxModelLen: 1, trustRemoteCode: yes}",
        'trustRemoteCode must be true or false, not text "yes"',
        "write trustRemoteCode: true; YAML reads yes as text",
        "engine.trustRemoteCode",
        "yes is text for the engine",
    ),
]


@pytest.mark.parametrize(("field", "value", "message", "fix", "where", "reason"), WRONG)
def test_a_wrong_value_is_refused_in_plain_words(
    field: str, value: str, message: str, fix: str, where: str, reason: str
) -> None:
    finding = one(refused(**{field: value}))

    assert (finding.rule, finding.severity) == ("bad-value", "error"), reason
    assert message == finding.message, reason
    assert fix == finding.fix, reason
    assert where == finding.marks[0].field, reason


@pytest.mark.parametrize(
    ("cluster", "message", "fix", "where"),
    [
        ("{}", "context is missing", "add context: prod-guiyang", "cluster"),
        ("prod", 'cluster must be a mapping, not text "prod"', "correct cluster", "cluster"),
        ("{context: 5}", "context must be text, not the number 5", 'write it in quotes: "5"', "cluster.context"),
        (
            '{context: ""}',
            'context "" must be one line of text that is not empty',
            "write context: prod-guiyang",
            "cluster.context",
        ),
        ("{context: a, namespce: b}", "unknown key 'namespce'", "write namespace", "cluster.namespce"),
        (
            "{context: a, namespace: 5}",
            "namespace must be a mapping, not the number 5",
            "write namespace: inference",
            "cluster.namespace",
        ),
        (
            "{context: a, namespace: A_b}",
            'name "A_b" must consist of a-z, 0-9 and -',
            "write name: inference",
            "cluster.namespace.name",
        ),
        (
            "{context: a, platform: gpu}",
            "kind \"gpu\" must be 'cce' or 'mindcluster'",
            "write 'cce' or 'mindcluster'",
            "cluster.platform.kind",
        ),
        (
            "{context: a, platform: {driver: usr/local}}",
            'hostPath "usr/local" must be an absolute path',
            "correct hostPath",
            "cluster.platform.driver.hostPath",
        ),
        (
            "{context: a, pools: {a: {nodes: 0, npusPerNode: 8, npuMemory: 64Gi}}}",
            "nodes 0 must be at least 1",
            "write nodes: 2",
            "cluster.pools.a.nodes",
        ),
        (
            "{context: a, pools: {a: {nodes: 1, npusPerNode: 65, npuMemory: 64Gi}}}",
            "npusPerNode 65 must be at most 64",
            "write npusPerNode: 8",
            "cluster.pools.a.npusPerNode",
        ),
        (
            "{context: a, pools: {a: {nodes: 1, npusPerNode: 8, npuMemory: 64GB}}}",
            'npuMemory "64GB": write a quantity with its unit, such as 64Gi',
            "write npuMemory: 64Gi",
            "cluster.pools.a.npuMemory",
        ),
        (
            "{context: a, pools: {A: {nodes: 1, npusPerNode: 8, npuMemory: 64Gi}}}",
            'A "A" must consist of a-z, 0-9 and -, begin with a letter and not end in -',
            'write pools: {"snt9b": {"nodes": 2, "npusPerNode": 8, "npuMemory": "64Gi"}}',
            "cluster.pools.A",
        ),
    ],
)
def test_a_wrong_cluster_is_refused_in_plain_words(cluster: str, message: str, fix: str, where: str) -> None:
    finding = one(of_cluster(cluster))

    assert (message, fix) == (finding.message, finding.fix)
    assert where == finding.marks[0].field


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Qwen", "a capital letter"),
        ("qwen_2", "an underscore"),
        ("2-qwen", "a digit first; a Service's name begins with a letter"),
        ("qwen-", "a dash at the end"),
        ("qwen.2", "a dot"),
        ("千问", "Chinese"),
        ("q" * 64, "longer than a label"),
        ("''", "nothing"),
    ],
)
def test_a_service_bears_a_name_that_kubernetes_accepts(name: str, reason: str) -> None:
    (finding,) = check(stack_of(f"{name}: {{image: a, model: /m, engine: {{maxModelLen: 1}}}}\n")).findings

    assert finding.rule == "bad-value", reason
    assert finding.message.startswith("the service's name"), reason
    assert finding.fix == "rename it", reason
    assert finding.span, reason


def test_a_name_of_63_letters_is_accepted() -> None:
    assert stack_of(f"{'q' * 63}: {{image: a, model: /m, engine: {{maxModelLen: 1}}}}\n").findings == ()


def test_a_service_that_is_no_mapping_is_refused_as_such() -> None:
    (finding,) = stack_of("qwen: 5\n").findings

    assert (finding.message, finding.fix) == ("qwen must be a mapping, not the number 5", "correct qwen")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"model": "/m/Qwen2-7B"}, "a path stands for the model"),
        ({"model": "{source: /m/Qwen2-7B}"}, "which is a mapping"),
        ({"server": "api_server"}, "a kind stands for the server"),
        ({"server": "{chatTemplate: /t.jinja}"}, "a path stands for a template"),
        ({"server": "{chatTemplate: {inline: x}}"}, "which may be written out"),
        ({"multimodal": "true"}, "true stands for all defaults"),
        ({"visibleDevices": "[0]"}, "a list"),
        ({"visibleDevices": "0"}, "one number"),
        ({"visibleDevices": '"0"'}, "the manual's text"),
        ({"visibleDevices": "0, 1"}, "with spaces"),
        ({"engine": "{maxModelLen: 1, servedModelName: a}"}, "one name stands for a list"),
        ({"engine": "{maxModelLen: 1, servedModelName: [a, b]}"}, "which has several"),
        ({"engine": "{maxModelLen: 1.0}"}, "a whole float is an integer in JSON"),
        ({"engine": "{maxModelLen: 0x1000}"}, "hexadecimal is a number"),
        ({"engine": "{maxModelLen: 1, gpuMemoryUtilization: 1}"}, "an integer is a number"),
        ({"env": '{A: ""}'}, "a variable may be empty"),
        ({"env": r'{A: "x\ny"}'}, "and have several lines"),
        ({"replicas": "0"}, "a service may rest"),
        ({"npus": "~"}, "null is left out"),
    ],
)
def test_what_the_language_allows_passes(fields: dict[str, str], reason: str) -> None:
    assert refused(**fields) == [], reason


@pytest.mark.parametrize(
    ("text", "expected"),
    [("100s", 100), ("25m", 1500), ("1h", 3600), ("1h30m", 5400), ("1h1m1s", 3661), ("0s", 0), ("120m", 7200)],
)
def test_a_duration_is_read_as_kubernetes_writes_it(text: str, expected: int) -> None:
    assert expected == seconds(text)


@pytest.mark.parametrize(
    "text", ["", "100", "s", "1d", "30m1h", "1.5h", "-1s", "1 s", "100s\n", "１s", 100, None, True, []]
)
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="with its unit"):
        seconds(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("64Gi", 64 * 2**30), ("1Ki", 1024), ("1Mi", 2**20), ("2Ti", 2**41), ("1k", 1000), ("3M", 3 * 10**6), ("5", 5)],
)
def test_a_quantity_is_read_as_kubernetes_writes_it(text: str, expected: int) -> None:
    assert expected == byte_count(text)


@pytest.mark.parametrize("text", ["", "Gi", "64GB", "64gi", "-1Gi", "1.5Gi", "64 Gi", "64Gi\n", "６4Gi", 64, None, []])
def test_what_is_no_quantity_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="with its unit"):
        byte_count(text)


@pytest.mark.parametrize(
    ("name", "expected", "reason"),
    [
        ("--max-model-len", "maxModelLen", "the flag as the manual has it"),
        ("MAX_MODEL_LEN", "maxModelLen", "like a variable"),
        ("maxmodellength", "maxModelLen", "almost"),
        ("maxModel", "maxModelLen", "the beginning"),
        ("replicas", None, "nothing near"),
        ("", None, "nothing"),
    ],
)
def test_case_and_dashes_do_not_count_for_the_nearest_key(name: str, expected: str | None, reason: str) -> None:
    assert expected == nearest(name, {"maxModelLen": 1, "blockSize": 2}), reason


def test_a_record_of_the_right_shape_is_made() -> None:
    record, found = parse(Model, {"source": "/m"}, ("model",))

    assert found == []
    assert record == Model(source="/m")


RECORDS = (ClusterConfig, Pool, Model, ServiceConfig, EngineArgs, Server, ChatTemplate, Multimodal)


def fields() -> Iterator[tuple[type[Typed], str, FieldInfo]]:
    for record in RECORDS:
        for name, field in record.model_fields.items():
            yield record, name, field


@pytest.mark.parametrize(
    ("record", "name", "field"), [pytest.param(*entry, id=f"{entry[0].__name__}.{entry[1]}") for entry in fields()]
)
def test_any_value_of_any_key_is_refused_in_words_or_taken(record: type[Typed], name: str, field: FieldInfo) -> None:
    for value in (None, True, -1, 0.5, "", "x\n", "\x00", [], [None], {}, {"": None}, {"[key]": {}}):
        _, found = parse(record, {field.alias: value}, ("here",))
        for finding in found:
            assert "\n" not in finding.message + finding.fix
            assert "BaseModel" not in finding.message
            assert finding.why


@pytest.mark.parametrize(
    ("record", "name", "field"),
    [pytest.param(*entry, id=f"{entry[0].__name__}.{entry[1]}") for entry in fields() if entry[2].examples],
)
def test_the_example_that_a_fix_shows_is_accepted(record: type[Typed], name: str, field: FieldInfo) -> None:
    for example in field.examples or ():
        _, found = parse(record, {field.alias: example}, ("here",))

        assert [finding for finding in found if finding.rule != "missing-key"] == []


def test_a_finding_of_the_head_counts_for_no_service() -> None:
    (finding,) = stack_of("{}\n", head=HEAD.replace("nodes: 2", "nodes: 0")).findings

    assert finding.service is None
