"""Joins the pods of one server over several nodes into one service with `nodes`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from convert.groups.parts import Part, npus_of, part_of
from convert.groups.workers import differences, remove_ranks
from convert.keys.pod import is_ours
from convert.note import Note, Notes
from convert.objects import Object
from convert.pods import Pod, ServerGroup
from convert.refused_files import ConversionError
from convert.server_start import SecondServer
from convert.workloads import group_size, runs_groups


@dataclass
class Servers:
    """The servers of the files, each with one pod that stands for it."""

    pods: list[Pod] = field(default_factory=list)
    """The pods with whole servers, and the leaders of groups."""
    workers: list[Object] = field(default_factory=list)
    """The objects that run the workers of groups."""


def servers_of(pods: Sequence[Pod], notes: Notes) -> Servers:
    """Join the parts of servers.

    Args:
        pods: The containers that start a server, a part of one, or only Ray.
        notes: Gets a note for everything that is assumed, replaced or dropped.

    Raises:
        ConversionError: No whole server and no group is left.
    """
    found = _sorted(pods, notes)
    servers = Servers(pods=found.whole)
    problems = found.problems
    workers = found.workers
    for leader in found.leaders:
        of_leader = _workers_of(leader, found.leaders, workers)
        workers = [worker for worker in workers if worker not in of_leader]
        reason = _reason_against(leader)
        if reason:
            problems.append(_refused(leader, reason, notes))
            continue
        of_ray = _pods_of_ray(leader, found)
        servers.pods.append(_joined(leader, of_leader, of_ray, notes))
        servers.workers += [worker.pod.owner for worker in of_leader]
        servers.workers += [pod.owner for pod in of_ray]
    for worker in workers:
        reason = f"it is a worker ({worker.sign}), and no container starts the leader of its server"
        problems.append(_refused(worker, reason, notes))
    if not servers.pods and problems:
        raise ConversionError("; ".join(dict.fromkeys(problems)), _fix(workers))
    servers.pods.sort(key=lambda pod: _position(pod, pods))
    return servers


@dataclass
class _Found:
    """The containers of the files by what they start."""

    whole: list[Pod] = field(default_factory=list)
    leaders: list[Part] = field(default_factory=list)
    workers: list[Part] = field(default_factory=list)
    of_ray: list[Pod] = field(default_factory=list)
    """The pods that only start Ray."""
    problems: list[str] = field(default_factory=list)


def _sorted(pods: Sequence[Pod], notes: Notes) -> _Found:
    found = _Found()
    for pod in pods:
        if not pod.start.kind:
            found.of_ray.append(pod)
            continue
        part = _leading_part(pod)
        if part is None and group_size(pod.owner) > 1:
            found.problems += _whole_in_group(pod, notes)
        elif part is None:
            if not pod.rank:
                found.whole.append(pod)
        elif part.refusal:
            found.problems.append(_refused(part, part.refusal, notes))
        elif part.is_worker:
            found.workers.append(part)
        else:
            found.leaders.append(part)
    return found


def _leading_part(pod: Pod) -> Part | None:
    """The part that a container starts; the leader's if its script can start both the leader and a worker."""
    part = part_of(pod)
    if part is None or not part.is_worker:
        return part
    for second, other in _second_parts(pod):
        if not other.is_worker and part.belongs_to(other):
            worker = SecondServer(tuple(pod.start.arguments), second.note)
            other.pod.start.second_servers.append(worker)
            return other
    return part


def _second_parts(pod: Pod) -> list[tuple[SecondServer, Part]]:
    """The further servers of a script that are parts of servers."""
    parts = []
    for second in pod.start.second_servers:
        start = replace(pod.start, arguments=[*second.arguments], second_servers=[])
        part = part_of(replace(pod, start=start))
        if part:
            parts.append((second, part))
    return parts


def _whole_in_group(pod: Pod, notes: Notes) -> list[str]:
    """The problem of a group whose leader runs a whole server; its workers are no other problem."""
    if pod.rank:
        return []
    size = group_size(pod.owner)
    reason = f"its groups have {size} pods, but the server of a leader needs only its own NPUs"
    title = title_of(pod)
    notes.drop(title, reason, pod.owner)
    return [f"{title}: {reason}"]


def _pods_of_ray(leader: Part, found: _Found) -> list[Pod]:
    """The pods that only start Ray for the server of a leader."""
    owner = leader.pod.owner
    of_owner = [pod for pod in found.of_ray if pod.owner == owner]
    if of_owner:
        return of_owner
    if leader.pod.start.notes_of_ray and len(found.leaders) == 1:
        return found.of_ray
    return []


def _fix(workers: Sequence[Part]) -> str:
    if workers:
        return "name the files of all pods of the server, also that of its leader"
    return "keep these pods unchanged, or write a service with nodes, see docs/several-nodes.md"


