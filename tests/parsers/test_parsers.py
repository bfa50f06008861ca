"""The real parser of each release accepts what the program writes, reads the same values, refuses what we refuse."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from models.engines.engine_args import Version
from models.engines.flags import Flag, flag_accepts
from models.engines.releases import release
from models.engines.vllm_ascend.tables import RELEASES, flag_table
from models.launch.launch import launch
from tests.models.engines.vllm_ascend.commands import WITH_PAGES, commands, parsed
from tests.models.engines.vllm_ascend.generated_services import services
from tests.models.engines.vllm_ascend.test_generated_launches import resolved
from tests.parsers.conftest import ask_parser

LAUNCHES = 300
OBJECTS = {"lora-modules", "model", "compilation-config"}
"""Flags whose value the parser turns into an object, and the model, which is not a flag there."""

ANY_WITH_STAND_IN = {"lora-dtype"}
"""Flags whose choices are types of torch, of which a stand-in accepts every word."""

REFUSED_AFTER_THE_PARSER = {"optimization-level"}
"""The parser reads any text. `VllmConfig` refuses everything but the members of `OptimizationLevel` afterwards."""

WRONG_WORDS = ["many", "1.5x", "{", "-", ""]


def generated_launches(version: Version) -> list[list[str]]:
    launches: list[list[str]] = []

    @settings(
        max_examples=LAUNCHES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(services(release(version)))
    def generate(service: dict[str, Any]) -> None:
        launches.append([*launch(resolved(service)).argv])

    generate()
    return launches


@pytest.mark.parametrize("version", RELEASES)
def test_the_parser_reads_each_generated_launch_as_it_is_meant(version: Version) -> None:
    launches = generated_launches(version)
    answers = ask_parser(version, [words[2:] for words in launches])

    assert len(launches) >= LAUNCHES
    for words, answer in zip(launches, answers, strict=True):
        assert answer.values is not None, (words, answer.error)
        meant = parsed(words, release(version))
        assert answer.values["model_tag"] == meant["model"]
        for name in meant.keys() - OBJECTS:
            assert answer.values[name.replace("-", "_")] == meant[name], (name, words)


@pytest.mark.parametrize("version", WITH_PAGES)
def test_the_parser_accepts_the_commands_of_the_pages(version: Version) -> None:
    answers = ask_parser(version, [command.words[2:] for command in commands(version)])

    assert [answer.error for answer in answers if answer.values is None] == []


def wrong_words(flag: Flag) -> list[str]:
    """Words that our table refuses as the value of a flag."""
    if flag.kind != "value" or (flag.type not in ("int", "float") and not flag.choices):
        return []
    return [word for word in WRONG_WORDS if not flag_accepts(flag, word) and word not in flag.also]


@pytest.mark.parametrize("version", RELEASES)
def test_the_parser_refuses_what_our_table_refuses(version: Version) -> None:
    left_out = ANY_WITH_STAND_IN | REFUSED_AFTER_THE_PARSER
    cases = [
        f"{flag.option}={word}"
        for flag in flag_table(version).flags.values()
        if "serve" in flag.servers and flag.name not in left_out
        for word in wrong_words(flag)
    ]
    answers = ask_parser(version, [["/m", case] for case in cases])

    accepted = [case for case, answer in zip(cases, answers, strict=True) if answer.values is not None]
    assert len(cases) > 300
    assert accepted == []


@pytest.mark.parametrize("version", RELEASES)
def test_the_parser_has_no_flag_of_the_past(version: Version) -> None:
    removed = [f"--{name}" for name in ("swap-space", "rope-scaling", "num-scheduler-steps", "no-such-flag")]
    answers = ask_parser(version, [["/m", flag, "1"] for flag in removed])

    assert [answer.values for answer in answers] == [None] * len(removed)
