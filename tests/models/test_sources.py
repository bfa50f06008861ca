"""Where weights come from: what a stack file may say, and what becomes of it in the pod."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from models.check import check
from models.launch import scripts
from models.launch.launch import launch
from models.manifests import service_objects, stack_objects
from models.service.deadlines import progress_deadline, update_timeout
from tests.models.sources import (
    BUCKET,
    CLAIM,
    FILES,
    KEYS,
    SHA,
    bucket,
    named,
    pod_of,
    service_with,
    stack_with,
    steps_of,
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The directory of the stack file and of the checksums."""
    (tmp_path / "weights.json").write_text(json.dumps({"files": FILES}))
    return tmp_path


def test_a_path_is_short_for_a_directory_of_the_node(home: Path) -> None:
    path = "/mnt/models/Qwen2-7B-Instruct"
    forms = [path, {"source": path}, {"source": {"path": path}}, {"source": {"kind": "hostPath", "path": path}}]
    services = [service_with(home, form) for form in forms]

    assert len({json.dumps(pod_of(service)) for service in services}) == 1
    assert [service.model.path for service in services] == [path] * 4
    assert services[0].origins["model.source"].value == path


@pytest.mark.parametrize(
    ("model", "name", "path"),
    [
        ({"source": CLAIM}, "Qwen2-7B-Instruct", "/mnt/models/Qwen2-7B-Instruct"),
        ({"source": {"kind": "claim", "name": "qwen"}}, "qwen", "/mnt/models/qwen"),
        (bucket(), "Qwen2-7B-Instruct", "/mnt/models/Qwen2-7B-Instruct"),
        ({**bucket(), "name": "Qwen/Qwen2 7B: new"}, "Qwen/Qwen2 7B: new", "/mnt/models/Qwen2-7B-new"),
        ({**bucket(), "name": ".."}, "..", "/mnt/models/model"),
        ({**bucket(), "mountPath": "/weights/q"}, "Qwen2-7B-Instruct", "/weights/q"),
    ],
)
def test_the_container_sees_weights_under_the_models_name(home: Path, model: Any, name: str, path: str) -> None:
    service = service_with(home, model)

    assert (service.model.name, service.model.path, service.model_names) == (name, path, [path])
    assert f"--model={path}" in launch(service).argv
    assert [mount["mountPath"] for mount in pod_of(service)["containers"][0]["volumeMounts"]].count(path) == 1


def test_a_claim_that_exists_is_mounted_read_only_and_not_made(home: Path) -> None:
    stack = stack_with(home, {"source": CLAIM})
    pod = pod_of(stack.services[0])

    assert named(pod["volumes"], "model-path") == {
        "name": "model-path",
        "persistentVolumeClaim": {"claimName": "models", "readOnly": True},
    }
    assert named(pod["containers"][0]["volumeMounts"], "model-path") == {
        "name": "model-path",
        "mountPath": "/mnt/models/Qwen2-7B-Instruct",
        "readOnly": True,
        "subPath": "qwen/Qwen2-7B-Instruct",
    }
    assert "PersistentVolumeClaim" not in [one["kind"] for one in stack_objects(stack)]


def test_a_claim_with_a_size_is_made_once_and_before_the_services(home: Path) -> None:
    made = {"size": "500Gi", "class": "csi-sfsturbo"}
    other = {**CLAIM, "directory": "other"}
    objects = [
        *stack_objects(
            stack_with(home, {"source": {**CLAIM, **made}}, {"source": {**other, **made}}, {"source": other})
        )
    ]
    kinds = [one["kind"] for one in objects]
    claim = objects[kinds.index("PersistentVolumeClaim")]

    assert kinds[:3] == ["Namespace", "PersistentVolumeClaim", "ConfigMap"]
    assert kinds.count("PersistentVolumeClaim") == 1
    assert claim["spec"] == {
        "accessModes": ["ReadWriteMany"],
        "storageClassName": "csi-sfsturbo",
        "resources": {"requests": {"storage": "500Gi"}},
    }
    assert (claim["metadata"]["name"], claim["metadata"]["namespace"]) == ("models", "inference")
    assert claim["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/prune"] == "disabled"


