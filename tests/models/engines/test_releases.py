"""Every known release answers every question of `Release`."""

from __future__ import annotations

import typing

import pytest

from models.engines.engine_args import Version
from models.engines.release import Release
from models.engines.releases import DEFAULT_VERSION, VERSIONS, release, release_of_service, version_of_image

QUESTIONS = sorted(typing.get_type_hints(Release))


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_release_answers_every_question(version: str, question: str) -> None:
    assert getattr(release(version), question) is not None


def test_the_lookup_returns_one_object_for_each_version() -> None:
    assert [release(version).version for version in VERSIONS] == [*VERSIONS]
    assert all(release(version) is release(version) for version in VERSIONS)


def test_the_stack_file_accepts_the_known_versions_and_defaults_to_the_manuals() -> None:
    assert typing.get_args(Version) == VERSIONS
    assert release_of_service(None, "a:1").version == DEFAULT_VERSION


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


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("registry.example.com/ascend-vllm:6.3.912", "0.6.3"),
        ("registry.example.com:5000/ascend-vllm:6.3.912-snt9b", "0.6.3"),
        ("ascend-vllm:v0.6.3@sha256:" + 64 * "a", "0.6.3"),
        ("registry.example.com/ascend-vllm:6.3.913", None),
        ("registry.example.com/ascend-vllm:16.3.9121", None),
        ("registry.example.com/6.3.912/ascend-vllm:latest", None),
        ("registry.example.com/ascend-vllm@sha256:" + 64 * "a", None),
        ("ascend-vllm", None),
        ("quay.io/ascend/vllm-ascend:v0.23.0-a3-openeuler", "0.23.0"),
        ("m.daocloud.io/quay.io/ascend/vllm-ascend:v0.30.0", "0.30.0"),
        ("registry.example.com/vllm-ascend:V0.23.0-A3", "0.23.0"),
        ("registry.example.com/our-vllm:vllm0.23.0-a3", "0.23.0"),
        ("registry.example.com/our-vllm:cann9.1.0-vllm_v0.18.0", "0.18.0"),
        ("quay.io/ascend/vllm-ascend:v0.23.0rc1-a3", None),
        ("quay.io/ascend/vllm-ascend:v0.23.0-rc2", None),
        ("quay.io/ascend/vllm-ascend:v0.23.0-rc.1-a3", None),
        ("quay.io/ascend/vllm-ascend:v0.6.3", None),
    ],
)
def test_the_tag_of_an_image_names_its_release(image: str, version: str | None) -> None:
    assert version_of_image(image) == version


def test_a_version_in_the_stack_file_comes_before_the_tag_and_the_tag_before_the_default() -> None:
    assert release_of_service(DEFAULT_VERSION, "ascend-vllm:1").version == DEFAULT_VERSION
    assert release_of_service(None, "ascend-vllm:6.3.912").version == "0.6.3"
    assert release_of_service(None, "ascend-vllm:1").version == DEFAULT_VERSION


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        ("v0.18", "0.18.0"),
        ("v0.23.0rc1", "0.23.0"),
        ("v0.29.1", "0.23.0"),
        ("v0.6.3", "0.18.0"),
        ("2026.11.01", "0.23.0"),
    ],
)
def test_an_image_of_the_plugin_is_judged_as_the_last_known_release_before_its_tag(tag: str, version: str) -> None:
    assert release_of_service(None, f"quay.io/ascend/vllm-ascend:{tag}").version == version
