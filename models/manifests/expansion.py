"""Literal values in containers. Kubernetes replaces `$(NAME)` and `$$` in `command`, `args` and values of `env`.

It does so in no other field: not in the commands of hooks and probes (pkg/kubelet/container/helpers.go of Kubernetes
1.34.1). The containers of `podTemplate` are passed on as the user wrote them.
"""

from __future__ import annotations

import re
from typing import Any

from models.manifests.metadata import Manifest

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""The names of variables that containers of the program have. Any other text in $(…) is no reference to one."""

_REFERENCE = re.compile(r"\$(?:\$|\((?P<name>[^)]*)\)|.)", re.DOTALL)
"""What Kubernetes reads at a `$`, as third_party/forked/golang/expansion/expand.go of Kubernetes 1.34.1 does."""


def literal_container(container: Manifest) -> Manifest:
    """A container whose commands, arguments and variables have exactly the values that it is given."""
    result = dict(container)
    for key in ("command", "args"):
        if key in result:
            result[key] = [literal(word) for word in result[key]]
    if "env" in result:
        result["env"] = [_literal_variable(variable) for variable in result["env"]]
    return result


def literal(text: str) -> str:
    """The text that Kubernetes turns into a text."""
    return _REFERENCE.sub(_escaped, text)


def _literal_variable(variable: dict[str, Any]) -> dict[str, Any]:
    if "value" not in variable:
        return variable
    return {**variable, "value": literal(variable["value"])}


def _escaped(match: re.Match[str]) -> str:
    """`$$` and references with a `$` more before each `$`; any other text stays.

    Kubernetes reads one byte after a `$`, and would break a character of several bytes.
    """
    read = match[0]
    if read == "$$":
        return "$$$$"
    if not read[1].isascii():
        return f"${read}"
    name = match["name"]
    if name is not None and _NAME.fullmatch(name):
        return f"${read}"
    return read
