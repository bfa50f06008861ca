"""Every known release answers every question of `Release`."""

from __future__ import annotations

import typing

import pytest

from models.engines.ascend_vllm.engine_args import EngineArgs
from models.engines.release import Release
from models.engines.releases import DEFAULT_VERSION, VERSIONS, release

QUESTIONS = sorted(typing.get_type_hints(Release))


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_release_answers_every_question(version: str, question: str) -> None:
    assert getattr(release(version), question)


def test_the_lookup_returns_one_object_for_each_version() -> None:
    assert [release(version).version for version in VERSIONS] == [*VERSIONS]
    assert all(release(version) is release(version) for version in VERSIONS)


def test_the_stack_file_accepts_the_known_versions_and_defaults_to_the_manuals() -> None:
    field = EngineArgs.model_fields["version"]

    assert typing.get_args(field.annotation) == VERSIONS
    assert field.default == DEFAULT_VERSION


def test_an_unknown_version_is_a_programming_error() -> None:
    with pytest.raises(KeyError):
        release("0.1")


@pytest.mark.parametrize("name", ["--max-model-len", "max_model_len", "maxModelLen", "MAX-MODEL-LEN"])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_flag_is_found_by_each_spelling_of_its_name(version: str, name: str) -> None:
    flag = release(version).flag(name)

    assert flag is not None
    assert flag.name == "max-model-len"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_release_speaks_only_of_its_own_flags_and_servers(version: str) -> None:
    known = release(version)

    assert known.owned_flags.keys() <= known.flags.keys()
    assert {limit.flag for limit in known.limits} <= known.flags.keys()
    assert {server for flag in known.flags.values() for server in flag.servers} == known.modules.keys()


@pytest.mark.parametrize("version", VERSIONS)
def test_each_kind_of_model_with_an_exception_is_one_that_the_release_loads(version: str) -> None:
    support = release(version).model_support

    assert support.without_lora <= support.architectures
    assert support.remote_code <= support.architectures
