"""Texts that assign a value to the name of a credential, such as `export DB_PASS=…` and `--token …`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from models.credentials.commands import command_ranges
from models.credentials.names import MARKS, is_credential_name
from models.credentials.values import is_path_text, is_plain

_ASSIGNED_NAME = re.compile(
    rf"""(?x)
    (?<![\w{MARKS}.-]) (?<!://) -{{0,2}} ([^\W\d][\w{MARKS}.-]{{0,80}}) \\?["']? \]?
    \s{{0,4}} (?: ==? | => | : (?!//|:) ) \s{{0,4}} \[?
    """
)
_QUOTED = re.compile(
    r"""(?x)
      \\(["']) ((?: (?!\\["'])[^\n] ){1,4096})
    |    (["']) ((?: \\[^\n] | (?!\3)[^\\\n] ){1,4096})
    """
)
"""A text up to its closing quote, which may be escaped as the opening one is. It may contain other quotes."""

_BARE = re.compile(
    r"""\$\{[^}\s]{1,256}\}|\$\([^)\n]{1,256}\)|`[^`\n]{1,256}`|[^\s"',;&)\]}{\[|]{1,65536}"""
)
_FLAG = re.compile(
    r"""(?x)
    (?<![\w-]) (--?[A-Za-z][\w-]{1,80}) (?: ["']\s{0,2},\s{0,4}["'] | \s{1,4} ["']? ) ([^\s"',;&)\]]{1,4096})
    """
)
_SET = re.compile(
    r"""(?x)
    (?: \b(?:setenv|SetEnv|putenv|add_header|proxy_set_header|fastcgi_param) | \bset\s{1,4}-[a-zA-Z]{1,4} )
        \s{1,4} (?P<set>[A-Za-z][\w.-]{1,80}) \s{1,4} ["']? (?P<to>[^\s"';]{1,4096})
    | \b(?:setdefault|setenv|putenv|setProperty|add_header) \( \s{0,4}
        ["'](?P<call>[A-Za-z][\w.-]{1,80})["'] \s{0,4},\s{0,4} ["'](?P<with>[^"'\n]{1,4096})
    """
)
"""Commands and functions that give a value to a name: `setenv NAME VALUE`, `environ.setdefault("NAME", "VALUE")`."""

_NAMED_PAIR = re.compile(
    r"""(?xi)
    \b(?:name|key) \\?["']? \s{0,4}[:=]\s{0,4} \\?["']? ([A-Za-z][\w.-]{1,80}) \\?["']? [\s,]{1,20}
    \\?["']?value \\?["']? \s{0,4}[:=]\s{0,4} \\?["']? ([^\s"'\\<>,}]{1,4096})
    """
)
"""A name and its value as two fields: `{"name": "DB_PASS", "value": "…"}`, `<add key="Password" value="…"/>`."""

_IN_PROSE = re.compile(
    r"""(?xi)
    \b (?: password | passwd | pwd | passphrase | passcode | token | api[ _-]?key ) \s (?: is \s )?
    (?= [^\s"',;]{0,80}[0-9] ) (?= [^\s"',;]{0,80}[a-z] ) ([^\s"',;]{8,256})
    """
)
"""A text with letters and digits after the name of a credential: `the password hunter2abc`."""

_LONGEST_BLOCK = 500
"""Most characters of a block of a Jinja template before an assignment in it."""


def assignments(text: str) -> Iterator[tuple[str, int, int]]:
    """The values that a text gives to names of credentials, each with the name and the place."""
    if is_path_text(text):
        return
    yield from _written_assignments(text)
    yield from _values_after_names(text)


def _written_assignments(text: str) -> Iterator[tuple[str, int, int]]:
    """Names of credentials to which a text assigns a value, with the place of the value."""
    position = 0
    while match := _ASSIGNED_NAME.search(text, position):
        position = match.end()
        if not is_credential_name(match[1]):
            continue
        quoted = _QUOTED.match(text, position)
        bare = _BARE.match(text, position)
        if _is_in_template(text, match.start()):
            bare = None  # a variable of the template
        if quoted:
            group = 2 if quoted[2] else 4
            start, position = quoted.span(group)
        elif bare:
            start, position = bare.span()
        else:
            continue
        yield match[1], start, position


def _values_after_names(text: str) -> Iterator[tuple[str, int, int]]:
    """Values after a flag, after a name in prose, and after an option of a command, each with its name and place."""
    for match in _FLAG.finditer(text):
        name = match[1].lstrip("-")
        if is_credential_name(name) and not match[2].startswith("-"):
            yield name, *match.span(2)
    for match in _SET.finditer(text):
        name = match["set"] or match["call"]
        if is_credential_name(name):
            group = "to" if match["set"] else "with"
            yield name, *match.span(group)
    for match in _NAMED_PAIR.finditer(text):
        if is_credential_name(match[1]):
            yield match[1], *match.span(2)
    for match in _IN_PROSE.finditer(text):
        if not is_plain(match[1]):
            yield "password", *match.span(1)
    for start, end in command_ranges(text):
        yield "password", start, end


def _is_in_template(text: str, position: int) -> bool:
    """Whether a position is within `{% … %}` or `{{ … }}` of a Jinja template."""
    before = text[max(position - _LONGEST_BLOCK, 0) : position]
    return any(
        before.rfind(opening) > before.rfind(closing)
        for opening, closing in (("{%", "%}"), ("{{", "}}"))
    )
