"""Keeps values of containers literal. The kubelet expands `$(NAME)` and `$$` in `command`, `args` and values of `env`.

It expands no other field, such as the commands of hooks and probes (pkg/kubelet/container/helpers.go of Kubernetes
1.34.1). The containers of `podTemplate` are passed on as the user wrote them.
"""

from __future__ import annotations

import re
from typing import Any

from models.manifests.metadata import Manifest

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""The names that variables of the program's containers can have. The kubelet keeps `$(…)` with any other text."""

_REFERENCE = re.compile(r"\$(?:\$|\((?P<name>[^)]*)\)|.)", re.DOTALL)
"""The text that the kubelet reads at a `$`: `$$`, `$(NAME)`, or the `$` and the next character.

Source: third_party/forked/golang/expansion/expand.go of Kubernetes 1.34.1.
"""


def literal_container(container: Manifest) -> Manifest:
    """The container with escaped values. Its process gets the command, arguments and variables as they are here."""
    result = dict(container)
    for key in ("command", "args"):
        if key in result:
            result[key] = [literal(word) for word in result[key]]
    if "env" in result:
        result["env"] = [_literal_variable(variable) for variable in result["env"]]
    return result


def literal(text: str) -> str:
    """The escaped text. The kubelet expands it to the given text."""
    return _REFERENCE.sub(_escaped, text)


def _literal_variable(variable: dict[str, Any]) -> dict[str, Any]:
    if "value" not in variable:
        return variable
    return {**variable, "value": literal(variable["value"])}


def _escaped(match: re.Match[str]) -> str:
    """Escape one match of `_REFERENCE`: double each `$` that the kubelet would not keep."""
    text = match[0]
    if text == "$$":
        return "$$$$"
    # The kubelet reads one byte after the `$`, which breaks a character of several bytes.
    is_broken = not text[1].isascii()
    name = match["name"]
    is_variable = name is not None and _NAME.fullmatch(name)
    if is_broken or is_variable:
        return f"${text}"
    return text
