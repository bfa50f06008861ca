"""Changes of a service: the details, the restart, and the reasons."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from models.credentials import HIDDEN
from review import compare
from tests.review.stacks import changed, stack, values_by_name

LONG_ENOUGH = {"engine": {"maxModelLen": 16384}}

RESTARTS: list[tuple[dict[str, Any], dict[str, Any], tuple[str, str | None, str | None], str, str]] = [
    ({}, LONG_ENOUGH, ("--max-model-len", "4096", "16384"), "launch", "a flag has another value"),
    ({}, LONG_ENOUGH, ("--max-num-batched-tokens", "4096", "16384"), "launch", "a flag follows from another"),
    ({}, {"prefixCaching": True}, ("--enable-prefix-caching", None, ""), "launch", "a switch comes"),
    ({"prefixCaching": True}, {}, ("--enable-prefix-caching", "", None), "launch", "a switch goes"),
    ({}, {"engine": {"extraArgs": {"swapSpace": 8}}}, ("--swap-space", None, "8"), "launch", "a further flag"),
    ({}, {"engine": {"servedModelName": ["a", "b"]}}, ("--served-model-name", None, "a b"), "launch", "a list"),
    ({}, {"env": {"GREETING": "hi"}}, ("GREETING", None, "hi"), "launch", "a variable comes"),
    ({"env": {"A": "1"}}, {"env": {"A": "2"}}, ("A", "1", "2"), "launch", "a variable changes"),
    ({"env": {"A": "1"}}, {}, ("A", "1", None), "launch", "a variable goes"),
    ({}, {"server": "api_server"}, ("server", "openai", "api_server"), "launch", "another server is started"),
    ({}, {"server": {"port": 9}}, ("--port", "8080", "9"), "launch", "the server listens elsewhere"),
    ({}, {"server": {"port": 9}}, ("containerPort", "8080", "9"), "port", "and so does the container"),
    (
        {"server": {"chatTemplate": {"inline": "a"}}},
        {"server": {"chatTemplate": {"inline": "b"}}},
        ("file chat_template.jinja", "", ""),
        "launch",
        "a file beside the script has another content",
    ),
    ({}, {"mindSpeed": "install"}, ("PYTHONPATH", None, "/opt/ascend-vllm/MindSpeed"), "launch", "modules are added"),
    (
        {},
        {"mindSpeed": "install"},
        ("init container install-mindspeed", None, ""),
        "init containers",
        "something is done before the start",
    ),
    (
        {"graph": "pta"},
        {"graph": {"kind": "pta", "warmUp": True}},
        ("warm-up", None, "on"),
        "launch",
        "a first request",
    ),
    ({}, {"image": "a:2"}, ("image", "registry.example.com/ascend-vllm:1", "a:2"), "image", "another image"),
    ({}, {"npus": 2}, ("npus", "1", "2"), "NPUs", "more NPUs"),
    ({}, {"npus": 2}, ("--tensor-parallel-size", "1", "2"), "launch", "the engine uses them"),
    ({}, {"npus": 2}, ("memory", "60Gi", "120Gi"), "resources", "and the pod gets memory for them"),
    (
        {},
        {"npus": 8},
        ("affinity", "prefers nodes that run other services", None),
        "placement",
        "a pod that fills a node stands alone",
    ),
    ({}, {"resources": {"cpu": 24}}, ("cpu", "11", "24"), "resources", "more CPUs"),
    ({}, {"resources": {"shm": "4Gi"}}, ("shm", "2Gi", "4Gi"), "resources", "more shared memory"),
    ({}, {"startup": "20m"}, ("startup", "720s", "1200s"), "startup", "a longer start is allowed"),
    ({}, {"drain": "10m"}, ("drain", "300s", "600s"), "drain", "requests have longer to end"),
    ({}, {"queue": "default"}, ("queue", None, "default"), "queue", "the pods wait in a queue"),
    ({}, {"priorityClass": "high"}, ("priorityClass", None, "high"), "priority class", "the pods go first"),
    (
        {},
        {"server": {"apiKey": {"secret": "keys", "key": "vllm"}}},
        ("API key", None, "Secret keys, key vllm"),
        "API key",
        "a Secret is named, and nothing of it is shown",
    ),
    (
        {},
        {"model": "/m/other"},
        ("mount model-path", "/m/Qwen2-7B-Instruct", "/m/other"),
        "mounts",
        "the weights lie elsewhere",
    ),
    (
        {},
        {"model": {"source": {"kind": "claim", "name": "models", "directory": "q"}, "mountPath": "/m/q"}},
        ("mount model-path", "/m/Qwen2-7B-Instruct", "claim models/q, mounted at /m/q"),
        "mounts",
        "the weights lie in a claim",
    ),
    (
        {},
        {"graph": {"kind": "pta", "cache": "/nvme"}},
        ("mount graph-cache", None, "/nvme, mounted at /opt/ascend-vllm/graph-cache"),
        "mounts",
        "graphs are kept on the node",
    ),
    (
        {},
        {"server": {"extraArgs": {"sslCertfile": "/c", "sslKeyfile": "/k"}}},
        ("probes", "http", "https"),
        "probes",
        "the server is asked encrypted",
    ),
    (
        {"graph": "pta"},
        {"graph": {"kind": "pta", "warmUp": True}},
        ("startup probe", "/health", "warm-up done"),
        "probes",
        "the pod is ready when it is warm",
    ),
]


@pytest.mark.parametrize(("old", "new", "expected", "part", "reason"), RESTARTS)
def test_a_change_that_restarts_pods_has_a_detail_with_both_values(
    old: dict[str, Any], new: dict[str, Any], expected: tuple[str, str | None, str | None], part: str, reason: str
) -> None:
    change = changed(old, new)
    name, *values = expected

    assert (change.kind, change.restarts) == ("changed", True), reason
    assert values_by_name(change)[name] == tuple(values), reason
    assert part in change.parts, reason


@pytest.mark.parametrize(
    ("new", "expected", "reason"),
    [
        ({"replicas": 3}, ("replicas", "1", "3"), "pods are added beside those that run"),
        ({"rollout": "recreate"}, ("rollout", "maxSurge 1, maxUnavailable 0", "recreate"), "how the next update goes"),
        ({"replicas": 2, "minMember": 2}, ("minMember", "1", "2"), "the next pods start together"),
    ],
)
def test_a_change_that_restarts_no_pod_has_a_detail_with_both_values(
    new: dict[str, Any], expected: tuple[str, str | None, str | None], reason: str
) -> None:
    change = changed({}, new)
    name, *values = expected

    assert (change.kind, change.restarts, change.parts, change.downtime) == ("changed", False, (), 0), reason
    assert values_by_name(change)[name] == tuple(values), reason


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        ({"accept": {"idle-npus": "spare"}}, "a waiver is no part of any object"),
        ({"model": {"name": "Qwen2-7B-Instruct", "source": "/m/Qwen2-7B-Instruct"}}, "a shorthand is written out"),
        ({"replicas": 1, "drain": "5m"}, "a default is written out"),
    ],
)
def test_an_edit_that_changes_no_object_is_not_a_change(new: dict[str, Any], reason: str) -> None:
    change = changed({}, new)

    assert (change.kind, change.restarts, change.details) == ("unchanged", False, ()), reason


@pytest.mark.parametrize(
    ("new", "name", "because", "derived", "reason"),
    [
        (LONG_ENOUGH, "--max-model-len", "Pulumi.test.yaml:9", False, "a value that is given has its place"),
        (
            LONG_ENOUGH,
            "--max-num-batched-tokens",
            "the largest of maxModelLen, maxNumSeqs and 2048",
            True,
            "a value that follows from others says from which",
        ),
        (
            {"prefixCaching": True, **LONG_ENOUGH},
            "USE_PREFIX_HIGH_PRECISION_MODE",
            "prefix caching above 8192 tokens",
            True,
            "a variable that two values cause",
        ),
        (
            {"prefixCaching": True},
            "USE_PREFIX_HIGH_PRECISION_MODE",
            "prefix caching of Qwen2-7B-Instruct",
            True,
            "a variable that the model causes",
        ),
        ({"npus": 2}, "memory", "default for 2 NPUs", True, "what a pod gets for its NPUs"),
        ({"graph": "pta"}, "graph cache", "Pulumi.test.yaml:10", False, "a cache comes with the graph mode"),
        (
            {"startup": "20m"},
            "progressDeadlineSeconds",
            "startup, drain, model.preparation and 10 minutes for the image",
            True,
            "a limit that follows from others",
        ),
        (
            {"engine": {"extraArgs": {"swap-space": 8}}},
            "--swap-space",
            "Pulumi.test.yaml:10",
            False,
            "a further flag stands in its own line, however it is spelled",
        ),
        ({"env": {"A": "1"}}, "A", "Pulumi.test.yaml:11", False, "a variable stands in its own line"),
        (
            {"speculative": {"kind": "ngram", "tokens": 2, "promptLookupMax": 3}},
            "--speculative-model",
            "Pulumi.test.yaml:14",
            False,
            "a flag that a kind causes",
        ),
        ({"multimodal": True}, "VLLM_IMAGE_FETCH_TIMEOUT", "default", False, "a default says so"),
    ],
)
def test_every_detail_has_a_reason(new: dict[str, Any], name: str, because: str, derived: bool, reason: str) -> None:
    detail = next(one for one in changed({}, new).details if one.name == name)

    assert (detail.because, detail.is_derived) == (because, derived), reason


@pytest.mark.parametrize(
    ("old", "name"),
    [
        ({"env": {"A": "1"}}, "A"),
        ({"prefixCaching": True}, "--enable-prefix-caching"),
        ({"queue": "default"}, "queue"),
        ({"graph": {"kind": "pta", "warmUp": True}}, "graph cache"),
        ({"graph": {"kind": "pta", "warmUp": True}}, "warm-up"),
        ({"graph": {"kind": "pta", "warmUp": True}}, "file warm_up.py"),
        ({"mindSpeed": "install"}, "PYTHONPATH"),
        ({"mindSpeed": "install"}, "init container install-mindspeed"),
        ({"priorityClass": "high"}, "priorityClass"),
        ({"lora": {"adapters": {"a": "/a"}}}, "mount lora-path-1"),
        ({"server": {"apiKey": {"secret": "keys", "key": "vllm"}}}, "API key"),
    ],
)
def test_a_removed_value_is_no_longer_set(old: dict[str, Any], name: str) -> None:
    detail = next(one for one in changed(old, {}).details if one.name == name)

    assert (detail.new, detail.because, detail.is_derived) == (None, "no longer set", False)


def test_a_changed_launch_does_not_use_the_old_compiled_graphs() -> None:
    change = changed({"graph": "pta"}, {"graph": "pta", "engine": {"maxNumSeqs": 64}})
    detail = next(one for one in change.details if one.name == "graph cache")

    assert detail.old != detail.new
    assert detail.because == "each launch has its own compiled graphs"


def test_every_difference_has_only_one_detail() -> None:
    names = [detail.name for detail in changed({}, {"npus": 2, "image": "a:2", "drain": "10m"}).details]

    assert len(names) == len(set(names))
    assert "file drain.sh" not in names


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("HF_TOKEN", "hf_x", HIDDEN),
        ("MY_PASSWORD", "x", HIDDEN),
        ("S3_ACCESS_KEY", "x", HIDDEN),
        ("HTTP_PROXY", "http://me:mine@proxy:80", f"http://me:{HIDDEN}@proxy:80"),
        ("TOKENIZERS_PARALLELISM", "false", "false"),
    ],
)
def test_a_value_that_looks_like_a_credential_is_hidden(name: str, value: str, shown: str) -> None:
    assert values_by_name(changed({}, {"env": {name: value}}))[name] == (None, shown)


@pytest.mark.parametrize(
    ("old", "new", "downtime", "ends", "reason"),
    [
        ({}, {"image": "a:2"}, 0, False, "a pod more has room, so one always answers"),
        ({}, {"image": "a:2", "rollout": "recreate"}, 720, False, "the only pod goes first, and starts for 12 minutes"),
        ({}, {"rollout": "recreate"}, 0, False, "no pod is replaced"),
        ({"replicas": 0}, {"image": "a:2", "rollout": "recreate"}, 0, False, "there was nothing to answer"),
        ({"replicas": 2}, {"replicas": 0}, 0, True, "the last pod goes"),
        ({"replicas": 0}, {"replicas": 0, "image": "a:2"}, 0, False, "there were no pods"),
    ],
)
def test_downtime_depends_on_the_new_rollout(
    old: dict[str, Any], new: dict[str, Any], downtime: int, ends: bool, reason: str
) -> None:
    change = changed(old, new)

    assert (change.downtime, change.ends) == (downtime, ends), reason


def test_added_and_removed_services_are_found_by_name() -> None:
    change = compare(stack({"a": {}, "b": {}}), stack({"b": {}, "c": {"model": "/m/other"}}))

    assert [(one.name, one.kind) for one in change.services] == [("a", "removed"), ("b", "unchanged"), ("c", "added")]
    assert [one.name for one in change.ending] == ["a"]
    assert change.renamed == ()


def test_a_renamed_service_is_removed_and_added() -> None:
    change = compare(stack({"a": {}}), stack({"b": {"npus": 2}}))

    assert [one.kind for one in change.services] == ["removed", "added"]
    assert change.renamed == (("a", "b"),)


def test_a_service_with_invalid_fields_is_named_and_not_removed() -> None:
    broken = stack({"a": {}, "b": {"npus": "many"}})
    whole = stack({"a": {}, "b": {}})

    for change in (compare(whole, broken), compare(broken, whole)):
        assert [one.name for one in change.services] == ["a"]
        assert change.unread == ("b",)
        assert not change.is_empty


def test_a_service_that_uses_the_last_free_npus_changes_the_rollout_of_the_others() -> None:
    change = compare(stack({"a": {"npus": 8}}), stack({"a": {"npus": 8}, "b": {"npus": 8}}))
    first = change.services[0]

    assert (first.kind, first.restarts) == ("changed", False)
    assert values_by_name(first) == {"rollout": ("maxSurge 1, maxUnavailable 0", "recreate")}
    assert first.details[0].because == "no node is sure to have 8 NPUs free"


def test_a_changed_port_has_details_with_known_names_only() -> None:
    names = {detail.name for detail in changed({}, {"server": {"port": 9}}).details}

    assert names == {"--port", "containerPort", "port of the Service"}


SHA = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.fixture
def checksum_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files of checksums next to the stack files."""
    monkeypatch.chdir(tmp_path)
    for name, size in (("one.json", 1), ("two.json", 2)):
        files = {"config.json": {"size": size, "sha256": SHA}, "a.safetensors": {"size": 9 * 2**30, "sha256": SHA}}
        (tmp_path / name).write_text(json.dumps({"files": files}))


