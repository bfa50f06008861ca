"""Names that vLLM does not know are errors, in each place in which an argument can be written."""

from __future__ import annotations

from typing import Any

import pytest

from tests.models.engines.vllm_ascend.test_vllm_refusals import limits, stack_file


@pytest.mark.parametrize(
    "arguments",
    [
        {"mm-encoder-attn-backend": "auto"},
        {"attention-config": {"backend": "flash"}},
        {"max-cudagraph-capture-size": -1},
        {"cudagraph-capture-sizes": [4096]},
    ],
)
def test_the_other_forms_of_a_refused_argument_are_refused_too(arguments: dict[str, Any]) -> None:
    service = {"engine": {"maxModelLen": 4096, "maxNumBatchedTokens": 2048, "extraArgs": arguments}}

    assert len(limits(stack_file("0.23.0", service))) == 1