def _position(pod: Pod, pods: Sequence[Pod]) -> int:
    """The place of a pod's container among all containers."""
    for position, other in enumerate(pods):
        if other.container.path == pod.container.path and other.owner == pod.owner:
            return position
    return len(pods)


def _refused(part: Part, reason: str, notes: Notes) -> str:
    title = title_of(part.pod)
    notes.drop(title, reason, part.pod.owner)
    return f"{title}: {reason}"


def title_of(pod: Pod) -> str:
    """The object of a pod; a script or a Compose file that comes without objects has no line for one."""
    if not pod.owner.spans:
        return f"the server of {pod.owner.file}"
    return f"the {pod.owner.kind} {pod.owner.name}".strip()


def _workers_of(
    leader: Part, leaders: Sequence[Part], workers: Sequence[Part]
) -> list[Part]:
    """The workers of a leader: those of its object, else those with its sizes and ports."""
    owner = leader.pod.owner
    of_owner = [worker for worker in workers if worker.pod.owner == owner]
    if of_owner:
        return of_owner
    similar = [other for other in leaders if leader.belongs_to(other)]
    found = []
    for worker in workers:
        if not worker.belongs_to(leader):
            continue
        if len(similar) == 1 or owner.name in _addresses(worker):
            found.append(worker)
    return found


def _addresses(worker: Part) -> str:
    """The addresses of the leader that the command of a worker names."""
    flags = ("data-parallel-address", "master-addr")
    return " ".join(str(worker.values.get(flag, "")) for flag in flags)


def _reason_against(leader: Part) -> str:
    """Why the server of a leader cannot become a service; empty if it can."""
    if leader.nodes > 1:
        return ""
    if leader.nodes == 1:
        return f"{leader.sign}, but its only pod has all of its NPUs"
    if not npus_of(leader.pod) and leader.pod.start.notes_of_ray:
        return f"{leader.sign}, and its container names no NPUs, so the number of its pods is unknown"
    return f"{leader.sign}, which cannot be divided over pods of the same size"


def _joined(
    leader: Part,
    workers: Sequence[Part],
    of_ray: Sequence[Pod],
    notes: Notes,
) -> Pod:
    """The leader's pod, which stands for the group."""
    pod = leader.pod
    owner = pod.owner
    remove_ranks(leader, workers, notes)
    in_script = []
    for second, part in _second_parts(pod):
        if part.is_worker and part.belongs_to(leader):
            in_script.append(part)
            _remove(second.note, notes)
    for worker in [*workers, *in_script]:
        notes += differences(leader, worker)
        _withdraw(worker.pod, notes)
    _withdraw(pod, notes)
    for other in of_ray:
        _withdraw(other, notes)
    if of_ray or pod.start.notes_of_ray:
        why = "the pods of the group start their parts of the engine themselves"
        notes.replace("Ray", why, owner)
    flags = _flags_of_group([leader, *workers, *in_script])
    if flags and not is_ours(pod):
        notes.replace(flags, f"they follow from nodes: {leader.nodes}", owner)
    _note_number(leader, workers, of_ray, notes)
    return replace(pod, group=ServerGroup(leader.nodes, leader.port))


def _withdraw(pod: Pod, notes: Notes) -> None:
    """Take back the notes about Ray, which the group does without."""
    for note in pod.start.notes_of_ray:
        _remove(note, notes)


def _remove(note: Note, notes: Notes) -> None:
    while note in notes:
        notes.remove(note)


def _flags_of_group(parts: Sequence[Part]) -> str:
    names = []
    for flag in parts[0].pod.engine.release.flags_of_groups:
        if any(part.values.get(flag) is not None for part in parts):
            names.append(f"--{flag}")
    return ", ".join(names)


def _note_number(
    leader: Part,
    workers: Sequence[Part],
    of_ray: Sequence[Pod],
    notes: Notes,
) -> None:
    """Note what the number of pods is derived from, if the files do not contain all pods of the server."""
    owner = leader.pod.owner
    if runs_groups(owner):
        return
    others = {id(owner): title_of(leader.pod)}
    pods = _count(leader.pod)
    for pod in [*(worker.pod for worker in workers), *of_ray]:
        others[id(pod.owner)] = title_of(pod)
        if pod.rank is None:
            pods += _count(pod)
    titles = dict.fromkeys(others.values())
    notes.assume("a LeaderWorkerSet", f"instead of {' and '.join(titles)}", owner)
    if pods != leader.nodes:
        why = f"{leader.sign}; the files have {pods} of its pods"
        notes.assume(f"nodes {leader.nodes}", why, owner)


def _count(pod: Pod) -> int:
    count = pod.replicas
    return count if isinstance(count, int) else 1