def test_weights_from_a_bucket_are_fetched_before_anything_sees_them(home: Path) -> None:
    service = service_with(home, bucket(**KEYS))
    pod = pod_of(service)
    (step,) = steps_of(pod)
    mount = named(pod["containers"][0]["volumeMounts"], "model-path")

    assert named(pod["volumes"], "model-path") == {
        "name": "model-path",
        "hostPath": {"path": "/var/lib/ascend-vllm/models", "type": "DirectoryOrCreate"},
    }
    assert (mount["mountPath"], mount["readOnly"]) == ("/mnt/models/Qwen2-7B-Instruct", True)
    assert mount["subPath"].startswith("Qwen2-7B-Instruct-")
    assert step["name"] == "fetch-model"
    assert [(one["mountPath"], one.get("readOnly")) for one in step["volumeMounts"]] == [
        ("/opt/ascend-vllm/launch", True),
        ("/opt/ascend-vllm/models", None),
    ]
    assert f"--name={mount['subPath']}" in launch(service).files["fetch-model.sh"]


def test_other_files_have_another_directory_and_the_server_the_same_name(home: Path) -> None:
    before = service_with(home, bucket())
    (home / "weights.json").write_text(json.dumps({"files": {**FILES, "new": {"size": 1, "sha256": SHA}}}))
    after = service_with(home, bucket())
    paths = [named(pod_of(one)["containers"][0]["volumeMounts"], "model-path") for one in (before, after)]

    assert paths[0]["subPath"] != paths[1]["subPath"]
    assert (before.model_names, launch(before).argv) == (after.model_names, launch(after).argv)


def test_another_order_of_the_checksums_changes_nothing(home: Path) -> None:
    before = launch(service_with(home, bucket()))
    (home / "weights.json").write_text(json.dumps({"files": dict(reversed(FILES.items()))}, indent=4))

    assert launch(service_with(home, bucket())) == before


def test_only_the_step_that_fetches_has_the_keys_and_no_file_does(home: Path) -> None:
    service = service_with(home, bucket(**KEYS), mindSpeed="install")
    pod = pod_of(service)
    refs = {one["name"]: one["valueFrom"]["secretKeyRef"] for one in steps_of(pod)[0]["env"]}

    assert refs == {
        "AWS_ACCESS_KEY_ID": {"name": "obs", "key": "access"},
        "AWS_SECRET_ACCESS_KEY": {"name": "obs", "key": "secret"},
    }
    assert ["env" in one for one in (*steps_of(pod), *pod["containers"])] == [True, False, False]
    assert not any("secret" in text.partition("AWS_")[0] for text in [launch(service).files["fetch-model.sh"]])


def test_weights_may_be_kept_in_a_claim_that_all_nodes_see(home: Path) -> None:
    stack = stack_with(home, bucket(to={"claim": "cache", "size": "1Ti"}))
    (service,) = stack.services

    assert named(pod_of(service)["volumes"], "model-path") == {
        "name": "model-path",
        "persistentVolumeClaim": {"claimName": "cache"},
    }
    assert " --shared\n" in launch(service).files["fetch-model.sh"]
    assert " --shared" not in launch(service_with(home, bucket(to="/data"))).files["fetch-model.sh"]
    assert [one["metadata"]["name"] for one in stack_objects(stack) if one["kind"] == "PersistentVolumeClaim"] == [
        "cache"
    ]


def test_proxies_and_authorities_of_the_server_hold_for_the_fetch(home: Path) -> None:
    env = {"https_proxy": "http://proxy:3128", "SSL_CERT_FILE": "/etc/it's.pem", "HCCL_CONNECT_TIMEOUT": "7"}
    step = launch(service_with(home, bucket(), env=env)).files["fetch-model.sh"]

    assert "export https_proxy=http://proxy:3128\n" in step
    assert "export SSL_CERT_FILE='/etc/it'\"'\"'s.pem'\n" in step
    assert "HCCL" not in step


@pytest.mark.parametrize("source", ["/mnt/models/Qwen2-7B-Instruct", CLAIM])
def test_any_source_is_verified_where_the_server_sees_it(home: Path, source: Any) -> None:
    service = service_with(home, {"source": source, "verify": "weights.json"})
    (step,) = steps_of(pod_of(service))
    files = launch(service).files

    assert step["name"] == "verify-model"
    assert all(mount.get("readOnly") for mount in step["volumeMounts"] if mount["name"] == "model-path")
    assert "--directory=/mnt/models/Qwen2-7B-Instruct\n" in files["verify-model.sh"]
    assert json.loads(files[scripts.CHECKSUMS]) == {"files": FILES}
    assert files.keys() == {
        "verify-model.sh", "verify.py", scripts.CHECKSUMS, "drain.sh", "drain.py", "ready.sh"
    }  # fmt: skip


