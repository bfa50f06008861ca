"""Options of well-known commands that take a password, such as `curl -u user:…` and `mysql -p…`."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from models.credentials.tokens import Range

_VALUE = r"""["']?([^\s"'|;&]{1,512})"""
_OPTIONS_BEFORE = r"[^\n|;&]{0,120}?\s"

_FORMS = (
    rf"(?:mysql|mariadb)\w{{0,12}}\b{_OPTIONS_BEFORE}-p{_VALUE}",
    rf"sshpass\s{{1,4}}-p\s{{0,4}}{_VALUE}",
    rf"redis-cli\b{_OPTIONS_BEFORE}-a\s{{1,4}}{_VALUE}",
    rf"(?:docker|podman|nerdctl|helm|oras|crane)\b(?:(?!login)[^\n|;&]){{0,120}}\slogin\b{_OPTIONS_BEFORE}-p[\s=]{{1,4}}{_VALUE}",
    rf"ldap(?:search|add|modify|delete|whoami)\b{_OPTIONS_BEFORE}-w\s{{1,4}}{_VALUE}",
    rf"curl\b{_OPTIONS_BEFORE}-u[\"']?(?![0-9]+:)[\w.@+-]{{1,256}}:{_VALUE}",
    rf"smbclient\b{_OPTIONS_BEFORE}-U\s{{1,4}}[\"']?[^\s%\"']{{1,256}}%{_VALUE}",
    rf"obsutil\b{_OPTIONS_BEFORE}-k[\s=]{{1,4}}{_VALUE}",
    rf"mc\s{{1,4}}alias\s{{1,4}}set\s{{1,4}}\S{{1,256}}\s{{1,4}}\S{{1,256}}\s{{1,4}}\S{{1,256}}\s{{1,4}}{_VALUE}",
    rf"mongo(?:sh|dump|restore|import|export)?\b{_OPTIONS_BEFORE}-p[\s=]{{0,4}}{_VALUE}",
    rf"openssl\s{{1,4}}enc\b{_OPTIONS_BEFORE}-k\s{{1,4}}{_VALUE}",
    rf"(?:un)?zip\b{_OPTIONS_BEFORE}-P\s{{0,4}}{_VALUE}",
    rf"7z[ar]?\s{{1,4}}\w\b{_OPTIONS_BEFORE}-p{_VALUE}",
    rf"(?:un)?rar\s{{1,4}}\w\b{_OPTIONS_BEFORE}-(?:hp|p){_VALUE}",
    rf"htpasswd\s{{1,4}}-\w{{0,8}}n\w{{0,8}}b?\w{{0,8}}\s{{1,4}}\S{{1,256}}\s{{1,4}}{_VALUE}",
    rf"htpasswd\s{{1,4}}-(?!\w{{0,8}}n)\w{{0,8}}b\w{{0,8}}\s{{1,4}}\S{{1,256}}\s{{1,4}}\S{{1,256}}\s{{1,4}}{_VALUE}",
    rf"ipmitool\b{_OPTIONS_BEFORE}-P\s{{0,4}}{_VALUE}",
    rf"swanlab\s{{1,4}}login\b{_OPTIONS_BEFORE}-k[\s=]{{1,4}}{_VALUE}",
    rf"az\s{{1,4}}login\b{_OPTIONS_BEFORE}-p[\s=]{{1,4}}{_VALUE}",
    rf"aws\s{{1,4}}configure\s{{1,4}}set\s{{1,4}}\w{{0,40}}(?:secret|token)\w{{0,40}}\s{{1,4}}{_VALUE}",
    rf"lftp\b{_OPTIONS_BEFORE}-u\s{{0,4}}[\w.@+-]{{1,256}},{_VALUE}",
    rf"coscmd\s{{1,4}}config\b{_OPTIONS_BEFORE}-s\s{{1,4}}{_VALUE}",
    rf"ossutil\w{{0,4}}\s{{1,4}}config\b{_OPTIONS_BEFORE}-k\s{{1,4}}{_VALUE}",
    rf"vault\s{{1,4}}login\b(?:\s{{1,4}}-[\w=-]{{1,80}})*\s{{1,4}}{_VALUE}",
    rf"curl\b{_OPTIONS_BEFORE}(?:-b|--cookie)[\s=]{{0,4}}[\"']?[\w.-]{{1,80}}={_VALUE}",
    rf"echo\s{{1,4}}[\"']?[\w.-]{{1,64}}:{_VALUE}[\"']?\s{{0,4}}\|\s{{0,4}}(?:sudo\s{{1,4}})?chpasswd",
    rf"wandb\s{{1,4}}login\b(?:\s{{1,4}}--?[\w=-]{{1,80}})*\s{{1,4}}{_VALUE}",
    rf"-pass(?:in|out|word)?\s{{1,4}}[\"']?pass:{_VALUE}",
    rf"echo\s{{1,4}}(?:-n\s{{1,4}})?{_VALUE}[\"']?\s{{0,4}}\|[^\n|;&]{{1,200}}(?:--password-stdin|--with-token|passwd\s{{1,4}}--stdin|\bkinit|sudo\s{{1,4}}-S|password_stdin)",
)
_SNMP_OPTION = re.compile(rf"(?<![\w-])-[AXc]\s{{1,4}}{_VALUE}")
"""Passwords and community of the commands of Net-SNMP, such as `snmpwalk`. One command can have several."""

_LOGIN_CALL = re.compile(
    r"""(?x)
    (?<!\w) login\( \s{0,4} (?: \w{1,20}\s?=\s? | (["'])[^"'\n]{0,80}\1\s?,\s? )?
    ["'] (?=[^"'\n]{0,80}[0-9]) (?=[^"'\n]{0,80}[A-Za-z]) ([^"'\n]{8,512}) ["']
    """
)
"""A function that takes a token or a password: `huggingface_hub.login("…")`, `smtp.login("me", "…")`."""

_LOGIN_PAIR = re.compile(
    r"""(?x)
    (?<!\w) (?: auth\s?=\s?\( | (?:HTTP)?(?:Basic|Digest|Proxy)Auth\( )
    \s{0,4} (["'])[^"'\n]{0,80}\1 \s{0,4},\s{0,4} ["'] ([^"'\n]{1,512}) ["']
    """
)
"""A user and a password of a request: `auth=("me", "…")`, `HTTPBasicAuth("me", "…")`."""

_SETTER = re.compile(
    r"""(?x)
    (?<![A-Za-z0-9]) set_ (?: (?:access|auth|api|bearer|hf|hub|session)_(?:token|key) | password | secret )
    \( \s{0,4} ["'] (?=[^"'\n]{0,80}[0-9]) (?=[^"'\n]{0,80}[A-Za-z]) ([^"'\n]{8,512}) ["']
    """
)
"""A function that keeps a token: `set_access_token("…")`."""

_OTHER_FORMS = (
    ("snmp", _SNMP_OPTION),
    ("login(", _LOGIN_CALL),
    ("uth", _LOGIN_PAIR),
    ("set_", _SETTER),
)
"""A part of every text that has the form, and the form. Its last group is the password."""

_PROGRAMS = (
    "mysql",
    "mariadb",
    "sshpass",
    "redis-cli",
    "login",
    "ldap",
    "curl",
    "smbclient",
    "obsutil",
    "alias",
    "-pass",
    "mongo",
    "openssl",
    "zip",
    "7z",
    "rar",
    "htpasswd",
    "ipmitool",
    "configure",
    "lftp",
    "coscmd",
    "ossutil",
    "echo",
)
"""A part of every form. A text without all of them is not searched, because most texts are no commands."""

_COMMANDS = re.compile("|".join(rf"(?<![\w.-]){form}" for form in _FORMS))
_USER = re.compile(
    r"""(?x)
    (?<![\w-]) (?:-u|--user|--proxy-user) (?:\s{1,4}|=) ["']?
    (?![0-9]+:) [^\s:"']{1,256} : ([^\s"']{1,512})
    """
)
"""A number before the colon is the id of a user: `docker run -u 1000:1000`."""


@lru_cache(maxsize=256)
def command_ranges(text: str) -> tuple[Range, ...]:
    """The parts of a text that are passwords after an option of a command."""
    return tuple(_command_ranges(text))


def _command_ranges(text: str) -> Iterator[Range]:
    if any(program in text for program in _PROGRAMS):
        for match in _COMMANDS.finditer(text):
            if match.lastindex:
                yield match.span(match.lastindex)
    for part, form in _OTHER_FORMS:
        if part in text:
            for match in form.finditer(text):
                yield match.span(match.re.groups)
    for match in _USER.finditer(text):
        yield match.span(1)


def argument_ranges(items: Sequence[Any]) -> dict[int, list[Range]]:
    """The passwords in a list of arguments, such as `[curl, -u, user:…]`: their ranges in each item, by its index."""
    texts = [item if isinstance(item, str) else "" for item in items]
    starts = []
    length = 0
    for text in texts:
        starts.append(length)
        length += len(text) + 1
    line = " ".join(texts)
    found: dict[int, list[Range]] = {}
    for start, end in command_ranges(line):
        index = bisect_right(starts, start) - 1
        first = starts[index]
        found.setdefault(index, []).append((start - first, end - first))
    return found
