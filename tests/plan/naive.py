"""What happens if Kubernetes updates all services at once with its defaults, and Pulumi deletes at the end."""

from __future__ import annotations

from plan import Transition
from plan.board import Board, board
from plan.placement import Placement, leaving
from plan.transition import Replica


def hangs(transition: Transition) -> bool:
    """Whether an update waits forever: each service starts a pod before it deletes one, as many at once as fit.

    The services get their turn one after the other until nothing moves. Removed services keep their pods meanwhile.
    """
    everything = board(transition, {service.name for service in transition.services})
    placement = everything.placement(everything.start)
    old = {index: list(running.replicas) if running else [] for index, running in enumerate(everything.start)}
    new: dict[int, list[Replica]] = {index: [] for index in old}
    for index, running in enumerate(everything.start):
        if running and running.is_new:
            new[index], old[index] = old[index], []
    moved = True
    while moved:
        moves = [_one_step(everything, placement, index, old[index], new[index]) for index in old]
        moved = any(moves)
    wanted = {index: service.new.replicas for index, service in enumerate(everything.services) if service.new}
    return any(len(new[index]) != number for index, number in wanted.items())


def _one_step(everything: Board, placement: Placement, index: int, old: list[Replica], new: list[Replica]) -> bool:
    service = everything.services[index]
    if service.new is None:
        return False
    wanted = service.new.replicas
    if len(new) > wanted:
        placement.remove((index, True), service.new.demand, new.pop())
        return True
    if old and service.old and len(old) + len(new) > wanted:
        placement.remove((index, False), service.old.demand, old.pop(leaving(old)))
        return True
    if len(new) == wanted:
        return False
    started = placement.start((index, True), service.new.demand)
    if started is None:
        return False
    new.append(started)
    return True
