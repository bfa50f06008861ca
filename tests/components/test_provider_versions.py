"""Both versions of Pulumi's Kubernetes provider know every field of the objects: production's and the sandbox's.

The version that production uses follows from the package `pulumi-kubernetes`, which is generated from the schema of
the provider. The sandbox builds an older provider from Go modules; the end-to-end tests deploy with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any, get_args

import pytest
from pulumi import _types
from pulumi_kubernetes.apps.v1.Deployment import DeploymentInitArgs
from pulumi_kubernetes.batch.v1.Job import JobInitArgs
from pulumi_kubernetes.core.v1.ConfigMap import ConfigMapInitArgs
from pulumi_kubernetes.core.v1.Namespace import NamespaceInitArgs
from pulumi_kubernetes.core.v1.PersistentVolumeClaim import PersistentVolumeClaimInitArgs
from pulumi_kubernetes.core.v1.Secret import SecretInitArgs
from pulumi_kubernetes.core.v1.Service import ServiceInitArgs

from models import load_stack, resolve
from models.manifests import stack_objects
from models.service.resolve import resolve as resolve_stack
from models.stack_file.load import disk, load_text
from sandbox.pins import TOOLS
from tests.conftest import ROOT

TYPED = {
    "Deployment": DeploymentInitArgs,
    "Job": JobInitArgs,
    "ConfigMap": ConfigMapInitArgs,
    "Namespace": NamespaceInitArgs,
    "PersistentVolumeClaim": PersistentVolumeClaimInitArgs,
    "Secret": SecretInitArgs,
    "Service": ServiceInitArgs,
}
"""The kinds that the program registers with a type of the provider; it registers others as custom resources."""

ACCEPTED = sorted((ROOT / "tests" / "rules").glob("*/accepted.yaml"))
STACKS = sorted(file.name.split(".")[1] for file in ROOT.glob("Pulumi.*.yaml"))
PAGE = (ROOT / "docs" / "first-deployment.md").read_text(encoding="utf-8")


def unknown_fields(value: Any, kind: Any, path: str) -> Iterator[str]:
    """The fields of a value that the provider's type does not have."""
    if isinstance(value, list):
        for item in value:
            yield from unknown_fields(item, kind, f"{path}[]")
    record = record_type(kind)
    if record is None or not isinstance(value, dict):
        return
    known = _types.input_type_types(record)
    for key, item in value.items():
        if key in known:
            yield from unknown_fields(item, known[key], f"{path}.{key}")
        else:
            yield f"{path}.{key}"


def record_type(kind: Any) -> Any:
    """The record of the provider in a type such as `Sequence[ContainerArgs]`; None for plain values."""
    if isinstance(kind, type) and _types.is_input_type(kind):
        return kind
    for part in get_args(kind):
        found = record_type(part)
        if found:
            return found
    return None


def problems(objects: Iterator[dict[str, Any]]) -> list[str]:
    return [
        field
        for item in objects
        if item["kind"] in TYPED
        for field in unknown_fields(item, TYPED[item["kind"]], item["kind"])
    ]


@pytest.mark.parametrize("name", STACKS)
def test_the_provider_of_production_knows_every_field_of_a_stack(name: str) -> None:
    assert problems(stack_objects(resolve(load_stack(name, project=ROOT)))) == []


@pytest.mark.slow
def test_the_provider_of_production_knows_every_field_of_every_accepted_stack(subtests: pytest.Subtests) -> None:
    for file in ACCEPTED:
        stack = resolve_stack(load_text("accepted", str(file), disk(file)))
        with subtests.test(rule=file.parent.name):
            assert problems(stack_objects(stack)) == []


def test_a_field_that_the_provider_does_not_know_is_found() -> None:
    container = {"name": "a", "imagePullPolice": "Always"}
    pod = {"spec": {"template": {"spec": {"containers": [container]}}}}

    assert list(unknown_fields(pod, DeploymentInitArgs, "Deployment")) == [
        "Deployment.spec.template.spec.containers[].imagePullPolice"
    ]


def test_the_first_deployment_names_both_versions_and_the_plugin_to_bring() -> None:
    sandbox = next(tool.version for tool in TOOLS if tool.name == "pulumi-resource-kubernetes")
    production = version("pulumi-kubernetes")

    assert re.findall(r"pulumi-resource-kubernetes-v([\d.]+)-linux", PAGE) == [production, production]
    assert f"version {sandbox}" in PAGE
    assert f"version {production}" in PAGE
