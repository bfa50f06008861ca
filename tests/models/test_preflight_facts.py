"""The facts of the preflight: the group of a user, releases of the driver, and what its container gets."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from models.engines.features import EagerGraph
from models.launch.preflight import (
    PREFLIGHT,
    PREFLIGHT_WEIGHTS,
    facts_of_service,
    oldest_driver,
)
from models.launch.scripts import preflight as script
from models.service.resolve import resolve
from models.stack_file.load import load_stack
from tests.conftest import ROOT
from tests.models.preflight_trees import DRIVER, right_tree, service
from tests.models.sources import CLAIM, bucket, named, pod_of


@pytest.mark.parametrize(
    ("owner", "fixes"),
    [
        (1005, ["write cluster.platform.group: 1005"]),
        (0, ["give /usr/local/Ascend/driver to the group HwHiAiUser on the node, or write runAsUser: 0"]),
        (1000, []),
    ],
)
def test_another_user_than_root_has_to_be_in_the_group_of_the_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: int, fixes: list[str]
) -> None:
    tree = script.Tree(str(right_tree(tmp_path)))
    monkeypatch.setattr(script.os, "geteuid", lambda: 1001)
    monkeypatch.setattr(script.os, "getegid", lambda: 1000)
    monkeypatch.setattr(script.os, "getgroups", lambda: [1000])
    monkeypatch.setattr(script.os, "access", lambda *_: False)
    monkeypatch.setattr(script, "group_of", lambda *_: owner)
    facts = {"driver": {"directory": f"/{DRIVER}"}, "installInfo": "/etc/ascend_install.info"}

    found = list(script.rights_of_user(tree, facts))

    message = f"user 1001 may not use /{DRIVER}: it belongs to group {owner}, and the pod has the groups [1000]"
    assert [problem.message for problem in found] == [message] * len(fixes)
    assert [problem.fix for problem in found] == fixes


def test_root_and_a_driver_that_all_may_read_need_no_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = script.Tree(str(right_tree(tmp_path)))
    facts = {"driver": {"directory": f"/{DRIVER}"}}
    monkeypatch.setattr(script, "group_of", lambda *_: 1005)
    monkeypatch.setattr(script.os, "access", lambda *_: True)
    monkeypatch.setattr(script.os, "geteuid", lambda: 1001)
    assert list(script.rights_of_user(tree, facts)) == []

    monkeypatch.setattr(script.os, "access", lambda *_: False)
    monkeypatch.setattr(script.os, "geteuid", lambda: 0)
    assert list(script.rights_of_user(tree, facts)) == []


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("24.1.rc3", "24.1.rc3.10"),
        ("24.1.rc3.5", "24.1.rc3.10"),
        ("24.1.rc3", "24.1.0.3"),
        ("24.1.0.3", "25.0.rc1.1"),
        ("25.0.RC1", "25.0.0"),
        ("25.2.0", "25.5.1"),
        ("25.5", "25.5.1"),
    ],
)
def test_releases_of_the_driver_are_ordered_as_they_appeared(older: str, newer: str) -> None:
    assert (script.compared(older, newer), script.compared(newer, older)) == (-1, 1)
    assert script.compared(older, older) == 0


@pytest.mark.parametrize(
    "version", ["", "25", "25.5.1-beta", "7.5.0.1.129", "1.0.10", "25.5.1 ", "25..5", "٢٥.5.1", "v25.5.1"]
)
def test_a_text_that_is_no_release_of_the_driver_is_not_compared(version: str) -> None:
    assert script.compared(version, "25.5.1") is None


def test_the_preflight_is_first_reads_only_and_requests_no_npu(tmp_path: Path) -> None:
    pod = pod_of(service(tmp_path, {"source": CLAIM}, npus=8))
    (container,) = pod["initContainers"]

    assert container["name"] == PREFLIGHT
    assert container["resources"] == {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}}
    assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"
    assert container["securityContext"] == pod["containers"][0]["securityContext"]
    assert {mount["name"]: mount["readOnly"] for mount in container["volumeMounts"]} == {
        "ascend-driver": True,
        "hccn": True,
        "ascend-install-info": True,
        "model-path": True,
    }


def test_weights_of_a_bucket_are_compared_before_and_after_the_download(tmp_path: Path) -> None:
    (tmp_path / "weights.json").write_text(
        json.dumps(
            {
                "files": {
                    "config.json": {"size": 1, "sha256": "0" * 64},
                    "a.safetensors": {"size": 1, "sha256": "1" * 64},
                }
            }
        )
    )
    pod = pod_of(service(tmp_path, bucket()))
    names = [container["name"] for container in pod["initContainers"]]
    before, after = (named(pod["initContainers"], name) for name in (PREFLIGHT, PREFLIGHT_WEIGHTS))

    assert names == [PREFLIGHT, "fetch-model", PREFLIGHT_WEIGHTS]
    store = {"name": "model-path", "mountPath": "/opt/ascend-vllm/models", "readOnly": True}
    assert store in before["volumeMounts"]
    assert after["volumeMounts"] == [store]
    assert json.loads(before["args"][0])["weights"] == json.loads(after["args"][0])["weights"]
    assert "driver" not in json.loads(after["args"][0])


def test_the_npus_of_all_nodes_of_a_server_communicate() -> None:
    (grouped,) = resolve(load_stack("prod", project=ROOT / "examples" / "several-nodes")).services

    assert json.loads(facts_of_service(grouped))["hccn"]["npus"] == 2 * grouped.npus == 16


def test_preflight_false_leaves_it_out(tmp_path: Path) -> None:
    assert "initContainers" not in pod_of(service(tmp_path, preflight=False))


def test_the_driver_of_the_lock_file_counts_also_without_graphs(tmp_path: Path) -> None:
    project = tmp_path / "locked"
    shutil.copytree(ROOT / "examples" / "locked", project)
    lock = project / "ascend-vllm.lock"
    lock.write_text(lock.read_text().replace("driver: 25.5.1", "driver: 25.2.0", 1))
    first, second = resolve(load_stack("prod", project=project)).services

    assert oldest_driver(first) == "25.2.0"
    assert oldest_driver(second) == "25.5.1"
    driver = json.loads(facts_of_service(replace(first, graph=EagerGraph())))["driver"]
    assert (driver["minimum"], driver["source"]) == ("25.2.0", "ascend-vllm.lock")
    assert (
        driver["instead"]
        == f"test the service with DRIVER and write driver: 'DRIVER' for {first.name} in ascend-vllm.lock"
    )


def test_the_lock_of_another_image_says_nothing_about_the_driver(tmp_path: Path) -> None:
    project = tmp_path / "locked"
    shutil.copytree(ROOT / "examples" / "locked", project)
    stack = project / "Pulumi.prod.yaml"
    stack.write_text(stack.read_text().replace("v0.23.0", "v0.18.0"))
    first, _ = resolve(load_stack("prod", project=project)).services

    assert oldest_driver(first) is None


def test_an_eager_service_without_a_lock_accepts_every_driver(tmp_path: Path) -> None:
    assert oldest_driver(service(tmp_path)) == "25.5.1"
    assert oldest_driver(service(tmp_path, graph="eager")) is None
