"""Stacks from their files: base and stack merged, values of the engine, and what is refused on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from models.check import check
from models.service.resolve import resolve
from models.stack_file.load import Project, load_stack, read_project
from tests.models.loading import BASE, CLUSTER, SERVICE, Engine, findings, load, rules


@pytest.mark.parametrize(
    ("text", "messages", "reason"),
    [
        ("", ["cluster is missing", "services is missing"], "the file is empty"),
        ("config:\n", ["cluster is missing", "services is missing"], "there is nothing below config"),
        ("- 1\n", ["a stack file is a mapping with the key config"], "the file is a list"),
        ("config: [1]\n", ["a stack file is a mapping with the key config"], "config is a list"),
        (
            "ascend-vllm:services: {}\n",
            ["services is missing: unknown key 'ascend-vllm:services'"],
            "there is no config",
        ),
        (f"config:\n{CLUSTER}  services: {{}}\n", ["services is missing: unknown key 'services'"], "no prefix"),
        (
            f"config:\n{CLUSTER}  ascend-vllm:service: {{}}\n",
            ["services is missing: unknown key 'ascend-vllm:service'"],
            "a misspelled key",
        ),
        (f"config:\n{CLUSTER}  ascend-vllm:services: ~\n", ["services is missing"], "null is nothing"),
        (f"config:\n{CLUSTER}  ascend-vllm:services: [a]\n", ["services must be a mapping, not a list"], "a list"),
    ],
)
def test_a_file_without_the_projects_keys_is_refused(
    text: str, messages: list[str], reason: str, tmp_path: Path
) -> None:
    found = [finding.message for finding in findings(load(tmp_path, text))]

    assert set(messages) <= set(found), reason


def test_a_key_without_its_prefix_is_shown_with_it(tmp_path: Path) -> None:
    found = findings(load(tmp_path, f"config:\n{CLUSTER}  services: {{}}\n"))

    assert any("ascend-vllm:services" in finding.fix for finding in found)


def test_a_missing_key_of_the_project_is_shown_at_the_first_line(tmp_path: Path) -> None:
    (finding,) = findings(load(tmp_path, f"# a comment\nconfig:\n{CLUSTER}"))

    assert finding.message == "services is missing"
    assert finding.span
    assert finding.span.line == 2


@pytest.mark.parametrize(
    "key",
    [
        "kubernetes:context: x",
        "pulumi:disable-default-providers: [kubernetes]",
        "pulumi:tags: {team: a}",
        "other:services: {a: 1}",
    ],
)
def test_keys_of_others_are_none_of_our_business(key: str, tmp_path: Path) -> None:
    assert rules(load(tmp_path, f"config:\n{CLUSTER}  {key}\n  ascend-vllm:services: {{a: {SERVICE}}}\n")) == []


@pytest.mark.parametrize("key", ["secretsprovider: passphrase", "encryptionsalt: v1:x", "encryptedkey: x"])
def test_what_pulumi_keeps_in_the_file_is_left_alone(key: str, tmp_path: Path) -> None:
    assert rules(load(tmp_path, f"{key}\nconfig:\n{CLUSTER}  ascend-vllm:services: {{a: {SERVICE}}}\n")) == []


def test_an_unknown_key_next_to_config_is_refused_with_the_nearest_key(tmp_path: Path) -> None:
    (finding,) = findings(
        load(tmp_path, f"encryptionSalt: x\nconfig:\n{CLUSTER}  ascend-vllm:services: {{a: {SERVICE}}}\n")
    )

    assert (finding.rule, finding.fix) == ("unknown-key", "rename encryptionSalt to encryptionsalt")


def test_the_projects_own_name_is_the_prefix(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: inference\nruntime: python\n")
    text = f"config:\n  inference:cluster: {{context: prod}}\n  inference:services: {{a: {SERVICE}}}\n"

    assert rules(load(tmp_path, text)) == []


def test_a_key_of_another_project_is_renamed(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: inference\nruntime: python\n")
    found = findings(load(tmp_path, f"config:\n{CLUSTER}  ascend-vllm:services: {{a: {SERVICE}}}\n"))

    assert [finding.fix for finding in found] == [
        "rename ascend-vllm:cluster to inference:cluster",
        "rename ascend-vllm:services to inference:services",
    ]
    assert "belongs to a project named ascend-vllm, and this project is named inference" in found[0].message


def test_the_keys_of_a_provider_stay_as_they_are(tmp_path: Path) -> None:
    text = f"config:\n  kubernetes:cluster: prod\n{CLUSTER}  ascend-vllm:services: {{a: {SERVICE}}}\n"

    assert rules(load(tmp_path, text)) == []


def test_the_keys_of_a_provider_do_not_replace_ours(tmp_path: Path) -> None:
    found = findings(load(tmp_path, f"config:\n  kubernetes:cluster: prod\n  ascend-vllm:services: {{a: {SERVICE}}}\n"))

    assert [finding.message for finding in found] == ["cluster is missing"]


def test_stack_files_lie_where_the_project_says(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: ascend-vllm\nstackConfigDir: stacks\n")
    (tmp_path / "stacks").mkdir()
    text = f"config:\n{CLUSTER}  ascend-vllm:base: shared.yaml\n"
    (tmp_path / "stacks" / "Pulumi.dev.yaml").write_text(text)
    (tmp_path / "stacks" / "shared.yaml").write_text(BASE)

    assert sorted(load_stack("dev", project=tmp_path).services) == ["llava", "qwen"]


@pytest.mark.parametrize(
    ("content", "expected", "reason"),
    [
        (None, Project("ascend-vllm", "."), "there is no Pulumi.yaml"),
        (b"", Project("ascend-vllm", "."), "it is empty"),
        (b"- 1\n", Project("ascend-vllm", "."), "it is no mapping"),
        (b"name: [\n", Project("ascend-vllm", "."), "it is no YAML"),
        (b"name: other # \xff\n", Project("ascend-vllm", "."), "it is not UTF-8"),
        (b"name: other\n", Project("other", "."), "it has a name only"),
    ],
)
def test_a_project_that_says_nothing_has_the_usual_name(
    content: bytes | None, expected: Project, reason: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "Pulumi.yaml").write_bytes(content)

    assert expected == read_project(tmp_path), reason


def test_a_stack_without_file_is_no_stack(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_stack("dev", project=tmp_path)


SECRETS = [
    ("services", "{qwen: {env: {TOKEN: {secure: v1:abc}}}}", "ascend-vllm:services.qwen.env.TOKEN", "in a mapping"),
    ("services", "{qwen: {model: {secure: v1:abc}}}", "ascend-vllm:services.qwen.model", "in the place of a mapping"),
    ("services", "{qwen: {env: {a.b: {secure: v1:abc}}}}", 'ascend-vllm:services.qwen.env["a.b"]', "a key with a dot"),
    (
        "services",
        "{qwen: {engine: {servedModelName: [a, {secure: v1:abc}]}}}",
        "ascend-vllm:services.qwen.engine.servedModelName[1]",
        "in a list",
    ),
    ("services", "{qwen: {secure: v1:abc}}", "ascend-vllm:services.qwen", "a whole service"),
    ("services", "{secure: v1:abc}", "ascend-vllm:services", "all services"),
    ("cluster", "{context: {secure: v1:abc}}", "ascend-vllm:cluster.context", "in the cluster"),
]


@pytest.mark.parametrize(("key", "value", "path", "reason"), SECRETS)
def test_a_secret_value_is_refused_with_the_command_that_removes_it(
    key: str, value: str, path: str, reason: str, tmp_path: Path
) -> None:
    other = "" if key == "cluster" else CLUSTER
    found = findings(load(tmp_path, f"config:\n{other}  ascend-vllm:{key}: {value}\n"))
    secret = [finding for finding in found if finding.rule == "secret-in-services"]

    rest = "run pulumi config set --secret NAME, and write {config: NAME} in place of the value"
    assert [f"run pulumi config rm --path '{path}', {rest}"] == [finding.fix for finding in secret], reason


@pytest.mark.parametrize("field", ["model", "image", "replicas", "graph", "visibleDevices"])
def test_the_plain_value_of_a_secret_is_never_shown(field: str, tmp_path: Path) -> None:
    text = f"config:\n{CLUSTER}  ascend-vllm:services:\n    qwen:\n      {field}: {{secure: v1:abc}}\n"
    (tmp_path / "Pulumi.dev.yaml").write_text(text)
    engine = Engine({"cluster": {"context": "prod"}, "services": {"qwen": {field: "hunter two\n"}}})
    stack = load_stack("dev", engine, tmp_path)

    assert "secret-in-services" in rules(stack)
    assert "hunter" not in "".join(f"{finding.message}{finding.fix}" for finding in findings(stack))


def test_a_service_with_a_secret_does_not_reach_the_rules(tmp_path: Path) -> None:
    text = f"config:\n{CLUSTER}  ascend-vllm:services:\n    qwen:\n      env: {{TOKEN: {{secure: v1:abc}}}}\n"
    (tmp_path / "Pulumi.dev.yaml").write_text(text)
    service = {"image": "a:1", "model": "/m", "engine": {"maxModelLen": 1}, "env": {"TOKEN": "plain"}}
    stack = load_stack("dev", Engine({"cluster": {"context": "prod"}, "services": {"qwen": service}}), tmp_path)

    assert stack.services == {}
    assert stack.broken == ("qwen",)


def test_a_broken_service_does_not_hide_its_neighbours(tmp_path: Path) -> None:
    good = SERVICE.removesuffix("}") + ", npus: 2, visibleDevices: [5, 6]}"
    stack = load(tmp_path, f"config:\n{CLUSTER}  ascend-vllm:services: {{bad: {{}}, good: {good}}}\n")
    report = check(resolve(stack))

    assert {finding.service for finding in report.findings} == {"bad", "good"}
    assert "visible-devices" in [finding.rule for finding in report.findings]
    assert report.unchecked == ("bad",)
    assert report.services == 2


@pytest.mark.parametrize(
    "cluster",
    [
        "5",
        "[a]",
        "{}",
        "{context: 5}",
        "{context: a, platform: other}",
        "{context: a, pools: {A: {}}}",
        '{"[key]": 1}',
        "{context: a, namespace: {}}",
        "{context: ~}",
    ],
)
def test_a_broken_cluster_does_not_hide_what_is_wrong_with_the_services(cluster: str, tmp_path: Path) -> None:
    good = SERVICE.removesuffix("}") + ", npus: 2, visibleDevices: [5, 6]}"
    text = f"config:\n  ascend-vllm:cluster: {cluster}\n  ascend-vllm:services: {{good: {good}}}\n"
    found = findings(load(tmp_path, text))

    assert "visible-devices" in [finding.rule for finding in found]
    assert any(mark.path[:1] == ("cluster",) for finding in found for mark in finding.marks)


def test_the_rest_of_a_broken_cluster_counts(tmp_path: Path) -> None:
    cluster = "{context: prod, platform: mindcluster, namespce: x}"
    text = f"config:\n  ascend-vllm:cluster: {cluster}\n  ascend-vllm:services: {{a: {SERVICE}}}\n"
    stack = load(tmp_path, text)

    assert stack.cluster.context == "prod"
    assert stack.cluster.platform.kind == "mindcluster"


def test_a_file_that_is_no_yaml_gives_one_finding(tmp_path: Path) -> None:
    assert rules(load(tmp_path, "config: {\n")) == ["yaml-syntax"]


WHOLE = """\
config:
  ascend-vllm:cluster: {context: prod, pools: {b: {nodes: 1, npusPerNode: 8, npuMemory: 64Gi}}}
  ascend-vllm:base: shared.yaml
  ascend-vllm:services:
    qwen: {env: {B: "2", A: "1"}, npus: 3, visibleDevices: 7}
    bad: {image: 5}
