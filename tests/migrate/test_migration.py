"""A migrated service is configured as before, except where the report says so."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from migrate.errors import MigrationError
from migrate.migration import Wish, migrate
from migrate.report import Migration
from models.check import check
from models.engines.engine_args import Version
from models.engines.releases import VERSIONS, release
from models.stack_file.load import disk
from tests.migrate.generated import generated_services, text_of
from tests.migrate.stacks import HEAD, image, migrated, only_service, stack_of, stack_text

pytestmark = pytest.mark.slow

PLAIN = "model: /mnt/models/Qwen2-7B-Instruct\nnpus: 1\nengine: {maxModelLen: 8192}"
SERVICES = {
    "plain": PLAIN,
    "lengths": (
        "model: /mnt/models/Qwen2-7B-Instruct\nnpus: 2\n"
        "engine: {maxModelLen: 4096, maxNumSeqs: 64, gpuMemoryUtilization: 0.85, dtype: float16}"
    ),
    "draft": (
        "model: /mnt/models/Qwen2-72B-Instruct\nnpus: 8\nengine: {maxModelLen: 8192}\n"
        "speculative: {kind: draft, source: /mnt/models/Qwen2-7B-Instruct, tokens: 5}"
    ),
    "words": (
        "model: /mnt/models/Qwen2-7B-Instruct\nnpus: 1\nengine: {maxModelLen: 8192}\n"
        "speculative: {kind: ngram, tokens: 3, promptLookupMax: 4}"
    ),
    "adapters": (
        "model: /mnt/models/Qwen2-7B-Instruct\nnpus: 1\nengine: {maxModelLen: 4096}\ngraph: eager\n"
        "lora: {adapters: {sql: /mnt/adapters/sql}}"
    ),
    "eager": "model: /mnt/models/Qwen2-7B-Instruct\nnpus: 1\nengine: {maxModelLen: 4096}\ngraph: eager",
    "caching": "model: /mnt/models/Qwen2-7B-Instruct\nnpus: 1\nengine: {maxModelLen: 4096}\nprefixCaching: true",
    "named": (
        "model: /mnt/models/Qwen2-7B-Instruct\nnpus: 1\n"
        "engine: {maxModelLen: 4096, servedModelName: [chat], extraArgs: {seed: 7}}\n"
        "env: {HCCL_CONNECT_TIMEOUT: '1200'}"
    ),
}
PAIRS = [(old, new) for old in VERSIONS for new in VERSIONS if old != new]

COMPARED = (
    "engine.maxModelLen",
    "engine.maxNumSeqs",
    "engine.maxNumBatchedTokens",
    "engine.tensorParallelSize",
    "engine.gpuMemoryUtilization",
    "engine.dtype",
    "engine.enableChunkedPrefill",
    "engine.asyncScheduling",
    "engine.blockSize",
    "engine.servedModelName",
    "prefixCaching",
    "quantization",
    "graph.kind",
    "graph.mode",
    "speculative.kind",
    "speculative.source",
    "speculative.tokens",
    "lora.adapters",
    "env",
)
"""Keys that say how the engine works."""


def settings(text: str) -> dict[str, Any]:
    """How the engine of the only service works: values of the keys, and defaults for those that it leaves out."""
    service = only_service(text)
    found: dict[str, Any] = {}
    for key in COMPARED:
        origin = service.origins.get(key)
        value = origin.value if origin else None
        if value is None:
            value = defaults(service.release.version).get(key)
        found[key] = value
    if found["graph.kind"] == "eager":
        found["graph.mode"] = None
    return found


def defaults(version: str) -> dict[str, Any]:
    effective = release(version).effective_defaults  # type: ignore[arg-type]
    return {
        "engine.asyncScheduling": effective.get("async-scheduling", False),
        "engine.enableChunkedPrefill": effective.get("enable-chunked-prefill", False),
        "graph.mode": effective.get("cudagraph_mode"),
    }


@cache
def runnable(version: str) -> dict[str, str]:
    """The stack files of the services that a release runs, by name."""
    texts = {name: stack_text({name: lines}, version) for name, lines in SERVICES.items()}
    return {name: text for name, text in texts.items() if not check(stack_of(text)).errors}


@pytest.mark.parametrize("version", VERSIONS)
def test_each_release_runs_most_of_the_services(version: str) -> None:
    assert len(runnable(version)) > len(SERVICES) / 2


@pytest.mark.slow
@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_a_service_works_as_before_except_where_the_report_says_so(
    old: str, new: str, subtests: pytest.Subtests
) -> None:
    for name, before in runnable(old).items():
        with subtests.test(service=name):
            migration = migrated(before, new)
            reported = " ".join(f"{change.subject} {change.outcome}" for change in migration.services[0].changes)
            then, now = settings(before), settings(migration.text)
            for key in COMPARED:
                assert then[key] == now[key] or key in reported, f"{key}: {then[key]} → {now[key]}"
            assert_only_left(migration, before)


@pytest.mark.slow
@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_check_finds_only_what_the_report_leaves_to_the_user(old: Version, new: Version) -> None:
    for service in generated_services(old, 3):
        before = text_of(service)
        assert_only_left(migrated(before, new), before)


def assert_only_left(migration: Migration, before: str) -> None:
    """Check finds nothing new in the new stack file that the report does not leave to the user."""
    left = {change.subject for change in migration.services[0].changes if change.kind in ("left", "weights")}
    known = {finding.rule for finding in check(stack_of(before)).findings}
    for finding in check(stack_of(migration.text)).findings:
        reported = {f"{finding.severity}[{finding.rule}]", finding.message} & left
        assert reported or finding.rule in known, finding.message


def test_comments_and_quotes_and_other_services_stay() -> None:
    text = HEAD + (
        "    # the first one\n"
        "    first:   # in the office\n"
        "      image: registry.example.com/ascend-vllm:6.3.912  # Huawei's\n"
        "      model: '/mnt/models/Qwen2-7B-Instruct'\n"
        "      engine:\n"
        "        maxModelLen: 8192   # as before\n"
        "        numSchedulerSteps: 8\n"
        "      # at the end\n"
    )
    after = migrated(text, "0.23.0").text

    for comment in ("# the cluster", "# the first one", "# in the office", "# Huawei's", "# as before", "# at the end"):
        assert comment in after
    assert "'/mnt/models/Qwen2-7B-Instruct'" in after
    assert "numSchedulerSteps" not in after


def test_a_setting_that_another_one_replaces_is_replaced_once() -> None:
    text = stack_text({"qwen": PLAIN.replace("8192", "8192, asyncScheduling: true")}, "0.23.0")
    migration = migrated(text, "0.6.3")
    subjects = [change.subject for change in migration.services[0].changes]

    assert only_service(migration.text).engine.num_scheduler_steps == 8
    assert "asyncScheduling" not in migration.text
    assert len([subject for subject in subjects if "asyncScheduling" in subject]) == 1


def test_the_mode_of_graphs_is_kept_although_their_sizes_are_set() -> None:
    text = stack_text({"qwen": PLAIN + "\ngraph: {captureSizes: [1, 8]}"}, "0.18.0")
    migration = migrated(text, "0.23.0")

    assert changes(text, "0.23.0")["graph.mode"] == "default"
    assert settings(migration.text)["graph.mode"] == "PIECEWISE"


def test_a_default_of_a_flag_without_a_key_is_kept_too() -> None:
    text = stack_text({"qwen": PLAIN}, "0.18.0")

    assert only_service(migrated(text, "0.23.0").text).engine.extra_args == {"safetensorsLoadStrategy": "lazy"}
    assert only_service(migrated(text, "0.23.0", take_defaults=True).text).engine.extra_args == {}


def test_a_value_that_follows_from_a_setting_which_is_gone_is_kept() -> None:
    lines = PLAIN.replace("npus: 1", "npus: 2").replace("8192", "8192, dataParallelSize: 2")
    migration = migrated(stack_text({"qwen": lines}, "0.18.0"), "0.6.3")

    assert only_service(migration.text).engine.tensor_parallel_size == 1


def test_defaults_of_the_fields_of_json_flags_are_told() -> None:
    told = {item.old: item.new for item in migrated(stack_text({"qwen": PLAIN}, "0.18.0"), "0.23.0").consequences}

    assert told["--eplb-config use_async"] == "false → true"
    assert told["--additional-config eplb_config.eplb_policy_type"] == "1 → 2"


def changes(text: str, to: str, **options: bool) -> dict[str, str]:
    """The kind of each change by its subject."""
    migration = migrated(text, to, **options)
    return {change.subject: change.kind for change in migration.services[0].changes}


def test_a_setting_that_the_release_does_not_have_is_gone_and_its_replacement_keeps_its_default() -> None:
    text = stack_text({"qwen": PLAIN.replace("8192", "8192, numSchedulerSteps: 8")}, "0.6.3")
    found = changes(text, "0.23.0")

    assert found["engine.numSchedulerSteps: 8"] == "gone"
    assert "engine.asyncScheduling" not in found


def test_further_flags_are_moved_to_their_keys() -> None:
    lines = PLAIN + "\nserver: {extraArgs: {toolCallParser: hermes, enableAutoToolChoice: true}}"
    text = stack_text({"qwen": lines}, "0.6.3")
    migration = migrated(text, "0.23.0")

    assert only_service(migration.text).server.tool_call_parser == "hermes"
    assert only_service(migration.text).server.extra_args == {}


def test_the_flags_of_speculative_decoding_are_in_the_report_up_and_down() -> None:
    lines = PLAIN + "\nspeculative: {kind: ngram, tokens: 4, promptLookupMax: 5}"
    up = migrated(stack_text({"qwen": lines}, "0.6.3"), "0.30.0").services[0].changes
    down = migrated(stack_text({"qwen": lines}, "0.30.0"), "0.6.3").services[0].changes

    (above,) = [change.outcome for change in up if change.subject == "speculative"]
    (below,) = [change.outcome for change in down if change.subject == "speculative"]
    assert above == "--speculative-config (same meaning, same key)"
    assert "--num-speculative-tokens" in below
    assert "--ngram-prompt-lookup-max" in below


def test_weights_of_another_method_are_left_to_the_user() -> None:
    lines = "model: /mnt/models/Qwen2-7B-Instruct-AWQ\nnpus: 1\nengine: {maxModelLen: 4096}\nquantization: awq"
    migration = migrated(stack_text({"qwen": lines}, "0.6.3"), "0.23.0")
    (weights,) = [change for change in migration.services[0].changes if change.kind == "weights"]

    assert "quantize the weights again with msModelSlim" in weights.outcome
    assert "quantization: awq" in migration.text


def test_a_variable_that_nothing_reads_is_removed_and_said() -> None:
    text = stack_text({"qwen": PLAIN + "\nenv: {VLLM_ENGINE_ITERATION_TIMEOUT_S: '900'}"}, "0.6.3")

    assert "no effect" in changes(text, "0.23.0").values()
    assert "VLLM_ENGINE_ITERATION" not in migrated(text, "0.23.0").text


def test_defaults_of_the_new_release_can_be_taken() -> None:
    text = stack_text({"qwen": PLAIN}, "0.6.3")

    assert "default" not in changes(text, "0.23.0", take_defaults=True).values()
    assert "gpuMemoryUtilization" not in migrated(text, "0.23.0", take_defaults=True).text


def test_there_and_back_is_the_same_service() -> None:
    text = stack_text({"qwen": PLAIN + "\ngraph: {mode: PIECEWISE}"}, "0.18.0")
    back = migrated(migrated(text, "0.23.0").text, "0.18.0").text

    assert settings(back) == settings(text)
    assert only_service(back).image == image("0.18.0")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("quay.io/ascend/vllm-ascend:v0.18.0-a3-openeuler", "quay.io/ascend/vllm-ascend:v0.23.0-a3-openeuler"),
        (
            "registry.example.com/mirror/vllm-ascend:v0.18.0-310p",
            "registry.example.com/mirror/vllm-ascend:v0.23.0-310p",
        ),
        ("quay.io/ascend/vllm-ascend:v0.18.0@sha256:" + "0" * 64, "quay.io/ascend/vllm-ascend:v0.23.0"),
    ],
)
def test_an_image_keeps_its_repository_npu_and_distribution(old: str, new: str) -> None:
    text = stack_text({"qwen": PLAIN}, "0.18.0").replace(image("0.18.0"), old)

    assert only_service(migrated(text, "0.23.0").text).image == new


def test_the_image_follows_from_the_npus_of_the_pools() -> None:
    cluster = "{context: prod, pools: {one: {nodes: 2, npusPerNode: 16, npuMemory: 64Gi, soc: a3}}}"
    text = stack_text({"qwen": PLAIN}, "0.6.3").replace("{context: prod}", cluster)

    assert only_service(migrated(text, "0.23.0").text).image == "quay.io/ascend/vllm-ascend:v0.23.0-a3"


def test_the_manuals_engine_has_no_public_image() -> None:
    with pytest.raises(MigrationError, match=r"no public image of vLLM 0\.6\.3") as refusal:
        migrated(stack_text({"qwen": PLAIN}, "0.23.0"), "0.6.3", images={})

    assert refusal.value.fix == "give the image with --image qwen=IMAGE"


def test_an_image_without_a_release_in_its_tag_gets_the_version_beside_it() -> None:
    text = stack_text({"qwen": PLAIN}, "0.18.0")
    after = migrated(text, "0.23.0", images={"qwen": "registry.example.com/our-vllm:2026-11"}).text

    assert only_service(after).release.version == "0.23.0"
    assert only_service(after).configured >= {"engine.version"}


def test_a_stack_with_errors_or_of_the_same_release_is_refused() -> None:
    with pytest.raises(MigrationError, match="has errors under its present release"):
        migrated(stack_text({"qwen": PLAIN + "\nnpuss: 1"}, "0.18.0"), "0.23.0")
    with pytest.raises(MigrationError, match=r"run vLLM 0\.18\.0 already"):
        migrated(stack_text({"qwen": PLAIN}, "0.18.0"), "0.18.0")


def test_clients_dashboards_and_nodes_are_told() -> None:
    consequences = migrated(stack_text({"qwen": PLAIN}, "0.6.3"), "0.23.0").consequences
    told = {(item.topic, item.old): item.new for item in consequences}

    assert told["metrics", "vllm:gpu_cache_usage_perc"] == "vllm:kv_cache_usage_perc"
    assert any(topic == "clients" and "guided_json" in fields for topic, fields in told)
    assert told["nodes", "driver (HDK)"] == "25.5.1 or later"


SHARED = (
    HEAD
    + """\
    one: &one
      image: registry.example.com/ascend-vllm:6.3.912
      model: /mnt/models/Qwen2-7B-Instruct
      engine: &engine {maxModelLen: 4096, numSchedulerSteps: 8}
    two:
      <<: *one
      replicas: 2
    three:
      image: registry.example.com/ascend-vllm:6.3.912
      model: /mnt/models/Qwen2-7B-Instruct
      engine: *engine
    four:
      image: registry.example.com/ascend-vllm:6.3.912
      model: /mnt/models/Qwen2-7B-Instruct
      engine: {maxModelLen: 4096}
