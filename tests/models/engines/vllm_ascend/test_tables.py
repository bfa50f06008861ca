"""The tables of vllm-ascend releases are complete, and nothing in them contradicts itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import models.engines.vllm_ascend
from models.engines.vllm_ascend.records import AdditionalKey
from models.engines.vllm_ascend.tables import (
    RELEASES,
    additional_config,
    all_dead_settings,
    dead_settings,
    flag_table,
    plugin_table,
    variables,
)

FOLDER = Path(models.engines.vllm_ascend.__file__).parent
WITH_PLUGIN = [release for release in RELEASES if plugin_table(release)]
TYPES = {"int", "float", "str", "json", None}
FILE_AND_LINE = re.compile(r"(vllm|vllm_ascend)/[\w/.]+\.py:\d+")
OPTION = re.compile(r"--(no-)?([a-z0-9-]+)")
METRIC = re.compile(r"vllm:\w+")
VARIABLE = re.compile(r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b")


def files_and_lines(value: Any) -> Iterator[str]:
    """The entries of all keys `where`, `read` and `source` of a configuration, at any depth."""
    if isinstance(value, list):
        for item in value:
            yield from files_and_lines(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in ("where", "read"):
                yield from [item] if isinstance(item, str) else item
            else:
                yield from files_and_lines(item)


def pairs_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    assert len(names) == len({*names})
    return dict(pairs)


TABLES = sorted(FOLDER.rglob("*.json"))


@pytest.mark.parametrize("file", TABLES, ids=lambda file: file.name)
def test_no_name_is_twice_in_a_table(file: Path) -> None:
    json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=pairs_without_duplicates)


@pytest.mark.parametrize("file", TABLES, ids=lambda file: file.name)
def test_every_source_is_a_file_and_a_line(file: Path) -> None:
    sources = [*files_and_lines(json.loads(file.read_text(encoding="utf-8")))]

    assert [source for source in sources if not FILE_AND_LINE.fullmatch(source)] == []


def test_each_release_has_its_tables() -> None:
    assert {file.name for file in (FOLDER / "flags").iterdir()} == {f"vllm-{release}.json" for release in RELEASES}
    assert {file.stem for file in (FOLDER / "plugin").glob("0.*.json")} == {*WITH_PLUGIN}


def test_nothing_is_claimed_about_a_plugin_that_is_not_known() -> None:
    assert plugin_table("0.30.0") is None
    assert additional_config("0.30.0") is None
    assert variables("0.30.0") is None


@pytest.mark.parametrize("release", RELEASES)
def test_each_flag_is_there_once_and_is_well_formed(release: str) -> None:
    table = flag_table(release)
    entries = json.loads((FOLDER / "flags" / f"vllm-{release}.json").read_text())["flags"]

    assert len(entries) == len(table.flags)
    assert [*table.flags] == sorted(table.flags)
    for flag in table.flags.values():
        assert {*flag.servers} <= {*table.entry}
        assert flag.type in TYPES
        assert (flag.type is None) == (flag.kind == "flag")
        assert flag.config is None or flag.config in table.json_configs.configs
        assert not flag.negated or flag.kind == "flag"


@pytest.mark.parametrize("release", RELEASES)
def test_every_list_of_choices_has_choices(release: str) -> None:
    table = flag_table(release)
    entries = json.loads((FOLDER / "flags" / f"vllm-{release}.json").read_text())["flags"]

    assert all(entry.get("choices", ["-"]) for entry in entries)
    assert all(table.json_configs.types.values())
    assert table.server.tool_call_parsers
    assert table.server.reasoning_parsers
    assert table.server.lora_ranks


@pytest.mark.parametrize("release", RELEASES)
def test_a_default_is_one_of_the_choices(release: str) -> None:
    wrong = [
        flag.name
        for flag in flag_table(release).flags.values()
        if flag.choices and flag.default is not None and flag.default not in flag.choices
    ]

    assert wrong == []


@pytest.mark.parametrize("release", RELEASES)
def test_the_metrics_that_the_program_uses_are_reported(release: str) -> None:
    server = flag_table(release).server

    assert {*server.metric_names.values()} <= {*server.metrics}
    assert server.shutdown_flag in flag_table(release).flags
    assert server.health_path in server.paths


@pytest.mark.parametrize("release", RELEASES)
def test_effective_defaults_are_those_of_flags(release: str) -> None:
    table = flag_table(release)

    assert {*table.effective_defaults} <= {*table.flags}
    assert all(table.flags[name].default is None for name in table.effective_defaults)


@pytest.mark.parametrize("release", WITH_PLUGIN)
def test_no_entry_of_a_plugin_is_lost(release: str) -> None:
    table = plugin_table(release)
    entries = json.loads((FOLDER / "plugin" / f"{release}.json").read_text())
    further = json.loads((FOLDER / "further_resets.json").read_text())["resets"][release]

    assert table
    assert len(table.refusals) == len(entries["refuses"])
    assert len(table.resets) == len(entries["resets"]) + len(further)


@pytest.mark.parametrize("release", WITH_PLUGIN)
def test_the_keys_of_a_plugin_fit_their_types(release: str) -> None:
    table = plugin_table(release)
    assert table

    for name, key in table.additional_config.items():
        assert key.read, name
        assert key.variable is None or key.variable in table.variables
        assert (key.keys is not None) <= (key.type == "mapping")
        assert key.default is None or not key.choices or key.default in key.choices


@pytest.mark.parametrize("release", WITH_PLUGIN)
def test_a_variable_is_replaced_by_a_key_of_the_same_release(release: str) -> None:
    table = plugin_table(release)
    assert table
    replacements = {entry.replaced_by for entry in table.variables.values()} - {None}

    assert replacements <= {*table.additional_config}


def test_refusals_have_the_same_id_in_all_releases() -> None:
    older, newer = plugin_table("0.18.0"), plugin_table("0.23.0")
    assert older
    assert newer

    gone = {*older.refusals} - {*newer.refusals}
    assert gone == {"recompute-scheduler-kv-transfer", "xlite-block-size", "xlite-speculative"}


# Settings that a release does not read


def live_names(keys: dict[str, AdditionalKey], prefix: str = "") -> Iterator[str]:
    for name, key in keys.items():
        yield prefix + name
        yield from live_names(dict(key.keys or {}), f"{prefix}{name}.")


def all_live_keys() -> set[str]:
    tables = filter(None, map(additional_config, RELEASES))
    return {name for keys in tables for name in live_names(dict(keys))}


def all_live_variables() -> set[str]:
    of_plugins = {name for release in RELEASES for name in variables(release) or {}}
    return of_plugins.union(*(flag_table(release).variables for release in RELEASES))


ONLY_IN_0_30_0 = {"rl_config.sleep_mode_extra_cleanup"}
"""Keys that the plugin's repository has and no table, because its wheel is not published."""


