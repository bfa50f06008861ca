"""Rules on requests and limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from models.finding import Path
from models.kubernetes import formats
from models.kubernetes.nodes import Node, Pod
from models.kubernetes.problem import (
    Problem,
    duplicate,
    refused,
    remove,
    write,
    write_nearest,
)

_STANDARD = ("cpu", "memory", "ephemeral-storage")
_HUGE_PAGES = "hugepages-"
_NATIVE = "kubernetes.io/"
_QUOTA = "requests."


def resource_problems(node: Node, pod: Pod) -> Iterator[Problem]:
    """Each amount has the name of a resource and is not negative, and a request is not above its limit."""
    requests, limits = node.mapping("requests"), node.mapping("limits")
    yield from amount_problems(limits, node.at("limits"))
    yield from amount_problems(requests, node.at("requests"))
    for name, value in requests.items():
        yield from _request_and_limit(node, name, value, limits.get(name))
    yield from _huge_pages_alone(node, {*requests, *limits})
    yield from _claims(node, pod)


def amount_problems(amounts: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    """The problems of amounts by the name of their resource."""
    for name, value in amounts.items():
        yield from _name(name, (*path, name))
        amount = formats.quantity(value)
        if amount is None:
            continue
        if amount < 0:
            words = "must not be negative"
            edits = remove((*path, name))
            yield refused((*path, name), value, words, source=351, edits=edits)
        elif "/" in name and amount.denominator != 1:
            words = "must be a whole number"
            edits = write((*path, name), int(amount) + 1)
            yield refused((*path, name), value, words, source=7813, edits=edits)
        elif name.startswith(_HUGE_PAGES):
            yield from _whole_pages(name, value, (*path, name))


def _name(name: str, path: Path) -> Iterator[Problem]:
    """A resource is one of Kubernetes, or has a domain."""
    words = formats.qualified_name(name)
    if words:
        yield refused(path, name, words, source=7117, edits=remove(path))
        return
    if "/" not in name:
        is_standard = name in _STANDARD
        is_page = name.startswith(_HUGE_PAGES)
        if not is_standard and not is_page:
            yield _not_a_resource(name, path)
        return
    is_extended = not name.startswith(_QUOTA) and _NATIVE not in name
    quota_name = formats.qualified_name(f"{_QUOTA}{name}")
    if _NATIVE not in name and (not is_extended or quota_name):
        words = "does not follow the form of an extended resource"
        yield refused(path, name, words, source=7143, edits=remove(path))


def _not_a_resource(name: str, path: Path) -> Problem:
    choices = list(_STANDARD)
    return refused(
        path,
        name,
        f"must be {', '.join(choices)}, hugepages-SIZE, or a name with a domain",
        source=7139,
        edits=remove(path),
    )


def _whole_pages(name: str, value: Any, path: Path) -> Iterator[Problem]:
    size = formats.quantity(name.removeprefix(_HUGE_PAGES))
    amount = formats.quantity(value)
    if not size or amount is None or amount % size:
        words = f"must be a multiple of {name.removeprefix(_HUGE_PAGES)}"
        yield refused(path, value, words, source=7656, edits=remove(path))


def _request_and_limit(
    node: Node, name: str, value: Any, limit: Any
) -> Iterator[Problem]:
    """A request is not above its limit. An extended resource has a limit, which is equal to its request."""
    can_be_overcommitted = name in _STANDARD or _NATIVE in name
    request_path, limit_path = node.at("requests", name), node.at("limits", name)
    if limit is None and can_be_overcommitted:
        return
    if limit is None:
        words = "needs an equal limit, because it cannot be overcommitted"
        edits = write(limit_path, value)
        yield refused(request_path, value, words, source=7568, edits=edits)
        return
    request_amount, limit_amount = formats.quantity(value), formats.quantity(limit)
    if request_amount is None or limit_amount is None:
        return
    if request_amount == limit_amount:
        return
    if not can_be_overcommitted:
        words = f"must be equal to the limit {limit}"
    elif request_amount > limit_amount:
        words = f"must not be above the limit {limit}"
    else:
        return
    yield refused(
        request_path,
        value,
        words,
        source=7565,
        edits=write(request_path, limit),
        others=[limit_path],
    )


def _huge_pages_alone(node: Node, names: set[str]) -> Iterator[Problem]:
    has_pages = any(name.startswith(_HUGE_PAGES) for name in names)
    if has_pages and not names & {"cpu", "memory"}:
        words = "must have cpu or memory, because it has huge pages"
        edits = write(node.at("requests", "memory"), "64Mi")
        yield refused(node.path, None, words, source=7582, edits=edits)


def _claims(node: Node, pod: Pod) -> Iterator[Problem]:
    """Each claim of a container is one of the pod, and used once."""
    users: dict[str, dict[str, int]] = {}
    for index, claim in enumerate(node.items("claims")):
        name, request = claim.get("name", ""), claim.get("request", "")
        if not name:
            continue
        path = node.at("claims", index, "name")
        requests = users.setdefault(name, {})
        earlier = _overlapping(requests, request)
        if earlier is not None:
            other = node.at("claims", earlier, "name")
            yield duplicate(path, name, other, source=7612)
        requests.setdefault(request, index)
        if name not in pod.claims:
            words = "is not one of spec.resourceClaims"
            edits = remove(node.at("claims", index))
            if pod.claims:
                edits = write_nearest(path, name, [*pod.claims])
            yield refused(path, name, words, source=7636, edits=edits)


def _overlapping(requests: Mapping[str, int], request: str) -> int | None:
    """The earlier item that uses the same part of a claim. An item without a request uses the whole claim.

    Args:
        requests: The index of the first item with each request of the claim.
        request: The request of the next item; empty if it has none.
    """
    if not request:
        return next(iter(requests.values()), None)
    if "" in requests:
        return requests[""]
    return requests.get(request)