"""
)


def test_a_default_that_a_merged_service_cannot_keep_is_reported() -> None:
    lines = (
        "    one: &one\n      image: quay.io/ascend/vllm-ascend:v0.23.0\n      model: /mnt/models/Qwen2-7B-Instruct\n"
    )
    merged = "      engine: {maxModelLen: 4096}\n    two:\n      <<: *one\n      replicas: 2\n"
    migration = migrated(HEAD + lines + merged, "0.18.0")

    assert "graph" not in migration.text
    assert [service.release.version for service in stack_of(migration.text).services] == ["0.18.0", "0.18.0"]


def wish_of(*services: str) -> Wish:
    return Wish(release("0.23.0"), services)


def test_a_service_that_shares_values_with_another_is_not_migrated_alone() -> None:
    with pytest.raises(MigrationError) as error:
        migrate(stack_of(SHARED), SHARED, Path(), disk, wish_of("one"))

    assert "three, two would change too" in str(error.value)
    assert "--service one --service three --service two" in error.value.fix


@pytest.mark.parametrize("services", [("four",), ("one", "two", "three"), ()])
def test_services_that_share_values_are_migrated_together(services: tuple[str, ...]) -> None:
    migration = migrate(stack_of(SHARED), SHARED, Path(), disk, wish_of(*services))
    new = stack_of(migration.text)

    for service in new.services:
        is_migrated = service.name in services or not services
        assert service.release.version == ("0.23.0" if is_migrated else "0.6.3")
    assert not check(new).errors


PAIR = """\
config:
  ascend-vllm:cluster: {context: prod}
  ascend-vllm:kvTransfer: {prefill: first, decode: second}
  ascend-vllm:services:
    first:
      image: quay.io/ascend/vllm-ascend:v0.23.0
      model: /mnt/models/Qwen3-32B
      engine: {maxModelLen: 4096, tensorParallelSize: 4}
    second:
      image: quay.io/ascend/vllm-ascend:v0.23.0
      model: /mnt/models/Qwen3-32B
      engine: {maxModelLen: 4096, tensorParallelSize: 4}
"""


def test_what_the_whole_stack_can_no_longer_do_is_left() -> None:
    left = [change.subject for found in migrated(PAIR, "0.6.3").services for change in found.changes]

    assert "error[kv-transfer-release]" in left
