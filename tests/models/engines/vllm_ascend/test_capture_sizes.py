"""How many batch sizes with a graph vllm-ascend 0.18.0 keeps, for each kind of communication and speculation."""

from __future__ import annotations

from typing import Any

import pytest

from tests.models.engines.vllm_ascend.launches import DENSE, findings

LATENT = "/mnt/models/DeepSeek-V3.1"
AIV = {"HCCL_OP_EXPANSION_MODE": "AIV"}


def replaced(release: str, count: int, service: dict[str, Any]) -> bool:
    """Whether the list of this number of sizes is replaced."""
    engine = {"maxModelLen": 4096, **service["engine"]}
    entry = {
        "image": f"quay.io/ascend/vllm-ascend:v{release}",
        "model": DENSE,
        **service,
        "engine": engine,
        "graph": {"captureSizes": [*range(1, count + 1)]},
    }
    found = [finding for finding in findings(entry) if finding.rule == "reset-setting"]
    return any("graph.captureSizes" in finding.message for finding in found)


@pytest.mark.parametrize(
    ("most", "service"),
    [
        (62, {"engine": {}}),
        (20, {"npus": 4, "engine": {"tensorParallelSize": 4}}),
        (30, {"npus": 4, "env": AIV, "engine": {"tensorParallelSize": 4}}),
        (
            10,
            {
                "npus": 4,
                "engine": {"tensorParallelSize": 4},
                "speculative": {"kind": "ngram", "tokens": 2, "promptLookupMax": 4},
            },
        ),
        (
            9,
            {
                "model": LATENT,
                "npus": 16,
                "engine": {"tensorParallelSize": 16},
                "speculative": {"kind": "mtp", "tokens": 1},
            },
        ),
        (
            9,
            {
                "model": LATENT,
                "npus": 16,
                "env": AIV,
                "engine": {"tensorParallelSize": 16, "enableExpertParallel": True},
                "speculative": {"kind": "mtp", "tokens": 1},
            },
        ),
    ],
    ids=["one NPU", "four NPUs", "AIV", "n-grams", "MTP", "AIV, experts and MTP"],
)
def test_sizes_above_the_streams_of_the_npu_are_replaced_by_0_18_0_only(most: int, service: dict[str, Any]) -> None:
    assert not replaced("0.18.0", most, service)
    assert replaced("0.18.0", most + 1, service)
    assert not replaced("0.23.0", most + 1, service)


def test_a_draft_whose_layers_are_not_known_is_not_judged() -> None:
    draft = {"kind": "eagle3", "tokens": 2, "source": "/mnt/models/head"}

    assert not replaced("0.18.0", 500, {"engine": {}, "speculative": draft})