def test_the_nearest_name_is_one_that_a_release_reads(subtests: pytest.Subtests) -> None:
    for setting in all_dead_settings().values():
        with subtests.test(setting=setting.name):
            if setting.nearest is None:
                continue
            texts = [setting.nearest, *setting.nearest_by_release.values()]
            for text in texts:
                options = OPTION.findall(text)
                metrics = METRIC.findall(text)
                flags = {name for release in RELEASES for name in flag_table(release).flags}
                reported = {name for release in RELEASES for name in flag_table(release).server.metrics}
                assert {name for _, name in options} <= flags
                assert {*metrics} <= reported
                if options or metrics:
                    continue
                if VARIABLE.fullmatch(text):
                    assert text in all_live_variables()
                else:
                    names = {*text.removeprefix("additional-config ").split(", ")}
                    assert names <= all_live_keys() | ONLY_IN_0_30_0


def test_a_dead_setting_is_in_no_table_of_the_releases_that_do_not_read_it(subtests: pytest.Subtests) -> None:
    for setting in all_dead_settings().values():
        with subtests.test(setting=setting.name):
            for release in RELEASES:
                if setting.name not in dead_settings(release):
                    continue
                table = flag_table(release)
                name = setting.name.removeprefix("--")
                assert name not in table.flags
                assert name not in table.server.metrics
                assert name not in {*live_names(dict(additional_config(release) or {}))}
                if not setting.note:
                    assert name not in (variables(release) or {})


def test_dead_settings_are_those_of_a_release_or_an_older_one() -> None:
    assert "--swap-space" in dead_settings("0.18.0")
    assert "enable_sparse_c8" not in dead_settings("0.18.0")
    assert "enable_sparse_c8" in dead_settings("0.23.0")
    for older, newer in pairwise(RELEASES):
        assert {*dead_settings(older)} <= {*dead_settings(newer)}


def test_an_unknown_key_stops_the_start_from_0_30_0() -> None:
    key = all_dead_settings()["ascend_compilation_config.enable_npu_graph_ex"]

    assert key.nearest == "ascend_compilation_config.enable_npugraph_ex"
    assert not key.stops_start_of("0.23.0")
    assert key.stops_start_of("0.30.0")
    assert key.inferred


def test_the_nearest_name_can_depend_on_the_release() -> None:
    layout = all_dead_settings()["enable_weight_nz_layout"]

    assert layout.nearest_in("0.18.0") == "VLLM_ASCEND_ENABLE_NZ"
    assert layout.nearest_in("0.23.0") == "weight_nz_mode"
