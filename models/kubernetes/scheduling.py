"""Rules on tolerations, affinity, spread and label selectors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from models.kubernetes import formats
from models.kubernetes.nodes import Node, Pod
from models.kubernetes.problem import (
    Problem,
    duplicate,
    not_a_choice,
    refused,
    remove,
    write,
)

_NAME = "metadata.name"
_LABELS = "Kubernetes 1.34.1, k8s.io/apimachinery/pkg/apis/meta/v1/validation/validation.go, ValidateLabels"
"""The source that refuses a label, wherever it is."""
_MERGED_SINCE = 34
"""The first minor release that merges matchLabelKeys of a spread constraint into its selector."""


def toleration_problems(node: Node, _pod: Pod) -> Iterator[Problem]:
    """The key, the operator, the value and the effect of a toleration can stand together."""
    yield from _toleration_value(node)
    if "tolerationSeconds" in node.value and node.text("effect") != "NoExecute":
        path = node.at("effect")
        words = "must be NoExecute, because tolerationSeconds is set"
        edits = write(path, "NoExecute")
        yield refused(path, node.text("effect"), words, source=4284, edits=edits)


def _toleration_value(node: Node) -> Iterator[Problem]:
    operator = node.text("operator")
    value = node.text("value")
    if not node.text("key") and operator != "Exists":
        path = node.at("operator")
        words = "must be Exists, because key is empty"
        yield refused(path, operator, words, source=4279, edits=write(path, "Exists"))
    elif operator == "Exists" and value:
        path = node.at("value")
        words = "must be empty, because operator is Exists"
        yield refused(
            path,
            value,
            words,
            source=4297,
            edits=remove(path),
            others=[node.at("operator")],
        )
    elif operator in ("", "Equal") and formats.label_value(value):
        path = node.at("value")
        words = formats.label_value(value)
        edits = write(path, formats.nearest_label(value))
        yield refused(path, value, words, source=4293, edits=edits)


def node_term_problems(node: Node, _pod: Pod) -> Iterator[Problem]:
    """The labels and the name of nodes in a term of a node affinity."""
    is_required = "requiredDuringSchedulingIgnoredDuringExecution" in node.path
    for index, requirement in enumerate(node.items("matchExpressions")):
        item = Node(
            "NodeSelectorRequirement", requirement, node.at("matchExpressions", index)
        )
        yield from _values(item)
        yield from _label_key(item)
        if is_required:
            yield from _label_values(item)
    for index, requirement in enumerate(node.items("matchFields")):
        item = Node(
            "NodeSelectorRequirement", requirement, node.at("matchFields", index)
        )
        yield from _field_of_node(item)


def _values(item: Node) -> Iterator[Problem]:
    """The number of values is right for the operator."""
    operator = item.text("operator")
    values = item.items("values")
    path = item.at("values")
    if operator in ("In", "NotIn") and not values:
        words = f"must have a value, because operator is {operator}"
        edits = write(path, ["value"])
        yield refused(path, None, words, source=4839, edits=edits)
    elif operator in ("Exists", "DoesNotExist") and values:
        words = f"must not be set, because operator is {operator}"
        yield refused(path, None, words, source=4843, edits=remove(path))
    elif operator in ("Gt", "Lt") and len(values) != 1:
        words = f"must have one value, because operator is {operator}"
        edits = write(path, ["1"])
        yield refused(path, None, words, source=4848, edits=edits)


def _label_key(item: Node) -> Iterator[Problem]:
    key = item.text("key")
    words = formats.qualified_name(key)
    if words:
        path = item.at("key")
        edits = write(path, formats.nearest_label(key))
        yield refused(path, key, words, source=4853, edits=edits)


def _label_values(item: Node) -> Iterator[Problem]:
    for index, value in enumerate(item.items("values")):
        words = formats.label_value(value)
        if words:
            path = item.at("values", index)
            edits = write(path, formats.nearest_label(value))
            yield refused(path, value, words, source=4858, edits=edits)


def _field_of_node(item: Node) -> Iterator[Problem]:
    """The only field of a node that a term can compare is its name, with exactly one value."""
    operator = item.text("operator")
    values = item.items("values")
    if item.text("key") != _NAME:
        path = item.at("key")
        words = f"must be {_NAME}"
        edits = write(path, _NAME)
        yield refused(path, item.text("key"), words, source=4884, edits=edits)
    if operator not in ("In", "NotIn"):
        path = item.at("operator")
        yield not_a_choice(path, operator, ("In", "NotIn"), source=4880)
    elif len(values) != 1:
        path = item.at("values")
        words = f"must have one value, because operator is {operator}"
        yield refused(path, None, words, source=4876, edits=write(path, ["node-1"]))
    for index, value in enumerate(values):
        words = formats.dns_subdomain(value)
        if words:
            path = item.at("values", index)
            edits = write(path, formats.nearest_label(value))
            yield refused(path, value, words, source=4888, edits=edits)


def selector_problems(node: Node, _pod: Pod) -> Iterator[Problem]:
    """The labels and expressions of a label selector."""
    for key, value in node.mapping("matchLabels").items():
        yield from label_problems(key, value, node.at("matchLabels", key))
    for index, requirement in enumerate(node.items("matchExpressions")):
        item = Node(
            "LabelSelectorRequirement", requirement, node.at("matchExpressions", index)
        )
        yield from _values(item)
        yield from _label_values(item)


def label_problems(key: str, value: str, path: tuple[str, ...]) -> Iterator[Problem]:
    """The problems of the key and of the value of a label."""
    words = formats.qualified_name(key)
    if words:
        words = f"has a key that {words}"
        yield refused(path, None, words, source=_LABELS, edits=remove(path))
    words = formats.label_value(value)
    if words:
        edits = write(path, formats.nearest_label(value))
        yield refused(path, value, words, source=_LABELS, edits=edits)


def affinity_term_problems(node: Node, _pod: Pod) -> Iterator[Problem]:
    """The namespaces and label keys of a term of a pod affinity."""
    for index, name in enumerate(node.items("namespaces")):
        words = formats.dns_label(name)
        if words:
            path = node.at("namespaces", index)
            edits = write(path, formats.nearest_label(name))
            yield refused(path, name, words, source=5036, edits=edits)
    yield from _label_keys(node, "matchLabelKeys")
    yield from _label_keys(node, "mismatchLabelKeys")
    both = node.items("mismatchLabelKeys")
    for index, key in enumerate(node.items("matchLabelKeys")):
        if key in both:
            path = node.at("matchLabelKeys", index)
            words = "must not be in mismatchLabelKeys too"
            yield refused(path, key, words, source=8600, edits=remove(path))


def spread_problems(node: Node, pod: Pod) -> Iterator[Problem]:
    """The fields of a spread constraint can stand together."""
    if "minDomains" in node.value and node.text("whenUnsatisfiable") != "DoNotSchedule":
        path = node.at("minDomains")
        words = "needs whenUnsatisfiable: DoNotSchedule"
        domains = node.value["minDomains"]
        yield refused(path, domains, words, source=8506, edits=remove(path))
    yield from _label_keys(node, "matchLabelKeys")
    if pod.minor < _MERGED_SINCE:
        selector = node.mapping("labelSelector")
        yield from _keys_in_selector(node, _keys_of(selector))


def _label_keys(node: Node, field: str) -> Iterator[Problem]:
    """`matchLabelKeys` and `mismatchLabelKeys` need a selector, and the selector has none of the keys twice."""
    keys = node.items(field)
    if keys and "labelSelector" not in node.value:
        path = node.at(field)
        words = "needs labelSelector"
        yield refused(path, None, words, source=8645, edits=remove(path))
        return
    for index, key in enumerate(keys):
        path = node.at(field, index)
        words = formats.qualified_name(key)
        if words:
            yield refused(path, key, words, source=8650, edits=remove(path))
    if field == "matchLabelKeys":
        selected = _keys_of(node.mapping("labelSelector"))
        repeated = [key for key in selected if selected.count(key) > 1]
        yield from _keys_in_selector(node, repeated)


def _keys_in_selector(node: Node, selected: Sequence[str]) -> Iterator[Problem]:
    for index, key in enumerate(node.items("matchLabelKeys")):
        if key in selected:
            path = node.at("matchLabelKeys", index)
            words = "must not be in labelSelector too"
            yield refused(path, key, words, source=8589, edits=remove(path))


def _keys_of(selector: Mapping[str, Any]) -> list[str]:
    """The keys of a label selector, each as often as the selector has it."""
    keys = [*selector.get("matchLabels", {})]
    for requirement in selector.get("matchExpressions", ()):
        keys.append(requirement.get("key", ""))
    return keys


def repeated_spread_problems(pod: Pod) -> Iterator[Problem]:
    """No two spread constraints have the same topologyKey and the same whenUnsatisfiable."""
    constraints: Sequence[Any] = pod.spec.get("topologySpreadConstraints", ())
    first: dict[tuple[str, str], int] = {}
    for index, constraint in enumerate(constraints):
        key = constraint.get("topologyKey", "")
        pair = (key, constraint.get("whenUnsatisfiable", ""))
        if pair in first:
            path = ("spec", "topologySpreadConstraints", str(index), "topologyKey")
            other = (*path[:2], str(first[pair]), "topologyKey")
            yield duplicate(path, key, other, source=8533)
        first.setdefault(pair, index)
