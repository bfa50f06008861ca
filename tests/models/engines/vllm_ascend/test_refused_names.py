"""Names and values that the engine does not know, in each place in which an argument can be written."""

from __future__ import annotations

from typing import Any

import pytest

from models.check import check
from models.service.resolve import resolve
from models.stack_file.load import load_text
from tests.models.engines.vllm_ascend.test_vllm_refusals import limits, stack_file


@pytest.mark.parametrize(
    "arguments",
    [
        {"attention-config": {"backend": "flash"}},
        {"max-cudagraph-capture-size": -1},
        {"cudagraph-capture-sizes": [4096]},
    ],
)
def test_the_other_forms_of_a_refused_argument_are_refused_too(arguments: dict[str, Any]) -> None:
    service = {"engine": {"maxModelLen": 4096, "maxNumBatchedTokens": 2048, "extraArgs": arguments}}

    assert len(limits(stack_file("0.23.0", service))) == 1


@pytest.mark.parametrize(
    ("keys", "severity"),
    [
        ({"weightNzMode": 2}, []),
        ({"weightNzMode": 3}, ["warning"]),
        ({"enableFusedMc2": 4}, ["warning"]),
        ({"weightNzMode": "2"}, ["error"]),
        ({"eplbConfig": {"eplbPolicyType": 7}}, ["error"]),
    ],
)
def test_a_number_that_the_plugin_does_not_check_is_a_doubt(keys: dict[str, Any], severity: list[str]) -> None:
    text = stack_file("0.23.0", {"engine": {"maxModelLen": 4096, "additionalConfig": keys}})
    found = check(resolve(load_text("test", "-", text))).findings

    assert [finding.severity for finding in found if finding.rule == "setting-value"] == severity
