"""Rules on the settings of containers for Windows, which the API server reads although nodes with NPUs ignore them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from models.kubernetes import formats
from models.kubernetes.nodes import Node, Pod
from models.kubernetes.problem import Problem, refused, remove

_LONGEST_CREDENTIAL = 64 * 1024
_LONGEST_DOMAIN = 255
_LONGEST_USER = 104

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NET_BIOS = re.compile(r'[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}')
_LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_DNS = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NOT_IN_A_USER = re.compile(r'["/\\:;|=,+*?<>@\[\]]')


def windows_problems(node: Node, _pod: Pod) -> Iterator[Problem]:
    """The account of a container has the form of Windows."""
    if "gmsaCredentialSpecName" in node.value:
        words = formats.dns_subdomain(node.text("gmsaCredentialSpecName"))
        yield from _if_wrong(node, "gmsaCredentialSpecName", words, source=8153)
    if "gmsaCredentialSpec" in node.value:
        length = len(node.text("gmsaCredentialSpec").encode())
        words = ""
        if not 0 < length <= _LONGEST_CREDENTIAL:
            words = "must have 1 to 65536 bytes"
        yield from _if_wrong(node, "gmsaCredentialSpec", words, source=8159)
    if "runAsUserName" in node.value:
        words = _wrong_user(node.text("runAsUserName"))
        yield from _if_wrong(node, "runAsUserName", words, source=8168)


def _if_wrong(node: Node, key: str, words: str, *, source: int) -> Iterator[Problem]:
    if words:
        path = node.at(key)
        yield refused(path, node.text(key), words, source=source, edits=remove(path))


def _wrong_user(name: str) -> str:
    """The error in the name of a user, which may have a domain and a backslash in front."""
    domain, backslash, user = name.rpartition("\\")
    if _CONTROL.search(name) or "\\" in domain:
        return "must have no control character, and at most one backslash"
    if backslash and not _is_domain(domain):
        return "must have a domain before its backslash"
    if not 0 < len(user.encode()) <= _LONGEST_USER:
        return f"must have a user of 1 to {_LONGEST_USER} bytes"
    if _NOT_IN_A_USER.search(user) or not user.strip(". "):
        return (
            'must have a user without "/\\:;|=,+*?<>@[] and not only of dots and spaces'
        )
    return ""


def _is_domain(text: str) -> bool:
    if len(text.encode()) > _LONGEST_DOMAIN:
        return False
    return bool(_NET_BIOS.fullmatch(text) or _DNS.fullmatch(text))
