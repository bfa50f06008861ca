"""Every setting that the tables call dead has a finding, and no live one has."""

from __future__ import annotations

from typing import Any

import pytest

from models.engines.vllm_ascend.records import AdditionalKey
from models.engines.vllm_ascend.tables import RELEASES, dead_settings, flag_table, plugin_table
from models.finding import Finding
from tests.models.engines.vllm_ascend.launches import findings, service

WITH_PLUGIN = [release for release in RELEASES if plugin_table(release)]
SAMPLES = {"bool": True, "int": 1, "float": 0.5, "text": "x", "list of int": [1], "list of text": ["o_proj"]}


def dead(entry: dict[str, Any]) -> list[Finding]:
    return [finding for finding in findings(entry) if finding.rule in ("dead-setting", "unknown-flag")]


def nested(path: str, value: Any) -> dict[str, Any]:
    for name in reversed(path.split(".")):
        value = {name: value}
    return value


def with_setting(release: str, kind: str, name: str) -> dict[str, Any]:
    entry = service("", release)
    if kind == "key":
        entry["engine"]["additionalConfig"] = nested(name, True)
    elif kind == "variable":
        entry["env"] = {name: "1"}
    else:
        entry["engine"]["extraArgs"] = {name.removeprefix("--"): 1}
    return entry


CASES = [
    (release, setting)
    for release in RELEASES
    for setting in dead_settings(release).values()
    if setting.kind != "metric" and release not in setting.not_known_in
]


@pytest.mark.slow
def test_a_dead_setting_has_one_finding(subtests: pytest.Subtests) -> None:
    for release, setting in CASES:
        with subtests.test(release=release, setting=setting.name):
            (finding,) = dead(with_setting(release, setting.kind, setting.name))

            names = setting.name.removeprefix("--").split(".")
            assert any(name in finding.message for name in names)
            assert (finding.severity == "error") == setting.stops_start_of(release)


@pytest.mark.parametrize("release", WITH_PLUGIN)
def test_a_live_key_has_no_finding(release: str) -> None:
    entry = service("", release)
    listed = dead_settings(release)
    entry["engine"]["additionalConfig"] = {
        name: sample(key) for name, key in plugin_table(release).additional_config.items() if name not in listed
    }

    assert dead(entry) == []


def sample(key: AdditionalKey) -> Any:
    if key.keys is not None:
        return {name: sample(inner) for name, inner in key.keys.items()}
    if key.type == "mapping":
        return {"any": 1}
    return key.choices[0] if key.choices else SAMPLES[key.type]


@pytest.mark.parametrize("release", WITH_PLUGIN)
def test_a_live_variable_has_no_finding(release: str) -> None:
    entry = service("", release)
    names = {*flag_table(release).variables}
    names |= {name for name, variable in plugin_table(release).variables.items() if variable.read}
    entry["env"] = dict.fromkeys(names - dead_settings(release).keys(), "1")

    assert dead(entry) == []


@pytest.mark.parametrize("name", ["HCCL_BUFFSIZE", "ASCEND_GLOBAL_LOG_LEVEL", "OMP_NUM_THREADS", "TASK_QUEUE_ENABLE"])
@pytest.mark.parametrize("release", RELEASES)
def test_a_variable_of_other_software_has_no_finding(release: str, name: str) -> None:
    assert dead(with_setting(release, "variable", name)) == []


@pytest.mark.parametrize("release", WITH_PLUGIN)
def test_a_misspelled_variable_of_the_plugin_has_the_nearest_name(release: str) -> None:
    (finding,) = dead(with_setting(release, "variable", "VLLM_ASCEND_ENABLE_FLASHCOM1"))

    assert finding.severity == "no-effect"
    assert finding.fix == "rename env.VLLM_ASCEND_ENABLE_FLASHCOM1 to VLLM_ASCEND_ENABLE_FLASHCOMM1"


@pytest.mark.parametrize("name", ["VLLM_ASCEND_ANYTHING", "VLLM_ANYTHING"])
def test_nothing_is_said_of_variables_where_the_plugin_is_not_known(name: str) -> None:
    assert dead(with_setting("0.30.0", "variable", name)) == []


def test_a_key_is_written_in_the_spelling_of_the_user() -> None:
    entry = service("", "0.23.0")
    entry["engine"]["additionalConfig"] = {"dynamicEplb": True}

    (finding,) = dead(entry)

    assert finding.fix == (
        "write engine.additionalConfig.eplbConfig.dynamicEplb: true and remove engine.additionalConfig.dynamicEplb"
    )
    assert "0.13.0 was the last release that read it" in finding.why
