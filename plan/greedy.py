"""A path made without a search: each step brings one service to what is wanted, without downtime where possible."""

from __future__ import annotations

from plan.path import Path, Paths


def greedy_path(paths: Paths) -> Path | None:
    """A complete path; None if this way finds none. It may not be the best one."""
    path = paths.start()
    while not paths.is_complete(path):
        longer = _with_finished(paths, path, may_be_down=False)
        if longer is path:
            longer = _with_finished(paths, path, may_be_down=True)
        if longer is path:
            stopped = _with_largest_stopped(paths, path)
            if stopped is None:
                return None
            longer = stopped
        path = longer
    return path


def _with_finished(paths: Paths, path: Path, *, may_be_down: bool) -> Path:
    """The path with one more step for each service that one step can bring to what is wanted, and for each companion.

    A companion starts before others take the free NPUs.
    """
    companions = paths.board.partners
    services = sorted(
        range(len(paths.board.services)),
        key=lambda service: service not in companions,
    )
    for service in services:
        finished = _cheapest_finish(paths, path, service, may_be_down=may_be_down)
        if finished is not None:
            path = finished
    return path


def _cheapest_finish(
    paths: Paths, path: Path, service: int, *, may_be_down: bool
) -> Path | None:
    """The path with the cheapest step that brings a service to what is wanted, or that a companion can take.

    None if the service is there already, or if there is no such step.
    """
    board = paths.board
    if board.least_seconds(service, path.state) is None:
        return None
    is_companion = service in board.partners
    candidates = []
    for move in paths.moves_of(path, service):
        is_done = board.least_seconds(service, move.state) is None
        if not is_done and not is_companion:
            continue
        longer = paths.after(path, move)
        if may_be_down or longer.cost.downtime == path.cost.downtime:
            candidates.append(longer)
    return min(candidates, key=lambda candidate: candidate.cost, default=None)


def _with_largest_stopped(paths: Paths, path: Path) -> Path | None:
    """The path with one more step, which stops the unfinished service that frees most NPUs.

    None if no service can be stopped.
    """
    most_freed: Path | None = None
    fewest_used = 0
    for service in paths.unfinished(path):
        if path.state[service] is None:
            continue
        for move in paths.moves_of(path, service):
            if move.kind not in ("stop", "delete"):
                continue
            used = paths.board.placement(move.state).used
            if most_freed is None or used < fewest_used:
                most_freed = paths.after(path, move)
                fewest_used = used
    return most_freed