def of_bucket(verify: str = "one.json", **more: Any) -> dict[str, Any]:
    address = {"endpoint": "https://obs.example.com", "region": "r", "bucket": "models", "prefix": "q"}
    return {"model": {"source": {"kind": "bucket", **address, **more}, "verify": verify, "mountPath": "/m/q"}}


def keys(secret: str) -> dict[str, Any]:
    return {"accessKey": {"secret": secret, "key": "a"}, "secretKey": {"secret": secret, "key": "s"}}


@pytest.mark.usefixtures("checksum_files")
def test_weights_from_a_bucket_have_details_of_the_init_container_and_the_mount() -> None:
    found = values_by_name(changed({}, of_bucket(**keys("obs"))))

    assert found["init container fetch-model"] == (None, "")
    assert found["mount model-path"][0] == "/m/Qwen2-7B-Instruct"
    assert str(found["mount model-path"][1]).startswith("/var/lib/ascend-vllm/models/q-")
    assert found["file weights.json"] == (None, "")
    assert not {"file fetch.py", "file bucket.py", "file store.py", "file verify.py"} & found.keys()


@pytest.mark.usefixtures("checksum_files")
def test_other_checksums_of_the_weights_restart_the_pods() -> None:
    change = changed(of_bucket(), of_bucket("two.json"))
    because = {detail.name: detail.because for detail in change.details}

    assert change.restarts
    assert because["file weights.json"].startswith("Pulumi.test.yaml:")
    assert "mount model-path" in because


