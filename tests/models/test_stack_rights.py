"""Rights that a key of the cluster gives to pods, and their reasons under `accept` at the top of the stack file."""

from __future__ import annotations

import pytest

from cli.output.rights import rights_json, rights_text
from models.check import check
from tests.review.stacks import head, stack

pytestmark = pytest.mark.slow


def test_a_seccomp_profile_of_the_cluster_that_allows_everything_is_a_right_of_all_services() -> None:
    text = "ascend-vllm:cluster: {context: a, seccomp: Unconfined}\n"
    accepted = f"{text}ascend-vllm:accept: {{cluster-seccomp: containerd of 2020}}\n"
    (finding,) = check(stack({"qwen": {}}, head=head(text))).findings
    report = check(stack({"qwen": {}}, head=head(accepted)))

    assert (finding.rule, finding.severity, finding.service) == ("cluster-seccomp", "warning", None)
    assert report.findings == ()
    assert rights_text(report) == (
        "rights of all services:\n"
        "    cluster-seccomp: the pods of all services may use all system calls of the kernel\n"
        "      accepted: containerd of 2020"
    )
    assert [right["service"] for right in rights_json(report)] == [None]


def test_the_network_of_the_node_is_a_right_of_groups_only() -> None:
    at = head("ascend-vllm:cluster: {context: a, hostNetwork: true, interface: bond0}\n")
    group = {
        "image": "quay.io/ascend/vllm-ascend:v0.23.0-a3",
        "model": "/mnt/models/DeepSeek-V3",
        "nodes": 2,
        "npus": 16,
        "engine": {"maxModelLen": 8192, "tensorParallelSize": 16, "dataParallelSize": 2, "enableExpertParallel": True},
    }
    (finding,) = check(stack({"qwen": group}, head=at)).findings

    assert (finding.rule, finding.severity) == ("cluster-host-network", "warning")
    assert finding.message == "the pods of qwen have the network of their node"
    assert check(stack({"qwen": {}}, head=at)).findings == ()
