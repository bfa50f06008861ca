"""docs/security.md: each sentence and each row of it is what the program does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from models.check import check
from models.manifests import stack_objects
from models.rules.registry import rules_about
from models.service.resolved import ResolvedStack
from tests.conftest import ROOT
from tests.docs import pod_security
from tests.docs.pod_security import BASELINE, RESTRICTED, Pod, containers, failed_controls, table
from tests.models.sources import FILES, bucket, stack_with
from tests.models.test_rights import HARMLESS, rights
from tests.review.stacks import head, stack

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")

EAGLE = {
    "kind": "eagle", "source": "/m/eagle", "tokens": 2,
    "convert": {"tools": "/opt/EAGLE", "baseWeights": "a.safetensors"},
}  # fmt: skip
SERVICES: dict[str, dict[str, Any]] = {
    "plain": {"smoke": True},
    "prepared": {"model": "/m/Qwen1.5-MoE-A2.7B", "mindSpeed": "install", "speculative": EAGLE},
    "graphs": {"graph": {"kind": "pta", "warmUp": True}},
    "adapters": {"lora": {"adapters": {"sql": "/m/sql"}}, "graph": "eager"},
    "plugin": {"image": "quay.io/ascend/vllm-ascend:v0.23.0", "replicas": 2},
    "guarded": {"server": {"apiKey": {"secret": "key", "key": "token"}}, "network": {"admit": ["gateway"]}},
}
NPU = "huawei.com/ascend-1980"


def pods(services: dict[str, dict[str, Any]] = SERVICES, **every: Any) -> list[Pod]:
    """The templates of all pods of services on both platforms, with further keys for each."""
    found = []
    for platform in ("cce", "mindcluster"):
        at = head(f"ascend-vllm:cluster: {{context: a, platform: {platform}}}\n")
        made = stack({name: {**keys, **every} for name, keys in services.items()}, head=at)
        found += templates(made)
    return found


def templates(made: ResolvedStack) -> list[Pod]:
    kinds = ("Deployment", "Job")
    return [one["spec"]["template"] for one in stack_objects(made) if one["kind"] in kinds]


def of_one(**keys: Any) -> list[Pod]:
    return pods({"one": keys})


def writable_host_paths(found: list[Pod]) -> set[str]:
    """The directories of the node that a container can write to."""
    paths = set()
    for pod in found:
        nodes = {one["name"]: one["hostPath"]["path"] for one in pod["spec"].get("volumes", ()) if "hostPath" in one}
        for container in containers(pod):
            for mount in container.get("volumeMounts", ()):
                if mount["name"] in nodes and not mount.get("readOnly"):
                    paths.add(nodes[mount["name"]])
    return paths


def test_the_table_of_the_controls_is_what_the_pods_are() -> None:
    rows = {name: (baseline, restricted) for name, _, baseline, restricted in table(PAGE, "control")}
    in_baseline = failed_controls(pods(), BASELINE)
    in_restricted = failed_controls(pods(), RESTRICTED)

    assert rows.keys() == RESTRICTED.keys()
    for name, (baseline, restricted) in rows.items():
        expected = "" if name not in BASELINE else ["yes", "no"][name in in_baseline]
        assert (name, baseline) == (name, expected)
        assert (name, restricted) == (name, ["yes", "no"][name in in_restricted])


@pytest.mark.parametrize(
    ("control", "change"),
    [
        ("HostProcess", {"windowsOptions": {"hostProcess": True}}),
        ("Privileged Containers", {"privileged": True}),
        ("Capabilities", {"capabilities": {"add": ["SYS_ADMIN"]}}),
        ("AppArmor", {"appArmorProfile": {"type": "Unconfined"}}),
        ("SELinux", {"seLinuxOptions": {"type": "spc_t"}}),
        ("/proc Mount Type", {"procMount": "Unmasked"}),
        ("Seccomp", {"seccompProfile": {"type": "Unconfined"}}),
        ("Privilege Escalation", {"allowPrivilegeEscalation": True}),
        ("Running as Non-root", {"runAsNonRoot": False}),
        ("Running as Non-root user", {"runAsUser": 0}),
    ],
)
def test_the_evaluation_notices_a_container_that_violates_a_control(control: str, change: dict[str, Any]) -> None:
    pod, *_ = of_one(runAsUser=1000)
    before = failed_controls([pod], RESTRICTED)
    pod["spec"]["containers"][0]["securityContext"] |= change

    assert control not in before
    assert control in failed_controls([pod], RESTRICTED)


@pytest.mark.parametrize(
    ("control", "change"),
    [
        ("Host Namespaces", {"hostPID": True}),
        ("Sysctls", {"securityContext": {"sysctls": [{"name": "kernel.msgmax"}]}}),
        ("Host Ports", {"containers": [{"ports": [{"hostPort": 1}]}]}),
        ("Host Probes / Lifecycle Hooks", {"containers": [{"livenessProbe": {"httpGet": {"host": "a"}}}]}),
    ],
)
def test_the_evaluation_notices_a_pod_that_violates_a_control(control: str, change: dict[str, Any]) -> None:
    pod, *_ = of_one()

    assert control not in failed_controls([pod], BASELINE)
    assert control in failed_controls([{**pod, "spec": {**pod["spec"], **change}}], BASELINE)


def test_a_container_is_root_with_one_capability() -> None:
    found = [one["securityContext"] for pod in pods() for one in containers(pod)]

    assert {one["runAsUser"] for one in found} == {0}
    assert all(one["capabilities"] == {"drop": ["ALL"], "add": ["DAC_OVERRIDE"]} for one in found)


def test_another_user_keeps_no_capability() -> None:
    found = [one["securityContext"] for pod in pods(runAsUser=1000) for one in containers(pod)]

    assert all(one["capabilities"] == {"drop": ["ALL"]} and one["runAsUser"] == 1000 for one in found)


def test_the_directories_of_the_node_are_those_of_the_driver_and_of_the_weights() -> None:
    by_default = of_one()
    (volumes, *_) = [
        {one["hostPath"]["path"] for one in pod["spec"]["volumes"] if "hostPath" in one} for pod in by_default
    ]

    assert volumes == {
        "/usr/local/Ascend/driver", "/usr/local/Ascend/add-ons", "/etc/hccn.conf", "/etc/localtime",
        "/usr/local/sbin/npu-smi", "/m/Qwen2-7B-Instruct",
    }  # fmt: skip
    assert writable_host_paths(by_default) == set()


def test_only_three_keys_make_a_directory_of_the_node_writable(tmp_path: Path) -> None:
    (tmp_path / "weights.json").write_text(json.dumps({"files": FILES}))
    fetched = templates(stack_with(tmp_path, bucket(to="/data/store")))

    assert writable_host_paths(of_one(graph="pta")) == {"/var/cache/ascend-vllm"}
    assert writable_host_paths(of_one(speculative=EAGLE)) == {"/m/eagle"}
    assert writable_host_paths(fetched) == {"/data/store"}
    others = {name: keys for name, keys in SERVICES.items() if name not in ("graphs", "prepared")}
    assert writable_host_paths(pods(others)) == set()


def test_a_pod_is_in_one_group_and_has_its_npus_and_no_token() -> None:
    for pod in of_one(npus=2, engine={"maxModelLen": 4096, "tensorParallelSize": 2}):
        spec = pod["spec"]
        limits = spec["containers"][0]["resources"]["limits"]
        assert spec["securityContext"]["supplementalGroups"] == [1000]
        assert limits.keys() - {"memory"} <= {NPU, "huawei.com/Ascend910"}
        assert spec["automountServiceAccountToken"] is False
        assert not any("projected" in volume for volume in spec["volumes"])


def test_a_pod_has_no_namespace_port_or_account_of_others() -> None:
    for pod in pods():
        assert not pod["spec"].keys() & {
            "hostPID", "hostIPC", "hostNetwork", "shareProcessNamespace", "serviceAccountName", "hostAliases",
        }  # fmt: skip
    assert not failed_controls(pods(), {"Host Ports": BASELINE["Host Ports"]})


def test_init_containers_and_the_smoke_job_have_the_limits_of_the_server() -> None:
    every = {**SERVICES["prepared"], "smoke": True}
    found = [one["securityContext"] for pod in of_one(**every) for one in containers(pod)]

    assert len(found) == 2 * (4 + 1)
    assert all(one == found[0] for one in found)


def test_an_init_container_writes_to_the_directory_of_its_step_only() -> None:
    pod, *_ = of_one(**SERVICES["prepared"])
    written = {
        one["name"]: [mount["mountPath"] for mount in one["volumeMounts"] if not mount.get("readOnly")]
        for one in pod["spec"]["initContainers"]
    }

    assert written.pop("preflight") == []
    assert written == {"install-mindspeed": ["/opt/ascend-vllm/MindSpeed"], "convert-eagle": ["/m/eagle"]}


def test_the_preflight_only_reads_and_gets_no_secret_and_no_npu() -> None:
    keys = {"server": {"apiKey": {"secret": "key", "key": "key"}}, "env": {"TOKEN": {"secret": "a", "key": "b"}}}
    pod, *_ = of_one(**SERVICES["prepared"], **keys)
    (found,) = [one for one in pod["spec"]["initContainers"] if one["name"] == "preflight"]

    assert {mount["name"] for mount in found["volumeMounts"]} == {"ascend-driver", "hccn", "model-path"}
    assert all(mount["readOnly"] for mount in found["volumeMounts"])
    assert found["resources"]["limits"].keys() == {"memory"}
    assert not found.keys() & {"env", "envFrom", "ports"}


def test_with_another_user_only_the_host_paths_remain() -> None:
    assert failed_controls(pods(runAsUser=1000), RESTRICTED) == {"HostPath Volumes", "Volume Types"}


def test_an_added_container_has_the_profile_of_the_pod_and_nothing_else() -> None:
    added = {"name": "side", "image": "side:1"}
    pod, *_ = of_one(podTemplate={"spec": {"containers": [added]}})

    assert pod["spec"]["containers"][-1] == added
    assert pod["spec"]["securityContext"] == {
        "supplementalGroups": [1000],
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def test_the_fields_that_the_page_calls_harmless_are_those_without_a_finding() -> None:
    (sentence,) = [one for one in sentences() if one.startswith("These fields give no right")]
    named = re.findall(r"`([A-Za-z.]+)(?:: false)?`", sentence)

    assert named
    for name in named:
        assert rights(HARMLESS[name]) == []


def test_the_fields_that_the_page_calls_refused_are_errors() -> None:
    values = {"automountServiceAccountToken": True, "securityContext": {"sysctls": []}, "ephemeralContainers": []}
    for field, value in values.items():
        findings = check(stack({"one": {"podTemplate": {"spec": {field: value}}}})).errors
        assert [finding.rule for finding in findings] == ["pod-template-owned"]


def rights_table() -> str:
    """The table of all rules about rights, in alphabetical order: the default, the keys, the finding."""
    rows = ["| without a finding | keys | finding |", "| --- | --- | --- |"]
    for rule in rules_about("stack file"):
        if rule.right_keys:
            keys = ", ".join(f"`{key}`" for key in rule.right_keys)
            rows.append(f"| {rule.summary.removesuffix('.')} | {keys} | `{rule.id}` |")
    return "\n".join(rows)


def test_the_table_of_the_rights_is_that_of_the_rules(golden: Callable[[Path, str], None]) -> None:
    before, _, rest = PAGE.partition("| without a finding |")
    _, _, after = rest.partition("\n\n")

    golden(ROOT / "docs" / "security.md", f"{before}{rights_table()}\n\n{after}")


def test_the_warning_about_an_unconfined_stack_is_waived_at_the_top() -> None:
    text = "ascend-vllm:cluster: {context: a, seccomp: Unconfined}\nascend-vllm:accept: {cluster-seccomp: old}\n"
    report = check(stack({"one": {}}, head=head(text)))

    assert [waived.finding.rule for waived in report.accepted] == ["cluster-seccomp"]


def test_the_table_of_the_default_names_keys_of_the_stack_file() -> None:
    schema = json.loads((ROOT / "schema" / "stack.schema.json").read_text(encoding="utf-8"))
    text = json.dumps(schema)
    for _, _, _, keys in table(PAGE, "right | by default"):
        for name in re.findall(r"`([A-Za-z.]+)[`:]", keys):
            assert f'"{name.rpartition(".")[2]}"' in text


def sentences() -> list[str]:
    """The sentences of the page outside of headings, tables and examples."""
    text = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
    lines = [line for line in text.splitlines() if not line.startswith(("#", "|"))]
    paragraphs = [" ".join(block.split()) for block in "\n".join(lines).split("\n\n")]
    found = []
    for paragraph in paragraphs:
        found += re.split(r"(?<=\.) (?=[A-Z`])", paragraph)
    return [one for one in found if one]


HELD: dict[str, str] = yaml.safe_load((ROOT / "tests" / "docs" / "security_sentences.yaml").read_text(encoding="utf-8"))
"""The test that holds each sentence, by the sentence."""


def test_each_sentence_of_the_page_is_held_by_a_test() -> None:
    assert sorted(sentences()) == sorted(HELD)


@pytest.mark.parametrize("named", sorted({*HELD.values()}))
def test_a_test_that_holds_a_sentence_exists(named: str) -> None:
    file, _, name = named.partition("::")

    assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8")


def test_the_evaluation_knows_what_admission_says_of_each_control_that_the_table_denies() -> None:
    denied = {name for name, _, baseline, restricted in table(PAGE, "control") if "no" in (baseline, restricted)}

    assert denied <= {*pod_security.ADMISSION.values()}
