"""A number outside the range that a release checks at start is an error, in a flag and in a JSON flag."""

from __future__ import annotations

from typing import Any

import pytest

from models.check import check
from models.engines.flags import Limit
from models.engines.json_fields import field_problems
from models.engines.number_range import NumberRange
from models.engines.vllm_ascend.tables import RELEASES, flag_table
from models.service.resolve import resolve
from models.stack_file.load import load_text
from tests.models.engines.vllm_ascend.test_vllm_refusals import stack_file


def outside(limits: NumberRange) -> float:
    """A number outside a range."""
    if limits.least is not None:
        return limits.least - 1
    if limits.above is not None:
        return limits.above
    assert limits.most is not None
    return limits.most + 1


def messages(release: str, arguments: dict[str, Any]) -> list[str]:
    service = {"engine": {"maxModelLen": 4096, "extraArgs": arguments}}
    found = check(resolve(load_text("test", "Pulumi.test.yaml", stack_file(release, service)))).findings
    return [f"{finding.rule}: {finding.message}" for finding in found if finding.severity == "error"]


@pytest.mark.parametrize("release", RELEASES)
def test_a_number_below_the_range_of_a_flag_is_an_error(release: str) -> None:
    assert messages(release, {"stream-interval": 0}) == ["flag-limit: --stream-interval must be at least 1"]
    assert messages(release, {"stream-interval": 4}) == []
    assert messages(release, {"kv-cache-metrics-sample": 1.5}) == [
        "flag-limit: --kv-cache-metrics-sample must be above 0 and at most 1"
    ]


@pytest.mark.parametrize("release", RELEASES)
def test_every_range_of_a_release_excludes_a_number(release: str, subtests: pytest.Subtests) -> None:
    limits: tuple[Limit, ...] = flag_table(release).limits

    assert len(limits) > 10
    for limit in limits:
        with subtests.test(flag=limit.flag):
            assert limit.range
            assert not limit.range.contains(outside(limit.range))
            assert limit.flag in flag_table(release).flags


@pytest.mark.parametrize("release", RELEASES)
def test_a_field_of_a_json_flag_has_its_range(release: str) -> None:
    known = flag_table(release).json_configs

    [problem] = field_problems("ProfilerConfig", {"active_iterations": 0}, known)

    assert problem.message == "must be at least 1"
    assert field_problems("ProfilerConfig", {"active_iterations": 1}, known) == []


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("value", ["BLAH", 4, "3"])
def test_a_mode_of_compilation_that_does_not_exist_is_an_error(release: str, value: object) -> None:
    known = flag_table(release).json_configs

    [problem] = field_problems("CompilationConfig", {"mode": value}, known)

    assert "VLLM_COMPILE" in problem.message


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("value", ["vllm_compile", 3, None])
def test_a_mode_of_compilation_may_be_a_name_in_any_case_or_a_number(release: str, value: object) -> None:
    known = flag_table(release).json_configs

    assert field_problems("CompilationConfig", {"mode": value}, known) == []


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("value", [0, 3])
def test_the_optimization_level_is_a_number(release: str, value: int) -> None:
    assert messages(release, {"optimization-level": value}) == []
    assert messages(release, {"optimization-level": 7}) == [
        "flag-value: --optimization-level must be one of 0, 1, 2, 3"
    ]
