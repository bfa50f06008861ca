"""What a stack changes of what runs in its cluster, told like the difference of two stacks."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from models.launch.launch import SCRIPT, Launch, script
from models.manifests import Manifest, stack_objects
from models.manifests.pod import CONTAINER
from models.service.resolved import ResolvedService, ResolvedStack
from review.cluster import cluster_source
from review.compare import pool_changes, total_npus
from review.drift import Live, ObjectDrift, drifted, is_restored, launch_map_of
from review.field_words import field_detail
from review.launch import Pair, launch_details
from review.record import NOT_THERE, Detail, ServiceChange, StackChange, without_credentials

_SOURCE = re.compile(r"^source (.+) \|\| true$", re.MULTILINE)
_EXPORT = re.compile(r"^export (\w+)=", re.MULTILINE)
_EXEC = re.compile(r"^exec ", re.MULTILINE)
_LAUNCH_MAP = re.compile(r"spec\.template\.spec\.volumes\[node-path\]\.configMap\.name")
_AMOUNTS = re.compile(r"resources\.(?:requests|limits)\.")

Objects = Mapping[tuple[str, str], Mapping[str, Any]]


def compare_live(
    stack: ResolvedStack, live: Live, wanted: Sequence[Manifest] | None = None
) -> tuple[StackChange, ResolvedStack]:
    """What an update to a stack changes of what runs; and the stack as far as it runs, for the NPUs.

    Flags and variables are read from the launch map that the Deployment uses; the rest is what differs of the objects.

    Args:
        stack: The stack.
        live: The objects of its cluster.
        wanted: The objects of the stack, but for those that may not be read; all when left out.
    """
    there: Objects = {(item["kind"], item["metadata"]["name"]): item for item in live.objects}
    drift = drifted([*stack_objects(stack)] if wanted is None else wanted, live)
    running = {
        service.name: _as_it_runs(service, there[("Deployment", service.name)])
        for service in stack.services
        if ("Deployment", service.name) in there
    }
    before = replace(stack, services=tuple(running.values()), broken=())
    stack = replace(stack, services=tuple(_as_scaled(service, running.get(service.name)) for service in stack.services))
    services = [
        _change(before, stack, service, running.get(service.name), (drift.objects, there)) for service in stack.services
    ]
    extras = sorted({one.service for one in drift.objects if one.state == "extra" and one.kind == "Deployment"})
    services += [ServiceChange(name, "removed", None, None) for name in extras if name not in stack.broken]
    change = StackChange(
        old=stack.name,
        new=stack.name,
        cluster=tuple(map(without_credentials, _cluster_details(stack, drift.objects))),
        services=tuple(sorted(services, key=lambda one: one.name)),
        pools=pool_changes(before, stack),
        npus=(total_npus(before), total_npus(stack)),
        deletions=tuple(f"{one.kind} {one.name}" for one in drift.objects if _goes_alone(one, extras)),
        unread=tuple(sorted(stack.broken)),
    )
    return change, before


def _cluster_details(stack: ResolvedStack, drift: Sequence[ObjectDrift]) -> Iterator[Detail]:
    """What differs of the namespace and of the queues that the stack makes."""
    for one in drift:
        if one.service:
            continue
        if one.state != "changed":
            yield Detail(one.kind, f"{one.kind} {one.name}", None, "", NOT_THERE, restarts=False)
        for field in filter(is_restored, one.fields):
            detail = field_detail(stack, "", one.kind, field)
            because = cluster_source(stack, f"queues.{one.name}") if one.kind == "Queue" else detail.because
            yield replace(detail, name=f"{one.kind} {one.name} {detail.name}", because=because)


def _goes_alone(one: ObjectDrift, removed: list[str]) -> bool:
    return one.state == "extra" and one.service not in removed


def _change(
    before: ResolvedStack,
    stack: ResolvedStack,
    service: ResolvedService,
    running: ResolvedService | None,
    seen: tuple[tuple[ObjectDrift, ...], Objects],
) -> ServiceChange:
    if running is None:
        return ServiceChange(service.name, "added", None, service)
    drift, there = seen
    mine = [one for one in drift if one.service == service.name and one.state != "extra"]
    found: list[Detail] = []
    if launches := [one for one in mine if one.kind == "ConfigMap"]:
        pair = Pair(before, stack, running, service)
        name = launch_map_of(there[("Deployment", service.name)])
        found += _launch_details(pair, launches[0], there.get(("ConfigMap", name), {}).get("data"))
    for one in mine:
        found += _object_details(stack, service, one)
    shown = dict.fromkeys(map(without_credentials, found))
    details = tuple(sorted(shown, key=lambda detail: not detail.restarts))
    restarts = any(one.restarts for one in details)
    return ServiceChange(service.name, "changed" if details else "unchanged", running, service, restarts, details)


def _launch_details(pair: Pair, one: ObjectDrift, data: Mapping[str, str] | None) -> Iterator[Detail]:
    """Flags, variables and files; a script that cannot be read so is another file."""
    if data is None:
        yield Detail("launch", "launch map", None, "", NOT_THERE, restarts=False)
        return
    start = live_launch(data)
    told = [*launch_details(pair, start)] if start else []
    if not told:
        told = [Detail("launch", f"file {SCRIPT}", "", "", "see ascend-vllm drift for its lines", restarts=True)]
    yield from (replace(detail, restarts=bool(one.instead_of)) for detail in told)


def _object_details(stack: ResolvedStack, service: ResolvedService, one: ObjectDrift) -> Iterator[Detail]:
    if one.kind == "ConfigMap":
        return
    if one.state != "changed":
        yield Detail(one.kind, f"{one.kind} {one.name}", None, "", NOT_THERE, restarts=False)
    for field in one.fields:
        if is_restored(field) and not _LAUNCH_MAP.fullmatch(field.path):
            detail = field_detail(stack, service.name, one.kind, field)
            name = _AMOUNTS.sub("", detail.name)
            yield replace(detail, name="npus" if name == service.cluster.platform.resource else name)


def _as_scaled(service: ResolvedService, running: ResolvedService | None) -> ResolvedService:
    """A service with the pods that an autoscaler gave it, which an update leaves."""
    return replace(service, replicas=running.replicas) if running and service.external else service


def _as_it_runs(service: ResolvedService, deployment: Mapping[str, Any]) -> ResolvedService:
    """A service with what counts NPUs and pods as its Deployment has it."""
    spec = deployment["spec"]
    containers = spec["template"]["spec"].get("containers") or []
    own: Mapping[str, Any] = next((one for one in containers if one.get("name") == CONTAINER), {})
    limits = (own.get("resources") or {}).get("limits") or {}
    npus = str(limits.get(service.cluster.platform.resource) or 0)
    return replace(
        service,
        image=str(own.get("image") or ""),
        replicas=int(spec.get("replicas", 1)),
        npus=int(npus) if npus.isdecimal() else service.npus,
    )


def live_launch(data: Mapping[str, str]) -> Launch | None:
    """The launch that a launch map holds; None when its script is not written as the program writes one."""
    text = data.get(SCRIPT) or ""
    try:
        head, command = _EXEC.split(text, maxsplit=1)
        source, before = _SOURCE.search(head), head[head.rindex("\n\n") + 2 :]
        exports = {found[1]: _first_word(head[found.end() :]) for found in _EXPORT.finditer(head)}
        path = exports.pop("PYTHONPATH", None)
        start = Launch(
            argv=tuple(shlex.split(command.replace("\\\n", " "))),
            environment=exports,
            init_file=shlex.split(source[1])[0] if source else "",
            files={name: content for name, content in data.items() if name != SCRIPT},
            python_path=path and path.partition("${")[0],
            before=before,
        )
    except (ValueError, IndexError):
        return None
    return start if script(start) == text else None


def _first_word(text: str) -> str:
    """The first word of a piece of a shell script, without its quotes."""
    words = shlex.shlex(text, posix=True)
    words.whitespace_split, words.commenters = True, ""
    return words.get_token() or ""
