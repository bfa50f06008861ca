"""The sentence of a preflight that ended the start of a pod (models/launch/scripts/preflight.py, `say`)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cluster.pods import ended, node_of
from cluster.snapshot import Object, name_of
from models.credentials import masked
from models.finding import Finding
from models.launch.preflight import PREFLIGHT, PREFLIGHT_WEIGHTS

_ERROR = re.compile(
    r"(?:^|\s)preflight: error: (?P<message>.*?); why: (?P<why>.*?); fix: (?P<fix>.*)"
)


def contradiction(
    pod: Object, container: Object, lines: Sequence[str]
) -> Finding | None:
    """The finding of a preflight, if the container is one and found a contradiction.

    The termination message has it as long as the pod exists, also while the container runs again.

    Args:
        pod: The pod.
        container: The container that ended.
        lines: The last lines of its log, which have it if the message was cut off.
    """
    name = container.get("name")
    if name not in (PREFLIGHT, PREFLIGHT_WEIGHTS):
        return None
    message = str(ended(container).get("message") or "")
    errors = _errors(message.splitlines()) or _errors(lines)
    if not errors:
        return None
    first = errors[0]
    why = first["why"]
    if len(errors) > 1:
        logs = f"kubectl logs {name_of(pod)} --container {name}"
        why += f"; {len(errors) - 1} more in {logs}"
    return Finding(
        "preflight",
        "error",
        f"the preflight on the node {node_of(pod)}: {first['message']}",
        why=why,
        fix=f"{first['fix'].strip()}; preflight: false starts the server anyway",
    )


def _errors(lines: Sequence[str]) -> list[re.Match[str]]:
    """The sentences among lines, without credentials."""
    found = [_ERROR.search(masked(line)) for line in lines]
    return [error for error in found if error]
