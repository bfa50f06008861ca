"""A migrated service is configured as before, except where the report says so, as both releases' parsers read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from migrate.report import Migration
from models.engines.engine_args import Version
from models.engines.releases import VERSIONS, release
from models.launch.launch import launch
from models.service.resolved import ResolvedService
from tests.migrate.generated import generated_services, text_of
from tests.migrate.stacks import migrated, only_service
from tests.parsers.conftest import ask_parser

PAIRS = [(old, new) for old in VERSIONS for new in VERSIONS if old != new]
SERVICES = 10
"""Services of each pair: 120 migrations."""

MANUAL = "0.6.3"
NOT_COMPARED = {
    "model": "the words of the command name it in another way",
    "model_tag": "the words of the command name it in another way",
    "lora_modules": "an object",
    "ignore_patterns": "files that are not downloaded; a model of the stack file is never downloaded",
    "ir_op_priority": "kernels of vLLM's own compiler, with fields of each release",
    "shutdown_timeout": "drain, which the program sees to in each release",
    "block_size": "Huawei's parser accepts 64 and 128, and that of vLLM 0.6.3 does not: it is not asked",
}
KEYS = {"cudagraph_mode": "graph.mode", "speculative_config": "speculative"}
"""Keys of settings that are no flags, or that several flags of another release stand for."""


def words(text: str) -> list[str]:
    """The words for the parser: those of a command after `vllm serve MODEL` or after the module."""
    argv = launch(only_service(text)).argv
    if argv[0] == "vllm":
        return [*argv[2:]]
    return [word for word in argv[3:] if not word.startswith("--block-size")]


def bare(version: str) -> list[str]:
    return ["--model=/m"] if version == MANUAL else ["/m"]


def flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """The values with the fields of configurations, such as `eplb_config.use_async`."""
    for name, value in values.items():
        is_config = name.endswith("_config") or above
        if isinstance(value, dict) and is_config and name not in ("additional_config", "speculative_config"):
            yield from flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


@dataclass(frozen=True)
class Parsed:
    """What the parser of a release makes of a service."""

    version: Version
    service: ResolvedService
    values: Mapping[str, Any]
    defaults: Mapping[str, Any]
    """The values of a command without flags."""

    def value(self, name: str) -> Any:
        """A value; of one that the engine computes, what it computes. Nothing, empty and `false` are the same."""
        value = self.values[name]
        if value is None:
            flag = name.rpartition(".")[2].replace("_", "-")
            known = release(self.version)
            origin = self.service.origins.get(known.owned_flags.get(flag, ""))
            value = origin.value if origin else None
            defaults = known.effective_defaults
            if value is None:
                value = defaults.get(flag, defaults.get(flag.replace("-", "_")))
        return value or None

    def is_default(self, name: str) -> bool:
        return bool(self.values[name] == self.defaults[name])


def changed(before: Parsed, after: Parsed) -> Iterator[str]:
    """The names of values that are not as before."""
    for name in before.values.keys() | after.values.keys():
        if name in NOT_COMPARED:
            continue
        if name not in after.values:
            is_same = before.is_default(name)
        elif name not in before.values:
            is_same = after.is_default(name)
        else:
            is_same = before.value(name) == after.value(name)
        is_without_graphs = before.values["enforce_eager"] and after.values["enforce_eager"]
        if not is_same and not (is_without_graphs and name.endswith("cudagraph_mode")):
            yield name


def names_in_report(name: str, versions: tuple[Version, Version]) -> set[str]:
    """How the report can call a value: by its key, by the section of its key, or by its flag."""
    top, _, field = name.partition(".")
    found = {field.rpartition(".")[2] or top, KEYS.get(field, ""), KEYS.get(top, "")}
    for version in versions:
        known = release(version)
        flag = top.replace("_", "-")
        key = known.owned_flags.get(flag, "").partition(":")[0]
        found |= {key, key.partition(".")[0] if not key.startswith("engine.") else ""}
        if flag in known.flags:
            found.add(known.flags[flag].key)
    return found - {""}


def report(migration: Migration) -> list[str]:
    """The settings that the report names, and what took their place."""
    named = [item.old for item in migration.consequences if item.topic == "defaults"]
    for service in migration.services:
        for change in service.changes:
            named.append(change.subject)
            if change.kind in ("gone", "renamed", "changed"):
                named.append(change.outcome)
    return named


def is_reported(name: str, migration: Migration, versions: tuple[Version, Version]) -> bool:
    names = names_in_report(name, versions)
    return any(known in subject for subject in report(migration) for known in names)


def is_left_to_the_user(migration: Migration) -> bool:
    kinds = {change.kind for service in migration.services for change in service.changes}
    return bool(kinds & {"left", "weights"})


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_both_parsers_read_the_same_except_where_the_report_says_so(old: Version, new: Version) -> None:
    texts = [text_of(service) for service in generated_services(old, SERVICES)]
    migrations = [migrated(text, new) for text in texts]
    before = ask_parser(old, [*map(words, texts), bare(old)])
    after = ask_parser(new, [*(words(migration.text) for migration in migrations), bare(new)])
    *before, old_defaults = before
    *after, new_defaults = after
    judged = 0

    for text, migration, then, now in zip(texts, migrations, before, after, strict=True):
        assert then.values is not None, (then.error, text)
        if now.values is None:
            assert is_left_to_the_user(migration), (now.error, migration.text)
            continue
        judged += 1
        old_parsed = Parsed(old, only_service(text), dict(flat(then.values)), dict(flat(old_defaults.values or {})))
        new_parsed = Parsed(
            new, only_service(migration.text), dict(flat(now.values)), dict(flat(new_defaults.values or {}))
        )
        for name in changed(old_parsed, new_parsed):
            assert is_reported(name, migration, (old, new)), (
                name,
                old_parsed.values.get(name),
                new_parsed.values.get(name),
                report(migration),
                text,
            )
    assert judged >= SERVICES / 2