def test_weights_are_there_before_a_head_is_converted_by_them(home: Path) -> None:
    convert = {"tools": "/opt/EAGLE", "baseWeights": "a.bin"}
    guess = {"kind": "eagle", "source": "/mnt/heads/e", "tokens": 2, "convert": convert}
    service = service_with(home, bucket(), speculative=guess)
    fetch, eagle = steps_of(pod_of(service))

    assert (fetch["name"], eagle["name"]) == ("fetch-model", "convert-eagle")
    assert "--base-path /mnt/models/Qwen2-7B-Instruct " in launch(service).files["convert-eagle.sh"]


def test_an_adapter_below_the_weights_of_a_bucket_comes_with_them(home: Path) -> None:
    adapters = {"law": "/mnt/models/Qwen2-7B-Instruct/adapters/law", "own": "/mnt/adapters/own"}
    volumes = [one["name"] for one in pod_of(service_with(home, bucket(), lora={"adapters": adapters}))["volumes"]]

    assert [name for name in volumes if name.startswith("lora")] == ["lora-path-2"]


@pytest.mark.parametrize(
    ("model", "minutes", "because"),
    [
        ("/m/Qwen2-7B-Instruct", 0, "default"),
        (bucket(), 5 + 48, "the size of the weights"),
        ({"source": "/m/Qwen2-7B-Instruct", "verify": "weights.json"}, 5 + 12, "the size of the weights"),
        ({**bucket(), "preparation": "3h"}, 180, "Pulumi.test.yaml"),
    ],
)
def test_limits_give_weights_the_time_that_they_take(home: Path, model: Any, minutes: int, because: str) -> None:
    plain, service = service_with(home, "/m/Qwen2-7B-Instruct"), service_with(home, model)

    assert progress_deadline(service) - progress_deadline(plain) == 60 * minutes
    assert update_timeout(service) - update_timeout(plain) == 60 * minutes
    assert service.startup == plain.startup
    assert because in service.origins["model.preparation"].source


@pytest.mark.slow
def test_a_launch_map_holds_the_longest_checksums_with_the_longest_template(home: Path) -> None:
    files = {f"{number:060}": {"size": 10**12, "sha256": SHA} for number in range(1080)}
    (home / "weights.json").write_text(json.dumps({"files": files}))
    server = {"chatTemplate": {"inline": "x" * 800_000}}
    service = service_with(home, bucket(), server=server, graph={"kind": "pta", "warmUp": True})
    (data,) = (one["data"] for one in service_objects(service) if one["kind"] == "ConfigMap")

    assert 170_000 < len(data[scripts.CHECKSUMS]) <= 180_000
    assert sum(len(name) + len(text.encode()) for name, text in data.items()) < 2**20


def test_weights_of_a_bucket_hide_nothing_of_the_container(home: Path) -> None:
    (finding,) = check(stack_with(home, {**bucket(), "mountPath": "/usr"})).errors

    assert (finding.rule, finding.marks[0].field) == ("model-source-path", "model.mountPath")


def test_compiled_graphs_belong_to_the_files_of_the_weights(home: Path) -> None:
    before = launch(service_with(home, bucket(), graph="pta")).before
    (home / "weights.json").write_text(json.dumps({"files": {**FILES, "new": {"size": 1, "sha256": SHA}}}))

    assert launch(service_with(home, bucket(), graph="pta")).before != before


@pytest.mark.parametrize(
    ("size", "others", "small"),
    [("140Gi", [], True), ("141Gi", [], False), ("141Gi", ["same"], False), ("281Gi", ["other"], False),
     ("200Gi", ["other"], True), ("200Gi", ["elsewhere"], False)],
)  # fmt: skip
def test_a_made_claim_has_room_for_all_that_share_it(home: Path, size: str, others: list[str], small: bool) -> None:
    (home / "other.json").write_text(json.dumps({"files": {**FILES, "more.bin": FILES["config.json"]}}))
    forms = {
        "same": {"source": {**BUCKET, "to": {"claim": "models", "size": size}}, "verify": "weights.json"},
        "other": {"source": {**BUCKET, "to": {"claim": "models"}}, "verify": "other.json"},
        "elsewhere": {"source": {**BUCKET, "to": {"claim": "more"}}, "verify": "other.json"},
    }
    stack = stack_with(home, forms["same"], *(forms[one] for one in others))

    assert [one.service for one in check(stack).findings if one.rule == "claim-too-small"] == ["qwen-0"] * small
