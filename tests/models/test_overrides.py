"""What a stack changes of its base file has an effect, and what has none is reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.check import check
from models.finding import Finding
from models.report import Report
from models.service.resolve import resolve
from tests.models.loading import BASE, CLUSTER, SERVICE, load


def report(tmp_path: Path, services: str, base: str = BASE, further: str = "") -> Report:
    """The report on a stack that changes a base file with the services qwen and llava."""
    base_key = "  ascend-vllm:base: shared.yaml\n" if base else ""
    text = f"config:\n{CLUSTER}{base_key}{services}{further}"
    others = {"shared": base} if base else {}
    return check(resolve(load(tmp_path, text, **others)))


def findings(tmp_path: Path, services: str, base: str = BASE) -> tuple[Finding, ...]:
    return report(tmp_path, f"  ascend-vllm:services: {services}\n", base).findings


@pytest.mark.parametrize("services", ["", "  ascend-vllm:services:\n", "  ascend-vllm:services: {}\n"])
def test_a_stack_without_changes_has_the_services_of_its_base(services: str, tmp_path: Path) -> None:
    result = report(tmp_path, services)

    assert (result.services, result.findings) == (2, ())


@pytest.mark.parametrize(
    ("services", "base", "message", "reason"),
    [
        ("{}", "", "the stack has no services", "nothing is configured"),
        ("{}", "services: {}\n", "the stack has no services", "the base has none either"),
        ("{qwen: null, llava: null}", BASE, "the stack removes every service of shared.yaml", "all are removed"),
    ],
)
def test_a_stack_that_would_delete_all_services_is_reported(
    services: str, base: str, message: str, reason: str, tmp_path: Path
) -> None:
    (found,) = findings(tmp_path, services, base)

    assert (found.rule, found.severity, found.message) == ("no-services", "warning", message), reason


def test_a_stack_without_services_is_accepted_with_a_reason(tmp_path: Path) -> None:
    accept = "  ascend-vllm:accept: {no-services: paused over the holidays}\n"
    result = report(tmp_path, "  ascend-vllm:services: {qwen: null, llava: null}\n", further=accept)

    assert result.findings == ()
    assert [(waived.subject, waived.reason) for waived in result.accepted] == [
        ("the stack", "paused over the holidays")
    ]


@pytest.mark.parametrize(
    ("rule", "severity", "message"),
    [
        ("no-services", "warning", "accept waives no-services, but this rule reports nothing for the stack"),
        ("no-service", "error", "accept names 'no-service', but no rule has this id"),
    ],
)
def test_a_waiver_of_the_stack_that_waives_nothing_is_reported(
    rule: str, severity: str, message: str, tmp_path: Path
) -> None:
    (found,) = report(tmp_path, "", further=f"  ascend-vllm:accept: {{{rule}: paused}}\n").findings

    assert (found.rule, found.severity, found.message, found.service) == ("unused-accept", severity, message, None)


@pytest.mark.parametrize(
    ("services", "message", "fix"),
    [
        (
            "{llavaa: null}",
            "llavaa: null removes nothing: shared.yaml has no services.llavaa",
            "rename llavaa to llava",
        ),
        ("{other: ~}", "other: null removes nothing: shared.yaml has no services.other", "remove services.other"),
        ("{qwen: {lora: null}}", "lora: null removes nothing: shared.yaml has no lora", "remove lora"),
        (
            "{qwen: {engine: {maxModelLength: null, maxModelLen: 1024}}}",
            "maxModelLength: null removes nothing: shared.yaml has no engine.maxModelLength",
            "remove engine.maxModelLength",
        ),
        (
            "{qwen: {imagee: null}}",
            "imagee: null removes nothing: shared.yaml has no imagee",
            "rename imagee to image",
        ),
    ],
)
def test_a_removal_that_removes_nothing_is_reported_with_the_nearest_name(
    services: str, message: str, fix: str, tmp_path: Path
) -> None:
    (found,) = findings(tmp_path, services)

    assert (found.rule, found.severity, found.message, found.fix) == ("removes-nothing", "no-effect", message, fix)


def test_a_service_that_is_left_empty_is_reported_in_a_stack_without_base(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, f"{{qwen: {SERVICE}, llava: null}}", base="")

    assert found.message == "llava: null removes nothing: the stack has no base file"


def test_a_removal_that_removes_nothing_is_accepted_by_its_service(tmp_path: Path) -> None:
    services = "  ascend-vllm:services: {qwen: {lora: null, accept: {removes-nothing: from a template}}}\n"
    result = report(tmp_path, services)

    assert result.findings == ()
    assert [waived.subject for waived in result.accepted] == ["qwen"]


def test_an_override_of_a_misspelled_service_gets_the_nearest_name_of_the_base(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, "{qwem: {npus: 2}}")

    assert found.rule == "missing-key"
    assert found.message == "shared.yaml has no service 'qwem', and image, model and engine are missing"
    assert found.fix == "rename services.qwem to qwen"


@pytest.mark.parametrize(
    ("services", "reason"),
    [
        ("{deepseek: {npus: 2}}", "no service of the base has a similar name"),
        ("{qwem: {npus: 2}, qwen: {npus: 2}, llava: {npus: 2}}", "the stack changes the similar service, too"),
    ],
)
def test_a_new_service_that_is_incomplete_gets_what_is_missing(services: str, reason: str, tmp_path: Path) -> None:
    messages = [found.message for found in findings(tmp_path, services)]

    assert messages == ["image is missing", "model is missing", "engine is missing"], reason


def test_a_base_whose_services_are_at_the_top_gets_the_edits_that_move_them(tmp_path: Path) -> None:
    base = BASE.replace("services:\n", "").replace("  ", "")
    found = findings(tmp_path, "{}", base)

    assert [finding.fix for finding in found] == ["move qwen to services.qwen", "move llava to services.llava"]
