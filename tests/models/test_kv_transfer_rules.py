"""Prefill and decode on separate services: what `check` refuses."""

from __future__ import annotations

from typing import Any

import pytest

from models.check import check
from tests.models.kv_pair import OLDER, rules, stack

DISAGREEMENTS: list[tuple[str, dict[str, Any]]] = [
    ("release", {"decode": {"image": OLDER}}),
    ("model", {"decode": {"model": "/mnt/models/Qwen3-14B"}}),
    ("cache type", {"engine": {"back": {"kvCacheDtype": "fp8"}}}),
    ("type of numbers", {"engine": {"front": {"dtype": "float16"}}}),
    ("names", {"engine": {"back": {"servedModelName": ["qwen"]}}}),
    ("key", {"decode": {"server": {"apiKey": {"secret": "keys", "key": "qwen"}}}}),
    ("context", {"engine": {"front": {"extraArgs": {"decodeContextParallelSize": 2}}}}),
]  # fmt: skip


@pytest.mark.parametrize("change", [change for _, change in DISAGREEMENTS], ids=[name for name, _ in DISAGREEMENTS])
def test_services_that_do_not_agree_are_refused(change: dict[str, Any]) -> None:
    assert "kv-transfer-agreement" in rules(**change)


def with_tokenizer(path: str) -> dict[str, Any]:
    return {"extraArgs": {"tokenizer": path}}


def test_services_whose_tokenizers_differ_are_refused() -> None:
    other = with_tokenizer("/mnt/models/Qwen2-7B")

    assert fixes("kv-transfer-agreement", engine={"back": other}) == ["remove services.back.engine.extraArgs.tokenizer"]
    assert fixes("kv-transfer-agreement", engine={"front": other}) == [
        "write services.back.engine.extraArgs.tokenizer: /mnt/models/Qwen2-7B"
    ]
    assert fixes("kv-transfer-agreement", engine={"front": other, "back": other}) == []


def test_the_tokenizer_of_the_model_itself_may_be_named() -> None:
    own = with_tokenizer("/mnt/models/Qwen3-32B")

    assert fixes("kv-transfer-agreement", engine={"back": own}) == []


def test_both_services_may_divide_the_context_of_decode() -> None:
    divided = {"extraArgs": {"decodeContextParallelSize": 2}}

    assert "kv-transfer-agreement" not in rules(engine={"front": divided, "back": divided})


@pytest.mark.parametrize(
    ("prefill", "decode", "fits"),
    [(4, 4, True), (4, 2, True), (4, 1, True), (2, 4, False), (1, 2, False)],
)
def test_the_parts_for_prefill_are_a_multiple_of_those_for_decode(prefill: int, decode: int, fits: bool) -> None:
    sizes = {
        "front": {"tensorParallelSize": prefill, "dataParallelSize": 4 // prefill},
        "back": {"tensorParallelSize": decode, "dataParallelSize": 4 // decode},
    }

    assert ("kv-transfer-sizes" not in rules(engine=sizes)) is fits


def test_a_service_for_decode_has_no_pipeline() -> None:
    sizes = {"back": {"tensorParallelSize": 2, "pipelineParallelSize": 2}}

    assert "kv-transfer-sizes" in rules(engine=sizes)


@pytest.mark.parametrize("port", [20000, 35999, 65535])
def test_ports_that_others_use_are_refused(port: int) -> None:
    assert "kv-transfer-ports" in rules(pair={"port": port})


def test_the_ports_of_a_group_are_not_among_those_of_mooncake() -> None:
    grouped = {"nodes": 2, "npus": 4}
    sizes = {"back": {"tensorParallelSize": 4, "dataParallelSize": 2}}

    assert "kv-transfer-ports" not in rules(decode=grouped, engine=sizes)
    assert "kv-transfer-ports" in rules(decode={**grouped, "group": {"port": 29550}}, engine=sizes)


def test_a_server_on_a_port_of_the_transfer_is_refused() -> None:
    at_port = {"server": {"port": 36001}}

    assert "kv-transfer-ports" in rules(prefill=at_port, decode=at_port)


def test_kthena_cannot_reach_servers_that_only_accept_encrypted_connections() -> None:
    encrypted = {"server": {"extraArgs": {"sslKeyfile": "/tls/key.pem", "sslCertfile": "/tls/cert.pem"}}}

    assert "kv-transfer-router" in rules(prefill=encrypted, decode=encrypted)
    assert "kv-transfer-router" not in rules(prefill=encrypted, decode=encrypted, pair={"router": "none"})


def test_the_rules_of_the_release_know_the_role_that_follows_from_the_pair() -> None:
    sharded = {"additionalConfig": {"layerSharding": ["q_b_proj"]}}

    assert "kv-transfer" not in rules(engine={"front": sharded})
    assert "kv-transfer" in rules(engine={"back": sharded})


def fixes(rule: str, **changes: Any) -> list[str]:
    return [finding.fix for finding in check(stack(**changes)).errors if finding.rule == rule]


def test_another_name_of_the_model_is_copied_with_its_path() -> None:
    model = {"name": "Qwen3-8B", "source": "/mnt/models/x"}

    assert fixes("kv-transfer-agreement", prefill={"model": model}) == [
        "write services.back.model: {name: Qwen3-8B, source: /mnt/models/x}"
    ]


def test_an_image_without_a_release_is_not_copied() -> None:
    assert fixes("kv-transfer-agreement", prefill={"image": "quay.io/ascend/vllm-ascend"}, decode={"image": OLDER}) == [
        f"write services.front.image: {OLDER}"
    ]


def test_a_pair_behind_kthena_cannot_get_two_ports_on_the_host_network() -> None:
    group = {"nodes": 2, "npus": 4, "model": "/mnt/models/Qwen3-235B-A22B"}
    decode = {**group, "group": {"port": 29800, "memberPort": 29700, "hcclPort": 61000}}
    spread = {"dataParallelSize": 2, "enableExpertParallel": True}
    engine = {"front": spread, "back": spread}
    cluster = {"hostNetwork": True, "interface": "bond0"}
    (fix,) = fixes("host-ports", prefill=group, decode=decode, engine=engine, cluster=cluster)

    assert fix.startswith("write kvTransfer.router: none and write services.front.server.port: ")


def test_a_service_for_prefill_has_stages_or_parts_of_prompts() -> None:
    both = {"tensorParallelSize": 4, "pipelineParallelSize": 2, "extraArgs": {"prefillContextParallelSize": 2}}

    assert fixes("kv-transfer-sizes", prefill={"npus": 16}, engine={"front": both}) == [
        "write services.front.engine.pipelineParallelSize: 1 and write services.front.engine.tensorParallelSize: 8"
    ]
    for key in ("pipelineParallelSize", "extraArgs"):
        one = {name: value for name, value in both.items() if name != key}
        assert fixes("kv-transfer-sizes", prefill={"npus": 8}, engine={"front": one}) == []
