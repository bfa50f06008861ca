"""How large the files of a stack may be, so that every command ends quickly on any of them."""

from __future__ import annotations

from models.finding import Finding, Mark

MOST_BYTES = 1 << 20
"""Of a file."""

MOST_VALUES = 15_000
"""Keys and values of a file after its aliases are written out. A service has about 26, so 500 services have 13,000."""

MOST_CHARACTERS = MOST_BYTES
"""Characters of all keys and values of a file after its aliases are written out. Comments do not count."""

LONGEST_KEY = 1_024
"""Characters of a key (YAML 1.1, 10.2: those of a key without `?`)."""

MOST_SERVICES = 500
"""Services of a stack."""

MOST_NODES = 5_000
"""Nodes of all pools of a stack (Kubernetes, Considerations for large clusters)."""

MOST_PODS = 100_000
"""Pods of all services of a stack. Kubernetes supports 150,000 pods in a cluster."""

MOST_FINDINGS = 1_000
"""Findings of a stack that are shown. No further rule runs after them."""

LONGEST_MESSAGE = 40_000
"""Characters of a message that is shown: more than all names of services together."""

MOST_SHAPE_FINDINGS = 500
"""Findings about the shape of services, after which no further service is read."""

DEEPEST = 100
"""Levels of nested values."""


class TooLargeError(Exception):
    """A file has more of something than a stack needs. The text of the exception is the message of the finding."""


def check_bytes(text: str) -> None:
    """Refuse the text of a file that is too long.

    Raises:
        TooLargeError: It has more bytes than a file may have.
    """
    if len(text.encode(errors="replace")) > MOST_BYTES:
        raise TooLargeError(f"the file has more than {MOST_BYTES} bytes")


def too_large(message: str, mark: Mark, fix: str = "") -> Finding:
    """The finding about a part of a stack that is too large."""
    return Finding(
        rule="stack-size",
        severity="error",
        message=message,
        why="a larger stack is not read, so that every command ends within seconds (models/stack_file/limits.py)",
        fix=fix or "divide the services among several stacks, or remove unneeded keys",
        marks=(mark,),
    )
