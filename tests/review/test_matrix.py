"""Services × environments: what each environment runs, and where they differ."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from models.service.resolved import ResolvedStack
from review.matrix import Cell, image_tag, matrix
from tests.review.stacks import stack


def environment(name: str, services: dict[str, Any]) -> ResolvedStack:
    return replace(stack(services), name=name)


def test_an_environment_that_lacks_a_service_has_an_empty_cell() -> None:
    table = matrix([environment("dev", {"a": {}}), environment("prod", {"a": {"replicas": 2}, "b": {}})])

    assert table.environments == ("dev", "prod")
    assert [*table.rows] == ["a", "b"]
    assert table.rows["a"] == (Cell("1", 1, 1, 4096, {}), Cell("1", 1, 2, 4096, {}))
    assert table.rows["b"] == (None, Cell("1", 1, 1, 4096, {}))


@pytest.mark.parametrize(
    ("first", "second", "expected", "reason"),
    [
        ({}, {"prefixCaching": True}, ({"prefix caching": "off"}, {"prefix caching": "on"}), "a switch"),
        ({"graph": "eager"}, {"graph": "pta"}, ({"graph": "eager"}, {"graph": "pta"}), "a kind"),
        ({}, {"quantization": "awq"}, ({"quantization": "off"}, {"quantization": "awq"}), "a value or none"),
        ({}, {"multimodal": True}, ({"multimodal": "off"}, {"multimodal": "on"}), "a record or none"),
        ({}, {"lora": {"adapters": {"b": "/b", "a": "/a"}}}, ({"LoRA": "off"}, {"LoRA": "a, b"}), "names"),
        ({}, {"engine": {"numSchedulerSteps": 8}}, ({"steps": "1"}, {"steps": "8"}), "a number"),
        (
            {},
            {"speculative": {"kind": "ngram", "tokens": 2, "promptLookupMax": 3}},
            ({"speculation": "off"}, {"speculation": "ngram"}),
            "a kind or none",
        ),
        ({"prefixCaching": True}, {"prefixCaching": True}, ({}, {}), "equal features are not shown"),
        ({}, {"drain": "10m"}, ({}, {}), "a drain is not a feature"),
    ],
)
def test_features_are_shown_if_environments_differ(
    first: dict[str, Any], second: dict[str, Any], expected: tuple[dict[str, str], ...], reason: str
) -> None:
    cells = matrix([environment("dev", {"a": first}), environment("prod", {"a": second})]).rows["a"]

    assert tuple(cell and cell.features for cell in cells) == expected, reason


def test_two_stacks_with_the_same_name_are_named_by_their_files() -> None:
    one = stack({"a": {}})

    assert matrix([one, replace(one, file="other.yaml")]).environments == ("Pulumi.test.yaml", "other.yaml")


def test_a_service_with_invalid_fields_is_listed() -> None:
    table = matrix([environment("dev", {"a": {"npus": "many"}}), environment("prod", {"a": {}})])

    assert table.unread == {"dev": ("a",)}
    assert table.rows["a"][0] is None


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        ("a:1", "1"),
        ("registry.example.com:5000/a/b:6.3.912", "6.3.912"),
        ("registry.example.com:5000/a", "latest"),
        (f"a@sha256:{'0' * 64}", "0" * 12),
        (f"a:1@sha256:{'0' * 64}", "1"),
    ],
)
def test_an_image_is_shown_by_its_tag(image: str, tag: str) -> None:
    assert image_tag(image) == tag
