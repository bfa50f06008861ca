"""Errors of shape, from the stack file to the words that a user reads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic.fields import FieldInfo

from models.check import check
from models.engines.engine_args import EngineArgs
from models.engines.features import Multimodal
from models.engines.server import InlineTemplate, Server, TemplateFile
from models.record import Record
from models.stack_file.errors.unknown_keys import nearest
from models.stack_file.keys.cluster import ClusterConfig, Pool
from models.stack_file.keys.model import Model
from models.stack_file.keys.service import ServiceConfig
from models.stack_file.parse import parse
from tests.conftest import HEAD, stack_of
from tests.models.shapes import one, refused


@pytest.mark.parametrize(
    ("engine", "key", "fix", "reason"),
    [
        ("max-num-seqs: 8", "max-num-seqs", "write maxNumSeqs: 8", "pasted from the manual"),
        ("MAX_NUM_SEQS: 8", "MAX_NUM_SEQS", "write maxNumSeqs: 8", "written like a variable"),
        ("maxnumseqs: 8", "maxnumseqs", "write maxNumSeqs: 8", "written without humps"),
        ("blocksize: 64", "blocksize", "write blockSize: 64", "written without humps"),
        ("maxNumSeq: 8", "maxNumSeq", "write maxNumSeqs: 8", "a letter is missing"),
        ("tensorParalelSize: 2", "tensorParalelSize", "write tensorParallelSize: 2", "a letter is missing inside"),
        (
            "swapSpace: 8",
            "swapSpace",
            "write engine.extraArgs.swapSpace: 8 and remove engine.swapSpace",
            "a flag without a key of its own",
        ),
        (
            "swap-space: 8",
            "swap-space",
            "write engine.extraArgs.swapSpace: 8 and remove engine.swap-space",
            "the same as vLLM writes it",
        ),
        (
            "enforceEager: true",
            "enforceEager",
            "write graph: eager and remove engine.enforceEager",
            "graph mode has a key outside the engine",
        ),
        (
            "enforce-eager: true",
            "enforce-eager",
            "write graph: eager and remove engine.enforce-eager",
            "the same as vLLM writes it",
        ),
        ("port: 8080", "port", "write server.port: 8080 and remove engine.port", "the port belongs to the server"),
        ("host: 0.0.0.0", "host", "write server.host: 0.0.0.0 and remove engine.host", "so does the address"),
        (
            "chat-template: /a",
            "chat-template",
            "write server.chatTemplate: /a and remove engine.chat-template",
            "and the chat template",
        ),
        ("npus: 2", "npus", "write npus: 2 and remove engine.npus", "the NPUs of the pods"),
        ("nodes: 2", "nodes", "write nodes: 2 and remove engine.nodes", "the nodes of a replica"),
        ("replicas: '2'", "replicas", "write replicas: 2 and remove engine.replicas", "as a text"),
        ("env: {A: b}", "env", "write env: {A: b} and remove engine.env", "the variables"),
        ("tp: 2", "tp", "write engine.tensorParallelSize: 2 and remove engine.tp", "an abbreviation"),
        ("model: /m", "model", "write model.source: /m and remove engine.model", "the weights stand beside the engine"),
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
        ("Image", "a:1", "write image: a:1", "a capital letter"),
        ("replica", "2", "write replicas: 2", "a letter is missing"),
        ("visible-devices", "[0]", "rename visible-devices to visibleDevices", "dashes"),
        ("enforceEager", "true", "write graph: eager and remove enforceEager", "a flag beside the engine"),
        ("port", "80", "write server.port: 80 and remove port", "the server's key beside the server"),
        (
            "additionalConfig",
            "{enableCpuBinding: true}",
            "write engine.additionalConfig: {enableCpuBinding: true} and remove additionalConfig",
            "a mapping of the engine",
        ),
        (
            "additional_config",
            "{enableCpuBinding: true}",
            "write engine.additionalConfig: {enableCpuBinding: true} and remove additional_config",
            "the same as vLLM writes it",
        ),
        ("extraArgs", "{seed: 1}", "write engine.extraArgs: {seed: 1} and remove extraArgs", "the engine's flags"),
        (
            "labels",
            "{a: b}",
            "write podTemplate.metadata.labels: {a: b} and remove labels",
            "a mapping of the pod",
        ),
        ("updateStrategy", "Recreate", "write rollout: recreate and remove updateStrategy", "the Deployment's key"),
        (
            "strategy",
            "{type: Recreate}",
            "write rollout: recreate and remove strategy",
            "the Deployment's mapping",
        ),
        (
            "updateStrategy",
            "RollingUpdate",
            "write rollout: rollingUpdate and remove updateStrategy",
            "its other value",
        ),
        (
            "terminationGracePeriodSeconds",
            "30",
            "write drain: 30s and remove terminationGracePeriodSeconds",
            "the pod's key",
        ),
        (
            "maxModelLen",
            "8192",
            "write engine.maxModelLen: 8192 and remove maxModelLen",
            "the engine's key beside the engine",
        ),
    ],
)
def test_an_unknown_service_key_is_refused_with_the_one_that_was_meant(
    field: str, value: str, fix: str, reason: str
) -> None:
    finding = one(refused(**{field: value}))

    assert (finding.rule, finding.fix) == ("unknown-key", fix), reason


def test_flags_beside_the_engine_join_those_of_the_engine() -> None:
    found = refused(engine="{maxModelLen: 4096, extraArgs: {swapSpace: 4}}", extraArgs="{seed: 1}")

    assert one(found).fix == "write engine.extraArgs: {swapSpace: 4, seed: 1} and remove extraArgs"


def test_an_unknown_key_of_an_item_is_refused_with_those_of_the_item() -> None:
    port = one(refused(network="{admit: [a], egress: [{cidr: 10.0.0.0/8, port: 443}]}"))
    key = one(refused(pullSecrets="[{secret: a, xyz: b}]"))

    assert port.fix == "write ports: [443]"
    assert key.fix == "remove xyz (known keys: secret)"


def test_a_key_without_a_similar_key_is_refused_with_the_list_of_known_keys() -> None:
    finding = one(refused(xyz="1"))

    assert finding.fix.startswith("remove xyz (known keys: image, model, npus, replicas")


def test_all_unknown_keys_are_found_in_one_check() -> None:
    found = refused(engine="{maxModelLen: 1, foo: 1, bar: 2}", baz="3")

    assert {finding.message for finding in found} == {"unknown key 'foo'", "unknown key 'bar'", "unknown key 'baz'"}


@pytest.mark.parametrize(
    ("field", "message", "fix", "where"),
    [
        ("image", "image is missing", "write image: registry.example.com/ascend-vllm:6.3.912 under services.qwen", ""),
        ("model", "model is missing", "write model: /mnt/models/Qwen2-7B-Instruct under services.qwen", ""),
        ("engine", "engine is missing", "write engine: {maxModelLen: 4096} under services.qwen", ""),
    ],
)
def test_a_missing_key_is_said_with_an_example(field: str, message: str, fix: str, where: str) -> None:
    finding = one(refused(**{field: ""}))

    assert (finding.rule, finding.message, finding.fix) == ("missing-key", message, fix)
    assert where == finding.marks[0].field
    assert finding.service == "qwen"


def test_a_missing_key_of_a_mapping_is_shown_at_the_mapping() -> None:
    finding = one(refused(engine="{maxNumSeqs: 8}"))

    assert (finding.message, finding.fix) == ("maxModelLen is missing", "write maxModelLen: 4096 under engine")
    assert finding.marks[0].field == "engine"


@pytest.mark.parametrize(
    ("source", "begins"),
    [
        (
            "{kind: bucket, region: r, bucket: b}",
            "write endpoint: https://obs.cn-north-4.myhuaweicloud.com under model.source",
        ),
        (
            "{kind: bucket, endpoint: 'https://o.com/b', region: r, bucket: b}",
            "write source: {bucket: b, endpoint: https://obs.cn-north-4.myhuaweicloud.com, kind: bucket, region: r}",
        ),
        ("{kind: claim, name: c, class: nfs}", "write source: {class: nfs, kind: claim, name: c, size: 500Gi}"),
        ("{kind: claim}", "write name: models under model.source"),
        ("{kind: clam, name: c}", "write kind: claim"),
        ("{path: /m, name: c}", "remove name"),
        ("{path: m}", "write path: /mnt/models/m"),
        ("7", "write source: /mnt/models/Qwen2-7B-Instruct"),
    ],
)
def test_the_fix_of_a_refused_mapping_is_a_mapping_of_its_kind(source: str, begins: str) -> None:
    assert one(refused(model=f"{{source: {source}, verify: m.json}}")).fix.startswith(begins)


@pytest.mark.parametrize(
    ("directory", "fix"),
    [
        ("Phi-4/", "write directory: Phi-4"),
        ("./Phi-4", "write directory: Phi-4"),
        ("team//Phi-4//", "write directory: team/Phi-4"),
        ("old/../Phi-4", "write directory: Phi-4"),
        ("../Phi-4", "write directory: Phi-4"),
        (".", "remove directory"),
        ("/", "write model: {source: {kind: claim, name: c}}"),
        ("", "remove directory"),
    ],
)
def test_the_fix_of_a_directory_in_a_claim_keeps_the_users_own_path(directory: str, fix: str) -> None:
    assert one(refused(model=f"{{source: {{kind: claim, name: c, directory: '{directory}'}}}}")).fix == fix


def test_the_fix_of_a_bucket_without_manifest_has_both() -> None:
    model = "{source: {kind: bucket, endpoint: 'https://o.com', region: r, bucket: b}}"
    fix = one(refused(model=model)).fix

    assert fix == (
        "write model: {source: {bucket: b, endpoint: https://o.com, kind: bucket, region: r}, "
        "verify: checksums/Qwen2-7B-Instruct.json}"
    )


def test_the_finding_about_an_unknown_key_in_a_list_names_the_known_keys() -> None:
    assert one(refused(pullSecrets="[{name: registry}]")).fix == "write pullSecrets: [registry]"
    assert one(refused(pullSecrets="[registry, {confg: registry}]")).fix == "write pullSecrets.1: {secret: registry}"


@pytest.mark.parametrize(
    ("name", "valid", "reason"),
    [
        ("Qwen", "qwen", "a capital letter"),
        ("qwen_2", "qwen-2", "an underscore"),
        ("2-qwen", "model-2-qwen", "a digit first; a Service's name begins with a letter"),
        ("qwen-", "qwen", "a dash at the end"),
        ("qwen.2", "qwen-2", "a dot"),
        ("千问", "model", "Chinese"),
        ("q" * 64, "q" * 63, "longer than a label"),
        ("''", "model", "nothing"),
    ],
)
def test_a_service_bears_a_name_that_kubernetes_accepts(name: str, valid: str, reason: str) -> None:
    (finding,) = check(stack_of(f"{name}: {{image: a:1, model: /m, engine: {{maxModelLen: 1}}}}\n")).findings

    assert finding.rule == "bad-value", reason
    assert finding.message.startswith("the service's name"), reason
    assert finding.fix == f"rename services.{name.strip(chr(39))} to {valid}", reason
    assert finding.span, reason


def test_a_name_of_63_letters_is_accepted() -> None:
    assert stack_of(f"{'q' * 63}: {{image: a:1, model: /m, engine: {{maxModelLen: 1}}}}\n").findings == ()


def test_a_service_that_is_no_mapping_is_refused_as_such() -> None:
    (finding,) = stack_of("qwen: 5\n").findings

    assert (finding.message, finding.fix) == (
        "qwen must be a mapping, not the number 5",
        "write services.qwen: {image: registry.example.com/ascend-vllm:6.3.912, model: /mnt/models/Qwen2-7B-Instruct, "
        "engine: {maxModelLen: 4096}}",
    )


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


RECORDS = (ClusterConfig, Pool, Model, ServiceConfig, EngineArgs, Server, TemplateFile, InlineTemplate, Multimodal)


def fields() -> Iterator[tuple[type[Record], str, FieldInfo]]:
    for record in RECORDS:
        for name, field in record.model_fields.items():
            yield record, name, field


@pytest.mark.parametrize(
    ("record", "name", "field"), [pytest.param(*entry, id=f"{entry[0].__name__}.{entry[1]}") for entry in fields()]
)
@pytest.mark.slow
def test_any_value_of_any_key_is_refused_in_words_or_taken(record: type[Record], name: str, field: FieldInfo) -> None:
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
def test_the_example_that_a_fix_shows_is_accepted(record: type[Record], name: str, field: FieldInfo) -> None:
    for example in field.examples or ():
        _, found = parse(record, {field.alias: example}, ("here",))

        assert [finding for finding in found if finding.marks[0].path[1:] and finding.rule != "missing-key"] == []


def test_a_finding_of_the_head_counts_for_no_service() -> None:
    findings = stack_of("{}\n", head=HEAD.replace("nodes: 2", "nodes: 0")).findings

    assert [(finding.rule, finding.service) for finding in findings] == [("bad-value", None), ("no-services", None)]


def test_a_misspelled_key_that_is_required_is_one_error() -> None:
    value = {"image": "a:1", "model": "/m/a", "engine": {"max-model-len": 16384}}
    _, found = parse(ServiceConfig, value, ("services", "one"))

    assert [(finding.rule, finding.fix) for finding in found] == [("missing-key", "write maxModelLen: 16384")]
    assert found[0].message == "maxModelLen is missing: unknown key 'max-model-len'"
    assert found[0].marks[0].path == ("services", "one", "engine", "max-model-len")
