"""Volcano's resource definitions, as the API server tells of them."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.volcano import is_served


@pytest.mark.parametrize(
    ("status", "served", "reason"),
    [
        ({}, False, "just created"),
        ({"conditions": None}, False, "no condition yet, said so"),
        ({"conditions": [{"type": "NamesAccepted", "status": "True"}]}, False, "its names are accepted only"),
        ({"conditions": [{"type": "Established", "status": "False"}]}, False, "not yet"),
        ({"conditions": [{"type": "Established", "status": "True"}]}, True, "served"),
    ],
)
def test_a_definition_is_used_only_once_it_is_served(status: dict[str, Any], served: bool, reason: str) -> None:
    assert is_served({"status": status}) == served, reason
