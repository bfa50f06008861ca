"""The values of a launch by which the pods of a server find each other, under the names that users know."""

from __future__ import annotations

from models.launch.launch import Launch

_PORTS = ("--data-parallel-rpc-port", "--master-port")
"""The flags of a worker with the port of its leader, one for each form of the launch."""

_MEMBER_PORT = "--port="
"""The option of the program that keeps a group together."""


def group_values(start: Launch) -> dict[str, str]:
    """The keys of `group`, and the flags that only the leader has. None for a launch of a single pod."""
    if start.member is None:
        return {}
    values = {"group.launch": start.form.partition(":")[0]}
    for flag in start.member.worker:
        if flag.option in _PORTS:
            values["group.port"] = flag.value
    for word in start.runner:
        if word.startswith(_MEMBER_PORT):
            values["group.memberPort"] = word.removeprefix(_MEMBER_PORT)
    of_workers = {flag.option for flag in start.member.worker}
    for flag in start.member.leader:
        name, _, value = flag.option.partition("=")
        if name not in of_workers:
            values[name] = value or flag.value
    return values
