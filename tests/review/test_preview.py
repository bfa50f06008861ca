"""The steps of a Pulumi preview that a comparison does not contain."""

from __future__ import annotations

from typing import Any

import pytest

from review import StackChange, compare
from review.preview import Preview, Step, read_preview, with_preview
from tests.review.stacks import head, stack

PROVIDER = "urn:pulumi:test::ascend-vllm::pulumi:providers:kubernetes::cluster"
DEPLOYMENT = (
    "urn:pulumi:test::ascend-vllm::ascend-vllm:index:InferenceDeployment$kubernetes:apps/v1:Deployment::qwen-deployment"
)


def changed(old: dict[str, Any], new: dict[str, Any]) -> StackChange:
    return compare(stack(old), stack(new))


def added(change: StackChange, *steps: Step) -> tuple[tuple[str, ...], tuple[str, ...]]:
    extended = with_preview(change, Preview("test", steps))
    return extended.deletions, extended.replacements


SAME = changed({"qwen": {}}, {"qwen": {}})
LAUNCH = changed({"qwen": {}}, {"qwen": {"engine": {"maxModelLen": 8192}}})


@pytest.mark.parametrize(
    ("change", "step", "expected", "reason"),
    [
        (SAME, Step("same", "Service", "qwen", "qwen"), ((), ()), "nothing happens to it"),
        (SAME, Step("delete", "ConfigMap", "left", "qwen"), (("ConfigMap left",), ()), "an object goes"),
        (SAME, Step("replace", "Deployment", "qwen", "qwen", ("spec.selector",)),
         ((), ("Deployment qwen (spec.selector)",)), "an object is made anew, and why"),
        (SAME, Step("replace", "kubernetes", "cluster", ""), ((), ("kubernetes cluster",)), "so is the provider"),
        (SAME, Step("replace", "ConfigMap", "qwen-launch-1", "qwen", ("data",)),
         ((), ("ConfigMap qwen-launch-1 (data)",)), "a map without a changed launch"),
        (LAUNCH, Step("replace", "ConfigMap", "qwen-launch-1", "qwen", ("data",)), ((), ()), "the launch says so"),
        (LAUNCH, Step("replace", "Service", "qwen", "qwen"), ((), ("Service qwen",)), "a Service is no launch"),
        (changed({"qwen": {}, "old": {}}, {"qwen": {}}), Step("delete", "Deployment", "old", "old"), ((), ()),
         "the service is removed"),
    ],
)  # fmt: skip
def test_only_steps_that_the_comparison_does_not_contain_are_added(
    change: StackChange, step: Step, expected: Any, reason: str
) -> None:
    assert added(change, step) == expected, reason


def test_the_deletion_of_a_namespace_is_listed_once() -> None:
    kept = "ascend-vllm:cluster:\n  context: a\n  namespace: {name: inference, create: false}\n"
    change = compare(stack({"q": {}}, head("ascend-vllm:cluster: {context: a}\n")), stack({"q": {}}, head(kept)))

    assert added(change, Step("delete", "Namespace", "inference", ""))[0] == change.deletions != ()


def test_a_stack_that_moves_lists_no_replacements() -> None:
    other = stack({"qwen": {}}, head("ascend-vllm:cluster: {context: elsewhere}\n"))

    change = compare(stack({"qwen": {}}), other)

    assert with_preview(change, Preview("test", (Step("replace", "Deployment", "qwen", "qwen"),))) == change


def test_the_three_steps_of_a_replacement_are_listed_once() -> None:
    steps = [Step(one, "Service", "a", "", ("spec",)) for one in ("create-replacement", "replace", "delete-replaced")]

    assert added(SAME, *steps) == ((), ("Service a (spec)",))


def test_a_change_that_only_a_preview_sees_is_a_change() -> None:
    assert SAME.is_empty
    assert not with_preview(SAME, Preview("test", (Step("delete", "Service", "a", ""),))).is_empty


def test_steps_have_the_kind_and_name_of_the_object_and_components_are_ignored() -> None:
    labels = {"app.kubernetes.io/instance": "qwen"}
    inputs = {"kind": "Deployment", "metadata": {"name": "qwen", "labels": labels}}
    document = {
        "steps": [
            {"op": "same", "urn": "urn:pulumi:test::ascend-vllm::pulumi:pulumi:Stack::ascend-vllm-test"},
            {"op": "replace", "urn": DEPLOYMENT, "oldState": {"inputs": inputs}, "replaceReasons": ["spec.selector"]},
            {"op": "replace", "urn": PROVIDER, "oldState": {"inputs": {}}},
            {"op": "delete", "urn": DEPLOYMENT.partition("$")[0] + "::qwen"},
        ]
    }

    assert read_preview(document) == Preview(
        "test",
        (
            Step("replace", "Deployment", "qwen", "qwen", ("spec.selector",)),
            Step("replace", "kubernetes", "cluster", ""),
        ),
    )


@pytest.mark.parametrize("document", [None, [], {}, {"steps": []}, {"steps": [1]}, {"steps": [{"urn": "a"}]}])
def test_a_document_that_is_not_a_preview_is_refused(document: Any) -> None:
    with pytest.raises(ValueError, match=r"it has no steps|a step has an unexpected form"):
        read_preview(document)
