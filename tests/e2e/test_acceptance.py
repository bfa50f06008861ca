"""Whatever `check` accepts, the real API server accepts too, Pod Security admission included."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from models.manifests import Manifest, stack_objects
from models.service.resolved import ResolvedStack
from sandbox.plan import Plan
from tests.conftest import ROOT
from tests.docs.pod_security import ADMISSION, table
from tests.e2e.definitions import PROMETHEUS
from tests.e2e.sandbox_fixture import Sandbox, SandboxFactory, ascend_nodes
from tests.properties.accepted import nearest_accepted
from tests.properties.strategies import services

SMALL = {"image": "a:1", "model": {"name": "m", "source": "/mnt/models/m"}, "engine": {"maxModelLen": 1024}}

PRIORITY = {
    "apiVersion": "scheduling.k8s.io/v1",
    "kind": "PriorityClass",
    "metadata": {"name": "production"},
    "value": 1000,
}
AT_ONCE = 25
"""Services of one call, which costs about as much as one of a single service."""


@pytest.fixture(scope="module")
def box(sandbox: SandboxFactory) -> Sandbox:
    """A sandbox with what services refer to, and with the kinds that the Prometheus operator brings."""
    made = sandbox(Plan("accept", ascend_nodes(2)))
    made.kubectl("apply", "--filename=-", stdin=json.dumps(PRIORITY))
    PROMETHEUS.install(made)
    return made


def stack_of(fields: list[dict[str, Any]]) -> ResolvedStack:
    """A stack of the services nearest to the given ones that are accepted."""
    made = tuple(replace(nearest_accepted(one), name=f"one-{number}") for number, one in enumerate(fields))
    return ResolvedStack("test", "-", made[0].cluster, made, (), {}, ())


def pods_of(objects: list[Manifest]) -> list[Manifest]:
    """The pods that a controller would make; admission looks at these, and only warns of what makes them."""
    templates = {one["metadata"]["name"]: one for one in objects if one["kind"] in ("Deployment", "Job")}
    return [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                **one["spec"]["template"].get("metadata", {}),
                "name": name,
                "namespace": one["metadata"]["namespace"],
            },
            "spec": one["spec"]["template"]["spec"],
        }
        for name, one in templates.items()
    ]


def refused(box: Sandbox, objects: list[Manifest]) -> str:
    """What the API server says against objects, without making them; nothing when it takes all."""
    whole = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    command = ["kubectl", "create", "--dry-run=server", "--validate=strict", "--output=name", "--filename=-"]
    answer = subprocess.run(command, input=whole, env=box.env, capture_output=True, text=True, check=False)
    return answer.stderr if answer.returncode else ""


@settings(
    max_examples=8,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(fields=st.lists(services, min_size=AT_ONCE, max_size=AT_ONCE))
def test_every_object_of_what_check_accepts_is_accepted_by_the_api_server(
    box: Sandbox, fields: list[dict[str, Any]]
) -> None:
    namespace, *objects = stack_objects(stack_of(fields))
    box.kubectl("apply", "--filename=-", stdin=json.dumps(namespace))

    assert refused(box, objects) == ""
    assert refused(box, pods_of(objects)) == ""


def test_the_level_of_the_namespace_is_no_looser_than_the_pods_need(box: Sandbox) -> None:
    namespace, *objects = stack_objects(stack_of([SMALL]))
    (reason,) = [text for key, text in namespace["metadata"]["annotations"].items() if "reason" in key]
    namespace["metadata"]["name"] = "stricter"
    namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] = "baseline"
    box.kubectl("apply", "--filename=-", stdin=json.dumps(namespace))
    pods = [{**one, "metadata": {**one["metadata"], "namespace": "stricter"}} for one in pods_of(objects)]
    said = refused(box, pods)

    assert re.fullmatch(r'.*violates PodSecurity "baseline:latest": hostPath volumes \([^)]*\)\n', said), said
    assert "baseline forbids hostPath volumes" in reason


def test_admission_denies_the_controls_that_the_page_on_security_names(box: Sandbox) -> None:
    rows = table((ROOT / "docs" / "security.md").read_text(encoding="utf-8"), "control")
    namespace, *objects = stack_objects(stack_of([SMALL]))
    namespace["metadata"]["name"] = "restricted"
    namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] = "restricted"
    box.kubectl("apply", "--filename=-", stdin=json.dumps(namespace))
    pods = [{**one, "metadata": {**one["metadata"], "namespace": "restricted"}} for one in pods_of(objects)]
    said = refused(box, pods).partition('violates PodSecurity "restricted:latest": ')[2]
    denied = {control for words, control in ADMISSION.items() if words in said}
    documented = {name for name, _, _, restricted in rows if restricted == "no"}

    assert denied == documented - {"HostPath Volumes"}, said  # Volume Types includes them
    assert said.count(" (") == len(denied), said
