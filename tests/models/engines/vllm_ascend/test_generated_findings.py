"""Generated launches, judged against the tables both ways: good ones pass, and one bad setting is found."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from models.engines.flags import Flag
from models.engines.releases import release
from models.engines.vllm_ascend.records import AdditionalKey
from models.engines.vllm_ascend.refusals import JUDGED_BY_VALUES, NOT_JUDGED
from models.engines.vllm_ascend.tables import RELEASES, dead_settings, flag_table, plugin_table
from tests.models.engines.vllm_ascend.launches import DENSE, EXPERTS, LATENT, findings, service

LAUNCHES = range(300)
RULES = {
    "dead-setting",
    "expert-settings",
    "finegrained-parallel",
    "flag-value",
    "flash-comm",
    "graph-settings",
    "json-field",
    "kv-transfer",
    "parallel-settings",
    "setting-limit",
    "setting-value",
    "unknown-flag",
    "value-of-another-release",
}
"""The rules on the tables of a release."""

CONDITIONED = (
    "balance",
    "dump",
    "eplb",
    "finegrained",
    "flashcomm",
    "fused_mc2",
    "hamming",
    "kv_nz",
    "layer_sharding",
    "mc2_hierarchy",
    "mix_placement",
    "profiling",
    "recompute",
    "reduce_sample",
    "static_kernel",
    "xlite",
)
"""Parts of the names of keys that are refused in some launches. A good launch does not have them."""

MODELS = {
    "flashcomm1-expert-parallel": EXPERTS,
    "finegrained-tp-data-parallel": EXPERTS,
    "kv-nz-consumer": LATENT,
    "decode-context-parallel-sparse": LATENT,
}
WRONG = {"bool": "on", "int": "many", "float": "much", "text": 5, "mapping": 5, "list of int": 5, "list of text": 5}
SAMPLES: Mapping[str, Callable[[random.Random], Any]] = {
    "bool": lambda chance: chance.random() < 0.5,
    "int": lambda chance: chance.randint(1, 64),
    "float": lambda chance: round(chance.uniform(0.1, 1), 2),
    "text": lambda chance: chance.choice(["a", "/tmp/b.json"]),
    "mapping": lambda chance: {},
    "list of int": lambda chance: [chance.randint(1, 8)],
    "list of text": lambda chance: ["q_b_proj"],
}


def seeded(number: int) -> random.Random:
    return random.Random(number)  # noqa: S311  launches only have to differ


def is_free(name: str) -> bool:
    return not any(part in name for part in CONDITIONED)


def value_of(key: AdditionalKey, chance: random.Random) -> Any:
    if key.choices:
        return chance.choice(key.choices)
    if key.keys:
        names = [name for name in key.keys if is_free(name)]
        return {name: value_of(key.keys[name], chance) for name in chance.sample(names, min(2, len(names)))}
    return SAMPLES[key.type](chance)


def flag_value(flag: Flag, chance: random.Random) -> Any:
    if flag.kind == "flag":
        return chance.random() < 0.5
    return chance.choice(flag.choices)


def plain_flags(version: str) -> list[Flag]:
    """Flags of the engine that have no key of their own, and that are switches or have choices."""
    known = release(version)
    simple = [flag for flag in known.flags.values() if flag.kind == "flag" or (flag.kind == "value" and flag.choices)]
    return [flag for flag in simple if flag.name not in known.owned_flags and "openai" in flag.servers]


def good_launch(version: str, chance: random.Random) -> dict[str, Any]:
    entry = service("", version, model=chance.choice([DENSE, EXPERTS, LATENT]))
    flags = chance.sample(plain_flags(version), 4)
    entry["engine"]["extraArgs"] = {flag.name: flag_value(flag, chance) for flag in flags}
    entry["env"] = dict.fromkeys(chance.sample(sorted(live_variables(version)), 3), "1")
    plugin = plugin_table(version)
    if plugin:
        listed = dead_settings(version)
        names = [name for name in plugin.additional_config if is_free(name) and name not in listed]
        chosen = chance.sample(names, 4)
        entry["engine"]["additionalConfig"] = {
            name: value_of(plugin.additional_config[name], chance) for name in chosen
        }
    return entry


def live_variables(version: str) -> set[str]:
    names = {name for name in flag_table(version).variables if name.startswith("VLLM_")}
    return names - dead_settings(version).keys() - {"VLLM_API_KEY"}


def found(entry: dict[str, Any]) -> list[str]:
    return [f"{finding.rule}: {finding.message} {finding.why}" for finding in findings(entry) if finding.rule in RULES]


@pytest.mark.slow
@pytest.mark.parametrize("version", RELEASES)
def test_launches_of_live_names_and_accepted_values_are_accepted(version: str) -> None:
    for number in LAUNCHES:
        entry = good_launch(version, seeded(number))

        assert found(entry) == [], entry


def add_dead_name(entry: dict[str, Any], version: str, chance: random.Random) -> str:
    listed = [
        setting
        for setting in dead_settings(version).values()
        if setting.kind in ("key", "variable") and version not in setting.not_known_in and "." not in setting.name
    ]
    setting = chance.choice(listed)
    if setting.kind == "variable":
        entry["env"][setting.name] = "1"
    else:
        entry["engine"].setdefault("additionalConfig", {})[setting.name] = True
    return setting.name


def add_unknown_flag(entry: dict[str, Any], version: str, chance: random.Random) -> str:
    listed = [setting.name for setting in dead_settings(version).values() if setting.kind == "flag"]
    name = chance.choice(listed).removeprefix("--")
    entry["engine"]["extraArgs"][name] = 1
    return name


def add_wrong_choice(entry: dict[str, Any], version: str, chance: random.Random) -> str:
    flags = [flag for flag in plain_flags(version) if flag.choices and not flag.also and not flag.suffixes]
    flag = chance.choice(flags)
    entry["engine"]["extraArgs"][flag.name] = "no-such-choice"
    return flag.option


def add_wrong_value(entry: dict[str, Any], version: str, chance: random.Random) -> str:
    plugin = plugin_table(version)
    if plugin is None:
        return add_unknown_field(entry, version, chance)
    listed = dead_settings(version)
    name = chance.choice([name for name in plugin.additional_config if name not in listed])
    key = plugin.additional_config[name]
    entry["engine"]["additionalConfig"][name] = WRONG[key.type]
    return name


def add_unknown_field(entry: dict[str, Any], version: str, chance: random.Random) -> str:
    configs = flag_table(version).json_configs.configs
    flags = [flag for flag in release(version).flags.values() if flag.config in configs]
    flag = chance.choice([flag for flag in flags if flag.name not in release(version).owned_flags])
    entry["engine"]["extraArgs"][flag.name] = {"no_such_field": 1}
    return "no_such_field"


def add_refusal(entry: dict[str, Any], version: str, chance: random.Random) -> str:
    plugin = plugin_table(version)
    if plugin is None:
        return add_unknown_flag(entry, version, chance)
    refusal = chance.choice([refusal for refusal in plugin.refusals.values() if refusal.id not in NOT_JUDGED])
    shown = service(
        refusal.shown_by,
        version,
        model=MODELS.get(refusal.id, DENSE),
        sparse=refusal.id == "decode-context-parallel-sparse",
    )
    entry["model"] = shown.pop("model")
    merge(entry, shown)
    if refusal.id in JUDGED_BY_VALUES:
        return JUDGED_BY_VALUES[refusal.id]
    return refusal.where


def merge(entry: dict[str, Any], other: dict[str, Any]) -> None:
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(entry.get(key), dict):
            merge(entry[key], value)
        else:
            entry[key] = value


@pytest.mark.slow
@pytest.mark.parametrize(
    "add", [add_dead_name, add_unknown_flag, add_wrong_choice, add_wrong_value, add_unknown_field, add_refusal]
)
@pytest.mark.parametrize("version", RELEASES)
def test_one_bad_setting_in_a_good_launch_is_found(
    version: str, add: Callable[[dict[str, Any], str, random.Random], str]
) -> None:
    for number in range(60):
        chance = seeded(number)
        entry = good_launch(version, chance)

        expected = add(entry, version, chance)

        assert expected in " ".join(found(entry)), entry
