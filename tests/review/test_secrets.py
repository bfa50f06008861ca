"""No reported change shows a credential."""

from __future__ import annotations

from typing import Any

import pytest

from models.credentials import masked_tree
from review.drift import Live
from review.field_details import field_detail
from review.live import compare_live
from tests.review.cluster import CONTAINER, Kube, edit
from tests.review.stacks import stack

POD = ("spec", "template", "spec")
VARIABLE = {"name": "HF_TOKEN", "value": "hunter2"}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"env": [VARIABLE]}, {"env": [{"name": "HF_TOKEN", "value": "***"}]}),
        ({"env": [{"name": "A", "value": "1"}]}, {"env": [{"name": "A", "value": "1"}]}),
        ({"password": "x", "user": "y"}, {"password": "***", "user": "y"}),
        (["--api-key", "x", "--port", "1"], ["--api-key", "***", "--port", "1"]),
        (["--api-key=x", "--max-num-batched-tokens=4096"], ["--api-key=***", "--max-num-batched-tokens=4096"]),
        ("python --hf-token x --port 1", "python --hf-token *** --port 1"),
        ("export OPENAI_API_KEY=x; a", "export OPENAI_API_KEY=***; a"),
        ("the token is counted", "the token is counted"),
        ("http://me:mine@proxy", "http://me:***@proxy"),
        (
            {"valueFrom": {"secretKeyRef": {"name": "keys", "key": "api-key"}}},
            {"valueFrom": {"secretKeyRef": {"name": "keys", "key": "api-key"}}},
        ),
        ({"secret": {"secretName": "tls"}}, {"secret": {"secretName": "tls"}}),
        ({"automountServiceAccountToken": False, "n": 1}, {"automountServiceAccountToken": False, "n": 1}),
    ],
    ids=str,
)
def test_credentials_are_hidden_by_their_names_and_references_are_shown(value: Any, shown: Any) -> None:
    assert masked_tree(value) == shown


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((*POD, "initContainers"), [{"name": "x", "image": "b", "env": [VARIABLE]}]),
        ((*POD, "containers", 1), {"name": "x", "image": "b", "args": ["--token=hunter2"]}),
        ((*CONTAINER, "args"), ["run --api-key hunter2"]),
        ((*CONTAINER, "command"), ["run", "--api-key", "hunter2"]),
        ((*CONTAINER, "env"), [VARIABLE]),
        ((*POD, "volumes", 0), {"name": "nfs", "csi": {"volumeAttributes": {"password": "hunter2"}}}),
        (("metadata", "annotations", "proxy"), "http://me:hunter2@proxy"),
    ],
    ids=lambda one: str(one)[:40],
)
def test_a_manual_change_is_reported_without_credentials(path: tuple[str | int, ...], value: Any) -> None:
    given = stack({"qwen": {}})
    kube = Kube(given)
    edit(kube.one("Deployment"), path, value)
    (drift,) = kube.drift(given).objects
    details = [field_detail(given, "qwen", "Deployment", field) for field in drift.fields]

    assert details
    assert "hunter2" not in repr(details)


def test_a_flag_of_a_manually_changed_launch_map_is_reported_without_credentials() -> None:
    given = stack({"qwen": {}})
    kube = Kube(given)
    text = kube.one("ConfigMap")["data"]["run_vllm.sh"].replace("--port", "--api-key=hunter2 \\\n  --port")
    edit(kube.one("ConfigMap"), ("data", "run_vllm.sh"), text)
    change, _ = compare_live(given, Live(kube.objects))

    assert "--api-key" in repr(change.services[0].details)
    assert "hunter2" not in repr(change.services[0].details)


def test_a_variable_that_refers_to_another_secret_shows_both_names() -> None:
    running = stack({"qwen": {"env": {"HF_TOKEN": {"secret": "api-1", "key": "token"}}}})
    wanted = stack({"qwen": {"env": {"HF_TOKEN": {"secret": "api-2", "key": "token"}}}})
    change, _ = compare_live(wanted, Live(Kube(running).objects))
    (detail,) = change.services[0].details

    assert (detail.name, detail.old, detail.new) == ("variable HF_TOKEN", "api-1", "api-2")


def test_a_removed_variable_shows_the_secret_that_it_came_from() -> None:
    running = stack({"qwen": {"env": {"HF_TOKEN": {"secret": "api-1", "key": "token"}}}})
    change, _ = compare_live(stack({"qwen": {}}), Live(Kube(running).objects))
    (detail,) = change.services[0].details

    assert detail.old == '{"secretKeyRef": {"name": "api-1", "key": "token"}}'
