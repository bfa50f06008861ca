"""Read back what the launch script of a group adds to that of a single pod."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from models.engines.group import MemberFlag, MemberFlags, MemberValue

_MEMBERS = re.compile(
    r"^# (?P<form>.+)\n"
    r"if \[\[ \$LWS_WORKER_INDEX == 0 \]\]; then\n"
    r"  member=\(\n(?P<leader>(?: {4}.+\n)*)  \)\n"
    r"else\n"
    r"  member=\(\n(?P<worker>(?: {4}.+\n)*)  \)\n"
    r"fi\n",
    re.MULTILINE,
)
_MEMBER_WORDS = ' \\\n  "${member[@]}"'
_END_OF_RUNNER = " -- \\\n"
_RANK = re.compile(rf"\$\(\({MemberValue.RANK}(?: \* (?P<step>\d+))?\)\)")


@dataclass(frozen=True)
class GroupParts:
    """The parts of a launch that only groups have."""

    form: str
    """The form of the launch, with its reason."""
    member: MemberFlags
    runner: tuple[str, ...]
    """Words of bash before the command of the server."""
    command: str
    """The command of the server, without the runner and the flags of the pod."""


def group_parts(head: str, command: str) -> GroupParts | None:
    """The parts of a script that only groups have; None in the script of a single pod.

    Args:
        head: The script before the last `exec`.
        command: The script after it.

    Raises:
        ValueError: This program did not write the script.
    """
    members = _MEMBERS.search(head)
    if members is None:
        return None
    runner, separator, server = command.partition(_END_OF_RUNNER)
    if not separator:
        raise ValueError("a group without its runner")
    return GroupParts(
        form=members["form"],
        member=MemberFlags(
            leader=tuple(_flags(members["leader"])),
            worker=tuple(_flags(members["worker"])),
        ),
        runner=(*runner.split(" "), "--"),
        command=server.replace(_MEMBER_WORDS, ""),
    )


def _flags(lines: str) -> Iterator[MemberFlag]:
    for line in lines.splitlines():
        option, equals, value = line.strip().partition("=")
        if not equals:
            yield MemberFlag(option)
            continue
        (word,) = shlex.split(value)
        yield _flag(option, word)


def _flag(option: str, word: str) -> MemberFlag:
    """A flag with the value that only a pod knows, or with a plain one."""
    rank = _RANK.fullmatch(word)
    if rank:
        return MemberFlag(option, MemberValue.RANK, step=int(rank["step"] or 1))
    if word.startswith("$"):
        return MemberFlag(option, MemberValue(word))
    return MemberFlag(option, word)
