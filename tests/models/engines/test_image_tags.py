"""What the tag of an image says about its release and its NPUs is held against the stack file."""

from __future__ import annotations

import json
from typing import Any

import pytest

from models.check import check
from models.finding import Finding
from models.service.resolve import resolve
from models.stack_file.load import load_text

REPOSITORY = "quay.io/ascend/vllm-ascend"
DIGEST = f"{REPOSITORY}@sha256:{64 * 'a'}"
RULES = {"image-soc", "image-tag", "judged-as-another-release", "unknown-release", "version-of-another-image"}


def findings(image: str, *, soc: str | None = None, version: str | None = None) -> list[Finding]:
    engine: dict[str, Any] = {"maxModelLen": 4096}
    if version:
        engine["version"] = version
    cluster: dict[str, Any] = {"context": "prod"}
    if soc:
        cluster["pools"] = {"npus": {"nodes": 4, "npusPerNode": 8, "npuMemory": "64Gi", "soc": soc}}
    service = {"image": image, "model": "/mnt/models/Qwen2.5-7B-Instruct", "engine": engine}
    stack = {"config": {"ascend-vllm:cluster": cluster, "ascend-vllm:services": {"qwen": service}}}
    found = check(resolve(load_text("test", "-", json.dumps(stack)))).findings
    return [finding for finding in found if finding.rule in RULES]


@pytest.mark.parametrize(
    ("tag", "soc", "release_tag"),
    [
        ("v0.23.0-a3", "a2", "v0.23.0"),
        ("v0.23.0-310p-openeuler", "a3", "v0.23.0-a3-openeuler"),
        ("v0.30.0-openeuler", "950dt", "v0.30.0-950dt-openeuler"),
    ],
)
def test_an_image_for_other_npus_is_refused_with_the_image_for_these(tag: str, soc: str, release_tag: str) -> None:
    (finding,) = findings(f"{REPOSITORY}:{tag}", soc=soc)

    assert (finding.severity, finding.rule) == ("error", "image-soc")
    assert finding.fix == f"write image: {REPOSITORY}:{release_tag}, or correct soc in cluster.pools"


@pytest.mark.parametrize("tag", ["v0.18.0-950dt", "v0.23.0-A3", "v0.23.0-ours"])
def test_a_suffix_that_the_release_does_not_have_is_a_warning(tag: str) -> None:
    (finding,) = findings(f"{REPOSITORY}:{tag}", soc="a3")

    assert (finding.severity, finding.rule) == ("warning", "image-soc")
    assert f"{tag.partition('-')[0]}-a3" in finding.fix


def test_an_image_of_somebody_else_may_have_any_suffix() -> None:
    assert findings("registry.example.com/our-vllm:v0.23.0-ours", soc="a3") == []


@pytest.mark.parametrize(
    ("tag", "release_tag"),
    [("main-a3-openeuler", "v0.23.0-a3-openeuler"), ("v0.23.0-dev-310p", "v0.23.0-310p"), ("latest", "v0.23.0")],
)
def test_the_fix_of_a_moving_tag_keeps_its_suffixes(tag: str, release_tag: str) -> None:
    (finding,) = [finding for finding in findings(f"{REPOSITORY}:{tag}") if finding.rule == "image-tag"]

    assert finding.fix.startswith(f"write image: {REPOSITORY}:{release_tag}, or")


def test_a_candidate_that_is_checked_as_its_release_keeps_its_suffixes() -> None:
    (finding,) = findings(f"{REPOSITORY}:v0.23.0rc1-a3", version="0.23.0")

    assert finding.rule == "judged-as-another-release"
    assert finding.fix == f"write image: {REPOSITORY}:v0.23.0-a3"


def test_an_image_of_the_plugin_cannot_have_the_version_of_the_manual() -> None:
    (finding,) = findings(DIGEST, version="0.6.3")

    assert finding.message == "engine.version is 0.6.3, but images of vllm-ascend contain 0.18.0 or later"
    assert findings(DIGEST, version=finding.fix.removeprefix("write engine.version: ")) != [finding]


def test_a_digest_without_a_version_is_not_called_latest() -> None:
    (finding,) = findings(DIGEST)

    assert finding.message == "the release of an image without a tag is not known"
