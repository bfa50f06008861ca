"""The JSON Schema of `podTemplate.spec` says what `check` says about names and types of fields."""

from __future__ import annotations

import re
from functools import cache
from random import Random
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from models.check import check
from models.finding import Finding
from models.kubernetes.json_schema import with_pod_fields
from models.stack_file.schema import stack_schema
from tests.models.kubernetes.patches import ACCEPTED, random_patch
from tests.review.stacks import stack

LATER = re.compile(r"is a field (from|up to) Kubernetes 1\\.")
"""Fields of other releases than the cluster's, which an editor does not know."""

ONLY_CHECK_KNOWS = re.compile(r"1e400|must be a time|a time such as|quantity such as")
"""Forms of texts."""


@cache
def validator() -> Any:
    schema = with_pod_fields(stack_schema())
    template = {"$ref": "#/$defs/PodTemplate", "$defs": schema["$defs"]}
    return Draft202012Validator(template)


def editor_accepts(spec: Any) -> bool:
    return bool(validator().is_valid({"spec": spec}))


def shape_findings(spec: Any) -> list[Finding]:
    """The findings about names and types, and about fields that a patch may not set."""
    found = check(stack({"qwen": {"podTemplate": {"spec": spec}}})).findings
    return [finding for finding in found if is_about_the_shape(finding, spec)]


def is_about_the_shape(finding: Finding, spec: dict[str, Any]) -> bool:
    if finding.rule in ("bad-value", "unknown-key", "pod-template-unknown"):
        return not LATER.search(finding.message)
    *_, last = finding.marks[0].path
    return finding.rule == "pod-template-owned" and last in spec and last != "nodeSelector"


@pytest.mark.parametrize("spec", ACCEPTED, ids="+".join)
def test_an_editor_accepts_what_the_api_server_accepts(spec: dict[str, Any]) -> None:
    assert editor_accepts(spec)


SHAPES: list[tuple[Any, bool]] = [
    ({}, True),
    ({"tolerations": None}, True),
    ({"nodeSelector": {"zone": None}}, True),
    ({"affinity": {"nodeAffinity": None}}, True),
    ({"dnsConfig": {"nameservers": ["10.0.0.1"]}}, True),
    ({"containers": None}, True),
    ({"containers": [{"name": "a", "image": "a:1", "env": None}]}, True),
    ({"containers": [{"name": "a", "image": "a:1", "resources": {"limits": {"cpu": 1.5, "memory": "64Mi"}}}]}, True),
    ({"containers": [{"name": "a", "image": "a:1", "livenessProbe": {"httpGet": {"port": "http"}}}]}, True),
    ({"hostnameOverride": "a"}, True),
    ([], False),
    ("x", False),
    ({"toleration": []}, False),
    ({"tolerations": {}}, False),
    ({"tolerations": [None]}, False),
    ({"tolerations": [{"key": "a", "efect": "NoSchedule"}]}, False),
    ({"tolerations": [{"key": "a", "tolerationSeconds": "5"}]}, False),
    ({"tolerations": [{"key": "a", "tolerationSeconds": 2**63}]}, False),
    ({"hostPID": "true"}, False),
    ({"hostPID": 1}, False),
    ({"containers": [{"image": "a:1"}]}, False),
    ({"containers": [{"name": None, "image": "a:1"}]}, False),
    ({"containers": [{"name": "a", "image": "a:1", "command": "sleep 1"}]}, False),
    ({"containers": [{"name": "a", "image": "a:1", "env": [{"name": "A", "value": 5}]}]}, False),
    ({"containers": [{"name": "a", "image": "a:1", "ports": [{"containerPort": 2**31}]}]}, False),
    ({"containers": [{"name": "a", "image": "a:1", "resources": {"limits": 1}}]}, False),
    ({"containers": [{"name": "a", "image": "a:1", "resources": {"limits": {"cpu": None}}}]}, False),
    ({"containers": [{"name": "a", "image": "a:1", "resources": {"limits": {"memory": "64MB!"}}}]}, False),
    ({"containers": [{"name": "a", "image": "a:1", "livenessProbe": {"httpGet": {}}}]}, False),
    ({"volumes": [{"name": "a", "emptydir": {}}]}, False),
    ({"securityContext": {}}, False),
    ({"nodeName": "a"}, False),
    ({"affinity": {"nodeAfinity": {}}}, False),
]


@pytest.mark.parametrize(("spec", "is_accepted"), SHAPES)
def test_the_editor_and_check_agree_about_a_shape(spec: Any, is_accepted: bool) -> None:
    assert editor_accepts(spec) == is_accepted
    assert (shape_findings(spec) == []) == is_accepted


def test_an_editor_accepts_a_part_whose_rest_the_base_has() -> None:
    assert editor_accepts({"os": {}})
    assert editor_accepts({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {}}}})


@pytest.mark.slow
def test_the_editor_and_check_agree_about_generated_patches() -> None:
    random = Random(7)  # noqa: S311  patches are not secrets
    disagreements = []
    refused = 0
    for _ in range(400):
        spec = random_patch(random, changes=random.choice([0, 1, 1, 2]))
        found = shape_findings(spec)
        is_accepted = editor_accepts(spec)
        refused += not is_accepted
        if is_accepted == (found == []) or all(ONLY_CHECK_KNOWS.search(finding.message) for finding in found):
            continue
        disagreements.append((spec, [finding.message for finding in found]))

    assert disagreements == []
    assert 40 < refused < 360