"""


SERVICE_OF_PULUMI = {"image": "a:1", "model": "/m/Qwen2-7B", "engine": {"maxModelLen": 1}}

ENGINE = {
    "cluster": {"context": "prod", "pools": {"b": {"nodes": 1, "npusPerNode": 8, "npuMemory": "64Gi"}}},
    "base": "shared.yaml",
    "services": {"qwen": {"env": {"B": "2", "A": "1"}, "npus": 3, "visibleDevices": 7}, "bad": {"image": 5}},
}


def test_values_of_the_engine_give_the_same_stack_and_the_same_findings_as_the_file(tmp_path: Path) -> None:
    from_file = load(tmp_path, WHOLE, shared=BASE)
    from_engine = load_stack("dev", Engine(ENGINE), tmp_path)

    assert from_file.services == from_engine.services
    assert from_file.cluster == from_engine.cluster
    assert findings(from_file) == findings(from_engine)
    assert rules(from_file)


def test_variables_keep_one_order_whoever_reads_the_file(tmp_path: Path) -> None:
    from_file = load(tmp_path, WHOLE, shared=BASE).services["qwen"].env
    from_engine = load_stack("dev", Engine(ENGINE), tmp_path).services["qwen"].env

    assert list(from_file) == list(from_engine) == ["A", "B"]


@pytest.mark.parametrize(
    ("base", "messages", "reason"),
    [
        ("", ["services is missing"], "neither the stack nor a base has services"),
        ("  ascend-vllm:base: shared.yaml\n", [], "the stack has the services of its base"),
    ],
)
def test_the_default_of_pulumi_yaml_for_services_is_no_choice_of_the_user(
    base: str, messages: list[str], reason: str, tmp_path: Path
) -> None:
    from_file = load(tmp_path, f"config:\n{CLUSTER}{base}", shared=BASE)
    values = {"cluster": {"context": "prod"}, "services": {}, "base": "shared.yaml" if base else ""}
    from_pulumi = load_stack("dev", Engine(values), tmp_path)

    assert messages == [finding.message for finding in findings(from_pulumi)], reason
    assert findings(from_file) == findings(from_pulumi), reason
    assert list(from_file.services) == list(from_pulumi.services)


def test_values_of_the_engine_win_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text(f"config:\n{CLUSTER}  ascend-vllm:services: {{a: {SERVICE}}}\n")
    engine = Engine({"cluster": {"context": "other"}, "services": {}})
    stack = load_stack("dev", engine, tmp_path)

    assert (stack.cluster.context, dict(stack.services)) == ("other", {})


def test_the_engine_needs_no_file(tmp_path: Path) -> None:
    services = {"a": SERVICE_OF_PULUMI}
    stack = load_stack("dev", Engine({"cluster": {"context": "prod"}, "services": services}), tmp_path)

    assert rules(stack) == []
    assert list(stack.services) == ["a"]


@pytest.mark.parametrize(
    ("values", "messages", "reason"),
    [
        ({}, ["cluster is missing", "services is missing"], "it has nothing"),
        ({"cluster": "", "services": ""}, ["cluster is missing", "services is missing"], "it writes null as empty"),
        (
            {"cluster": {"context": "a"}, "services": {}, "base": ""},
            ["the stack has no services"],
            "nothing is configured",
        ),
        ({"cluster": "prod", "services": {"a": SERVICE_OF_PULUMI}}, ["cluster must be a mapping"], "text is no JSON"),
    ],
)
def test_what_pulumi_does_not_pass_is_reported(
    values: dict[str, Any], messages: list[str], reason: str, tmp_path: Path
) -> None:
    found = findings(load_stack("dev", Engine(values), tmp_path))

    assert len(messages) == len(found), reason
    assert all(message in finding.message for message, finding in zip(messages, found, strict=True)), reason


def test_a_stack_is_read_from_wherever_its_files_are(tmp_path: Path) -> None:
    texts = {
        "Pulumi.yaml": "name: ours\nruntime: python\nconfig: {base: {default: shared.yaml}}\n",
        "Pulumi.x.yaml": "config:\n  ours:cluster: {context: prod}\n  ours:services: {qwen: {replicas: 2}}\n",
        "shared.yaml": "services:\n  qwen:\n    image: a:1\n    engine: {maxModelLen: 4096}\n"
        "    model: {source: /m/own, configJson: own.json}\n",
        "own.json": '{"num_attention_heads": 28}',
    }

    def read(file: Path) -> str:
        if str(file) not in texts:
            raise FileNotFoundError(2, "No such file or directory", str(file))
        return texts[str(file)]

    stack = load_stack("x", read=read)

    assert (stack.findings, stack.broken) == ((), ())
    assert stack.services["qwen"].replicas == 2
    assert stack.config_jsons["own.json"].num_attention_heads == 28
    assert stack.spans["services", "qwen", "image"].file == "shared.yaml"
