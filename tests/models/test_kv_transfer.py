"""Prefill and decode on separate services: what follows from `kvTransfer` in each of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from models.check import check
from models.launch.launch import launch
from models.manifests.kv_transfer import pair_labels
from models.service.deadlines import grace_period, pair_downtime
from models.service.resolve import resolve
from models.service.resolved import ResolvedService
from models.stack_file.load import load_text
from models.stack_file.parse import parse_stack
from tests.models.kv_pair import IMAGE, OLDER, PAIR, objects, rules, service, stack, transfer_config


def test_each_service_gets_its_role() -> None:
    assert transfer_config(service("front"))["kv_role"] == "kv_producer"
    assert transfer_config(service("back"))["kv_role"] == "kv_consumer"


@pytest.mark.parametrize("name", ["front", "back"])
@pytest.mark.parametrize("image", [IMAGE, OLDER])
def test_both_services_know_the_sizes_of_both(name: str, image: str) -> None:
    config = transfer_config(
        service(
            name,
            prefill={"image": image},
            decode={"image": image, "npus": 8},
            engine={"back": {"tensorParallelSize": 2, "dataParallelSize": 4}},
        )
    )

    assert config["kv_connector"] == "MooncakeConnectorV1"
    assert config["kv_connector_extra_config"] == {
        "prefill": {"dp_size": 1, "tp_size": 4},
        "decode": {"dp_size": 4, "tp_size": 2},
    }


@pytest.mark.parametrize(
    ("prefill", "decode", "fix"),
    [
        (
            {"lora": {"adapters": {"law": "/mnt/law"}}},
            {},
            'write services.back.lora: {"adapters": {"law": "/mnt/law"}}',
        ),
        ({}, {"lora": {"adapters": {"law": "/mnt/law"}}}, "remove services.back.lora"),
        (
            {"server": {"chatTemplate": "/mnt/a.jinja"}},
            {},
            'write services.back.server.chatTemplate: {"path": "/mnt/a.jinja"}',
        ),
        ({}, {"server": {"chatTemplate": {"inline": "{{ messages }}"}}}, "remove services.back.server.chatTemplate"),
    ],
)
def test_adapters_and_templates_of_one_side_only_are_refused(
    prefill: dict[str, Any], decode: dict[str, Any], fix: str
) -> None:
    found = check(stack(prefill=prefill, decode=decode)).findings

    assert [finding.fix for finding in found if finding.rule == "kv-transfer-agreement"] == [fix]


def test_a_server_for_prefill_ends_after_the_readers_of_its_kv_cache() -> None:
    front, back = service("front"), service("back")

    assert launch(front).files["drain.sh"].endswith("--settle=5\nexec sleep 30\n")
    assert launch(back).files["drain.sh"].endswith("--settle=5\n")
    assert grace_period(front) == grace_period(back) + 30


def test_a_second_pair_is_refused_with_its_way_out() -> None:
    text = {"config": {"ascend-vllm:cluster": {"context": "prod"}, "ascend-vllm:kvTransfer": [PAIR, PAIR]}}
    loaded = load_text("test", "Pulumi.test.yaml", json.dumps(text))

    assert [finding.message for finding in loaded.findings if "kvTransfer" in finding.message] == [
        "kvTransfer: a stack has one pair; each further pair needs another stack"
    ]


def test_a_pipeline_for_prefill_is_among_the_sizes() -> None:
    sizes = {"front": {"tensorParallelSize": 4, "pipelineParallelSize": 2}}
    config = transfer_config(service("back", prefill={"npus": 8}, engine=sizes))

    assert config["kv_connector_extra_config"]["prefill"] == {"dp_size": 1, "tp_size": 4, "pp_size": 2}


@pytest.mark.parametrize(("npus_per_node", "first"), [(8, 28000), (16, 36000)])
def test_the_ports_are_above_those_that_mooncake_opens_on_a_node_of_the_pool(npus_per_node: int, first: int) -> None:
    pools = {"pool": {"nodes": 2, "npusPerNode": npus_per_node, "npuMemory": "64Gi"}}

    assert transfer_config(service("front", cluster={"pools": pools}))["kv_port"] == first


def test_without_pools_the_ports_are_above_those_of_the_largest_nodes() -> None:
    assert transfer_config(service("front"))["kv_port"] == 36000


@pytest.mark.parametrize("npus", [1, 4, 16, 64])
def test_no_port_belongs_to_both_services(npus: int) -> None:
    sizes = {"tensorParallelSize": 1, "dataParallelSize": npus}
    both = {"prefill": {"npus": npus}, "decode": {"npus": npus}, "engine": {"front": sizes, "back": sizes}}
    front, back = service("front", **both).kv_transfer, service("back", **both).kv_transfer
    assert front is not None
    assert back is not None

    assert len(front.ports) == npus
    assert set(front.ports).isdisjoint(back.ports)


def test_a_port_of_the_stack_file_is_the_first_of_the_service_for_prefill() -> None:
    assert transfer_config(service("front", pair={"port": 40000}))["kv_port"] == 40000
    assert transfer_config(service("back", pair={"port": 40000}))["kv_port"] == 40100


def test_equal_prompts_have_equal_hashes_in_both_services() -> None:
    for name in ("front", "back"):
        assert launch(service(name)).environment["PYTHONHASHSEED"] == "0"


def test_the_seed_of_hashes_cannot_be_set_beside_the_pair() -> None:
    assert "variable-with-key" in rules(prefill={"env": {"PYTHONHASHSEED": "1"}})


def test_each_start_has_an_engine_id_of_its_own() -> None:
    assert "engine_id" not in transfer_config(service("front"))


def test_a_service_beside_the_pair_transfers_nothing() -> None:
    values = {
        "cluster": {"context": "prod"},
        "kvTransfer": PAIR,
        "services": {
            name: {
                "image": IMAGE,
                "model": "/mnt/models/Qwen3-32B",
                "npus": 4,
                "engine": {"maxModelLen": 32768, "tensorParallelSize": 4},
            }
            for name in ("front", "back", "alone")
        },
    }
    alone = resolve(parse_stack("prod", "Pulumi.prod.yaml", values, {})).service("alone")
    assert alone is not None

    assert not [word for word in launch(alone).argv if "kv-transfer" in word]
    assert "PYTHONHASHSEED" not in launch(alone).environment
    (deployment,) = objects(alone, "Deployment")
    assert not [label for label in deployment["spec"]["template"]["metadata"]["labels"] if "kv-transfer" in label]


def pod_labels(server: ResolvedService) -> dict[str, str]:
    (deployment,) = objects(server, "Deployment")
    labels: dict[str, str] = deployment["spec"]["template"]["metadata"]["labels"]
    return labels


def selects(selector: dict[str, str], labels: dict[str, str]) -> bool:
    return selector.items() <= labels.items()


def test_kthena_sends_requests_for_the_model_to_both_services() -> None:
    front, back = service("front"), service("back")
    (server,) = objects(back, "ModelServer")
    (route,) = objects(back, "ModelRoute")
    selector = server["spec"]["workloadSelector"]
    group = selector["pdGroup"]

    for labels in (pod_labels(front), pod_labels(back)):
        assert selects(selector["matchLabels"], labels)
        assert group["groupKey"] in labels
    assert selects(group["prefillLabels"], pod_labels(front))
    assert not selects(group["prefillLabels"], pod_labels(back))
    assert selects(group["decodeLabels"], pod_labels(back))
    assert not selects(group["decodeLabels"], pod_labels(front))
    assert server["spec"]["kvConnector"] == {"type": "mooncake"}
    assert server["spec"]["workloadPort"] == {"port": back.server.port}
    assert route["spec"]["modelName"] == back.model_names[0]
    assert route["spec"]["rules"][0]["targetModels"] == [{"modelServerName": server["metadata"]["name"]}]
    assert objects(front, "ModelServer") == []


def test_only_the_leaders_of_groups_are_asked() -> None:
    grouped = {"nodes": 2, "npus": 4}
    sizes = {"back": {"tensorParallelSize": 4, "dataParallelSize": 2}}
    (server,) = objects(service("back", decode=grouped, engine=sizes), "ModelServer")
    group = server["spec"]["workloadSelector"]["pdGroup"]

    assert group["decodeLabels"]["leaderworkerset.sigs.k8s.io/worker-index"] == "0"
    assert "leaderworkerset.sigs.k8s.io/worker-index" not in group["prefillLabels"]


def test_a_copy_of_the_engine_of_a_pair_is_on_one_node() -> None:
    divided = {"nodes": 2, "npus": 4}
    sizes = {"front": {"tensorParallelSize": 8}}

    assert "kv-transfer-sizes" in rules(prefill=divided, engine=sizes)


def test_requests_for_an_adapter_are_sent_to_the_pair_as_well() -> None:
    lora = {"adapters": {"sql": "/mnt/models/sql"}, "maxRank": 16}
    (route,) = objects(service("back", prefill={"lora": lora}, decode={"lora": lora}), "ModelRoute")

    assert route["spec"]["loraAdapters"] == ["sql"]


def test_without_the_router_there_are_no_objects_of_it() -> None:
    back = service("back", pair={"router": "none"})

    assert objects(back, "ModelServer") == objects(back, "ModelRoute") == []


def revision(name: str, **changes: Any) -> str:
    return pod_labels(service(name, **changes))["ascend-vllm/kv-transfer-revision"]


CHANGES: list[dict[str, Any]] = [
    {"prefill": {"image": OLDER}, "decode": {"image": OLDER}},
    {"prefill": {"model": "/mnt/models/Qwen3-14B"}, "decode": {"model": "/mnt/models/Qwen3-14B"}},
    {"engine": {"front": {"kvCacheDtype": "fp8"}, "back": {"kvCacheDtype": "fp8"}}},
    {"engine": {"back": {"tensorParallelSize": 2, "dataParallelSize": 2}}},
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=["release", "model", "cache", "sizes"])
def test_an_old_pod_is_never_paired_with_a_new_one_that_it_does_not_fit(change: dict[str, Any]) -> None:
    assert revision("front") == revision("back")
    assert revision("front", **change) == revision("back", **change)
    assert revision("front", **change) != revision("front")


def test_a_change_of_one_service_alone_leaves_the_other_as_it_is() -> None:
    changed = {"engine": {"front": {"maxNumSeqs": 8}}}

    assert pod_labels(service("back", **changed)) == pod_labels(service("back"))
    assert launch(service("back", **changed)) == launch(service("back"))


def test_the_network_policy_of_each_lets_the_other_through_on_all_ports() -> None:
    network = {"network": {"admit": ["kthena-system"]}}
    front = service("front", prefill=network, decode=network)
    back = service("back", prefill=network, decode=network)
    (policy,) = objects(front, "NetworkPolicy")
    *_, ingress = policy["spec"]["ingress"]
    *_, egress = policy["spec"]["egress"]

    for rule, side in ((ingress, "from"), (egress, "to")):
        (peer,) = rule[side]
        assert "ports" not in rule
        assert selects(peer["podSelector"]["matchLabels"], pod_labels(back))


def test_a_pair_is_down_as_long_as_the_slower_of_both() -> None:
    slow = stack(decode={"startup": "30m"})

    assert [one.name for one in slow.pair] == ["front", "back"]
    assert pair_downtime(slow.pair) == 1800


def test_a_pair_of_services_that_keep_a_pod_has_no_downtime() -> None:
    two = {"replicas": 2, "rollout": {"kind": "rollingUpdate", "maxUnavailable": 1, "maxSurge": 0}}

    assert pair_downtime(stack(prefill=two, decode=two).pair) == 0


def test_each_npu_has_a_port_also_those_for_the_parts_of_prompts() -> None:
    divided = {"front": {"extraArgs": {"prefillContextParallelSize": 2}}}
    prefill = service("front", prefill={"npus": 8}, engine=divided)

    assert prefill.kv_transfer
    assert len(prefill.kv_transfer.ports) == 8


def test_the_other_service_learns_which_layers_a_stage_has() -> None:
    stages = {"front": {"pipelineParallelSize": 2}}
    partition = {"npus": 8, "env": {"VLLM_PP_LAYER_PARTITION": "31,33"}}
    sizes = transfer_config(service("back", prefill=partition, engine=stages))["kv_connector_extra_config"]

    assert sizes["prefill"] == {"dp_size": 1, "tp_size": 4, "pp_size": 2, "pp_layer_partition": "31,33"}
    assert "pp_layer_partition" not in sizes["decode"]


def test_pods_with_another_division_of_layers_are_not_paired() -> None:
    stages = {"front": {"pipelineParallelSize": 2}}
    revisions = set()
    for partition in ("31,33", "32,32"):
        prefill = {"npus": 8, "env": {"VLLM_PP_LAYER_PARTITION": partition}}
        labels = pair_labels(service("back", prefill=prefill, engine=stages))
        revisions.add(labels["ascend-vllm/kv-transfer-revision"])

    assert len(revisions) == 2
