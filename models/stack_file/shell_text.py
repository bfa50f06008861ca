"""Text that only a shell expands, such as `$POD_IP` or `$(hostname -i)`, and the forms of the stack file for it."""

from __future__ import annotations

import re
from typing import Any

SHELL_TEXT = re.compile(
    r"(?<!\$)\$\([^)]*\)?"
    r"|(?<!\$)\$\{[^}]*\}?"
    r"|(?<!\$)\$[A-Za-z_][A-Za-z0-9_]*"
    r"|`[^`]+`"
)
"""A part of a text that a shell would replace. A name may contain `$$`."""

_FIELD_OF_VARIABLE = {
    "podip": "status.podIP",
    "mypodip": "status.podIP",
    "localip": "status.podIP",
    "ip": "status.podIP",
    "podname": "metadata.name",
    "hostname": "metadata.name",
    "podnamespace": "metadata.namespace",
    "namespace": "metadata.namespace",
    "poduid": "metadata.uid",
    "nodename": "spec.nodeName",
    "hostip": "status.hostIP",
    "nodeip": "status.hostIP",
    "serviceaccount": "spec.serviceAccountName",
}
"""Fields of the pod that variables with these names have in public manifests; case and `_` do not count."""

_COMMAND = re.compile(r"\$\((?P<command>.*)\)|`(?P<quoted>.*)`", re.DOTALL)
_HOSTNAME_OPTIONS = re.compile(r"hostname\s+(-i|-I|--ip-address|--all-ip-addresses)\b")
_WHOLE_VARIABLE = re.compile(
    r"\$(?P<plain>[A-Za-z_]\w*)|\$\{(?P<braced>[A-Za-z_]\w*)\}"
)
_DEFAULT = re.compile(r"\$\{[A-Za-z_]\w*:?-(?P<default>[^$`{}]+)\}")

_ITSELF = "\0"
"""Replaces the name of the variable in its own value, so that the forms are the same for every name."""

_OLD_VALUE = rf"(?:\$\{{{_ITSELF}(?::?-)?\}}|\${_ITSELF})"
_OPTIONAL = rf"\$\{{{_ITSELF}:?\+:(?:\${_ITSELF}|\$\{{{_ITSELF}\}})\}}"
_PATHS = r"[^$`\s:]+(?::[^$`\s:]+)*"
_ADDITIONS = (
    re.compile(rf"(?P<prepend>{_PATHS}):{_OLD_VALUE}(?::(?P<append>{_PATHS}))?:?"),
    re.compile(rf"(?P<prepend>{_PATHS}){_OPTIONAL}"),
    re.compile(rf":?{_OLD_VALUE}:(?P<append>{_PATHS})"),
)


def value_without_shell(name: str, text: str) -> str | dict[str, str] | None:
    """The value of the stack file for a value with shell text; None if the stack file has no form for it.

    `$(hostname -i)` is `{field: status.podIP}`, and `/opt/lib:$LD_LIBRARY_PATH` is `{prepend: /opt/lib}`.

    Args:
        name: The name of the variable that gets the value.
        text: The value with shell text.
    """
    stripped = text.strip()
    field = _pod_field(stripped)
    if field:
        return {"field": field}
    default = _DEFAULT.fullmatch(stripped)
    if default:
        return default["default"]
    return _path_addition(name, stripped)


def _pod_field(text: str) -> str | None:
    variable = _WHOLE_VARIABLE.fullmatch(text)
    if variable:
        variable_name = variable["plain"] or variable["braced"]
        plain_name = variable_name.replace("_", "").lower()
        return _FIELD_OF_VARIABLE.get(plain_name)
    command = _COMMAND.fullmatch(text)
    if command is None:
        return None
    words = (command["command"] or command["quoted"] or "").strip()
    if _HOSTNAME_OPTIONS.match(words):
        return "status.podIP"
    return "metadata.name" if words == "hostname" else None


def _path_addition(name: str, text: str) -> dict[str, str] | None:
    """The paths that a text adds to the variable of the same name."""
    of_itself = text.replace(f"${{{name}", f"${{{_ITSELF}")
    of_itself = of_itself.replace(f"${name}", f"${_ITSELF}")
    for form in _ADDITIONS:
        match = form.fullmatch(of_itself)
        if match:
            return {key: value for key, value in match.groupdict().items() if value}
    return None


def shell_part(value: Any) -> str | None:
    """The first part of a value that a shell would replace; None if there is none."""
    if isinstance(value, str):
        match = SHELL_TEXT.search(value)
        return match[0] if match else None
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            part = shell_part(item)
            if part:
                return part
    return None
