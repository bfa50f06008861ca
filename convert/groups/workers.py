"""Compares the workers of a group with its leader, whose flags, variables and pod all of them get."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from convert.groups.parts import Part, npus_of
from convert.keys.pod import is_ours
from convert.keys.pod_template import pod_patch
from convert.note import Note, Notes, Place, assumed, dropped, replaced
from convert.pods import Pod
from models.engines.group import VARIABLES_OF_GROUPS

_SERVER_FLAGS = {
    "host",
    "port",
    "api-server-count",
    "served-model-name",
    "reasoning-parser",
    "tool-call-parser",
    "enable-auto-tool-choice",
    "chat-template",
}
"""Flags of the API server, which workers do not have."""
_SAME = "all pods of a group have the same as its leader"


def differences(leader: Part, worker: Part) -> Notes:
    """Notes about what only the workers have, and what they get from the leader. Values may be credentials."""
    notes = Notes()
    if is_ours(leader.pod):
        return notes
    notes += _flags(leader, worker)
    notes += _variables(leader.pod, worker.pod)
    own = (leader.pod.owner, leader.pod.keys)
    has_own_template = own != (worker.pod.owner, worker.pod.keys)
    if has_own_template:
        notes += _pods(leader.pod, worker.pod)
    return notes


def remove_ranks(leader: Part, workers: Sequence[Part], notes: Notes) -> None:
    """Remove the variables whose values are the rank of a pod from the leader's."""
    environment = leader.pod.start.environment
    for worker in workers:
        if leader.pod.rank is None or worker.pod.rank is None:
            continue
        of_worker = worker.pod.start.environment
        for name, setting in [*of_worker.items()]:
            own = environment.get(name)
            if own is None or name in VARIABLES_OF_GROUPS:
                continue
            if own.text == str(leader.pod.rank) and setting.text == str(
                worker.pod.rank
            ):
                del environment[name], of_worker[name]
                why = "it is the rank of the pod, which only its script knows"
                notes.replace(name, why, own.place)


def _flags(leader: Part, worker: Part) -> Iterator[Note]:
    release = leader.pod.engine.release
    file = worker.pod.start.file
    place = Place(file, worker.pod.start.arguments[0].line)
    for name in dict.fromkeys([*worker.values, *leader.values]):
        if name in release.flags_of_groups or name in _SERVER_FLAGS:
            continue
        if release.flags[name].servers == ("api_server",):
            continue
        yield from _difference(
            f"--{name}", leader.values.get(name), worker.values.get(name), place
        )


def _variables(leader: Pod, worker: Pod) -> Iterator[Note]:
    of_leader = leader.start.environment
    of_worker = worker.start.environment
    for name in dict.fromkeys([*of_worker, *of_leader]):
        if name in VARIABLES_OF_GROUPS:
            continue
        setting = of_worker.get(name) or of_leader[name]
        leaders = of_leader[name].text if name in of_leader else None
        workers = of_worker[name].text if name in of_worker else None
        yield from _difference(name, leaders, workers, setting.place)


def _difference(
    name: str,
    of_leader: Any,
    of_worker: Any,
    place: Place,
) -> Iterator[Note]:
    if of_leader == of_worker:
        return
    what = f"{name} of the workers"
    if of_worker is None:
        yield assumed(what, _SAME, place)
    else:
        yield dropped(what, _SAME, place)


def _pods(leader: Pod, worker: Pod) -> Iterator[Note]:
    """Differences of two pods that two templates describe."""
    if leader.container.at("image").text() != worker.container.at("image").text():
        yield dropped("the image of the workers", _SAME, worker.container.at("image"))
    if npus_of(leader) != npus_of(worker):
        yield dropped("the NPUs of the workers", _SAME, worker.limits)
    for part in ("cpu", "memory"):
        amounts = (_amount(leader, part), _amount(worker, part))
        if amounts[0] != amounts[1]:
            yield dropped(f"the {part} of the workers", _SAME, worker.container)
    if _volumes(leader) != _volumes(worker):
        yield dropped("the mounts of the workers", _SAME, worker.container)
    yield from _patches(leader, worker)


def _patches(leader: Pod, worker: Pod) -> Iterator[Note]:
    of_leader = pod_patch(leader)
    of_worker = pod_patch(worker)
    if _labels(of_leader) != _labels(of_worker):
        place = worker.template.at("metadata")
        yield replaced("the labels of the workers", _SAME, place)
    own_spec: Mapping[str, Any] = of_leader.get("spec", {})
    for field, value in of_worker.get("spec", {}).items():
        if own_spec.get(field) != value:
            place = worker.spec.at(field)
            yield dropped(f"{field} of the workers", _SAME, place)


def _labels(patch: Mapping[str, Any]) -> Any:
    return patch.get("metadata", {}).get("labels")


def _amount(pod: Pod, name: str) -> str:
    return pod.limits.at(name).text() or pod.requests.at(name).text()


def _volumes(pod: Pod) -> set[tuple[str, str, str]]:
    """The mounts of a pod by path, with the directory of the node or the claim behind each."""
    return {
        (mount.path.rstrip("/"), mount.host_path.rstrip("/"), mount.claim)
        for mount in pod.mounts
        if not mount.volume.at("configMap").value
    }
