"""The least cost of a transition by trying everything: every state that steps can reach, and every way to it."""

from __future__ import annotations

from collections import deque

from plan.board import Board
from plan.moves import moves
from plan.placement import State
from plan.units import units

Cost = tuple[int, int, int, int]
"""Weighted downtime, most NPUs in use, seconds, and steps."""


def least_cost(board: Board) -> Cost | None:
    """The best cost of all sequences of steps; None if none leads to what is wanted."""
    judged = units(board)
    costs: dict[object, set[Cost]] = {key(board, board.start): {(0, board.placement(board.start).used, 0, 0)}}
    states = {key(board, board.start): board.start}
    waiting = deque(states)
    steps_from: dict[object, list[tuple[object, Cost]]] = {}
    while waiting:
        here = waiting.popleft()
        if here not in steps_from:
            steps_from[here] = []
            for move in moves(board, states[here]):
                there = key(board, move.state)
                states.setdefault(there, move.state)
                lost = sum(unit.priority * unit.downtime(states[here], move) for unit in judged)
                steps_from[here].append((there, (lost, move.peak, move.seconds, 1)))
        for there, cost in steps_from[here]:
            known = costs.setdefault(there, set())
            ways = {added(way, cost) for way in costs[here]}
            better = {way for way in ways if not any(is_as_good(other, way) for other in known)}
            if better:
                costs[there] = {way for way in known | better if not any(is_better(it, way) for it in known | better)}
                waiting.append(there)
    ends = [cost for place, found in costs.items() if board.is_done(states[place]) for cost in found]
    return min(ends, default=None)


def key(board: Board, state: State) -> object:
    """The same for placements that differ only in the names of nodes. Replicas are told apart by their order."""
    free = board.placement(state).free
    on_nodes: list[tuple[int, list[tuple[int, bool, int]]]] = [(npus, []) for npus in free]
    for service, running in enumerate(state):
        for number, replica in enumerate(running.replicas if running else ()):
            for node in replica:
                on_nodes[node][1].append((service, bool(running and running.is_new), number))
    return tuple(sorted((npus, tuple(pods)) for npus, pods in on_nodes))


def added(way: Cost, step: Cost) -> Cost:
    downtime, peak, seconds, steps = way
    lost, most, longer, one = step
    return downtime + lost, max(peak, most), seconds + longer, steps + one


def is_as_good(one: Cost, other: Cost) -> bool:
    return all(mine <= theirs for mine, theirs in zip(one, other, strict=True))


def is_better(one: Cost, other: Cost) -> bool:
    return one != other and is_as_good(one, other)