@pytest.mark.usefixtures("checksum_files")
def test_other_secrets_of_a_bucket_are_named_without_their_values() -> None:
    change = changed(of_bucket(**keys("obs")), of_bucket(**keys("new")))

    assert change.restarts
    assert values_by_name(change) == {
        "keys of fetch-model": ("Secret obs, key a; Secret obs, key s", "Secret new, key a; Secret new, key s")
    }


def test_adding_verify_restarts_the_pods(checksum_files: None) -> None:
    found = values_by_name(changed({}, {"model": {"source": "/m/Qwen2-7B-Instruct", "verify": "one.json"}}))

    assert found["init container verify-model"] == (None, "")


def test_added_changed_and_abandoned_claims_are_listed_and_never_deleted() -> None:
    def sized(size: str | None, **more: str) -> dict[str, Any]:
        return {"model": {"source": {"kind": "claim", "name": "models", **({"size": size} if size else {}), **more}}}

    steps = [
        (sized(None), sized("500Gi", **{"class": "fast"}), ("claim models", None, "500Gi, class fast")),
        (sized("500Gi"), sized("1Ti"), ("claim models", "500Gi", "1024Gi")),
        (sized("500Gi"), sized(None), ("claim models", "500Gi", None)),
    ]
    for old, new, (name, before, after) in steps:
        change = compare(stack({"qwen": old}), stack({"qwen": new}))

        assert values_by_name(change)[name] == (before, after)
        assert (change.deletions, change.services[0].restarts, change.is_empty) == ((), False, False)
