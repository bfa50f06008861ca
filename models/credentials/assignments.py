"""Texts that assign a value to the name of a credential, such as `export DB_PASS=…` and `--token …`."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from models.credentials.commands import command_ranges
from models.credentials.names import MARKS, is_clear, is_credential_name
from models.credentials.tokens import Range
from models.credentials.values import is_path_text, is_plain, is_shown

_ASSIGNED_NAME = re.compile(
    rf"""(?x)
    (?<![\w{MARKS}.-]) (?<!://) -{{0,2}} ([^\W\d][\w{MARKS}.-]{{0,80}}) \\?["']? \]?
    (?: \s{{0,4}} : \s{{0,4}} [A-Za-z][\w.\[\]]{{0,40}} (?=\s{{0,4}}=\s) )?
    \s{{0,4}} (?: ==? | => | := | <<< | ： | ＝ | : (?!//|:) ) \s{{0,4}} \[?
    (?: [&!][\w!:/.-]{{0,60}} \s{{1,4}} | [|>][-+]? \s{{0,2}} \n \s{{0,40}} )?
    """
)
"""A name with its type, as in `token: str = …`, and the sign of an assignment. In YAML a tag, an anchor or the sign of
a block may follow.
"""

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
    (?<![\w-]) --? (?P<name>[A-Za-z][\w-]{1,80})
    (?: ["']? \s{0,2},\s{0,4} (?: \{ \s{0,2} ["']?val(?:ue)?["']? \s{0,2}:\s{0,2} )? ["']? | \s{1,4} ["']? )
    (?!-) (?P<value>[^\s"',;&)\]}]{1,4096})
    """
)
"""A flag and its value: `--token …`, `['--token', …]`."""

_SET_COMMAND = re.compile(
    r"""(?x)
    (?: \b(?:setenv|SetEnv|putenv|add_header|proxy_set_header|fastcgi_param) | \bset\s{1,4}-[a-zA-Z]{1,4} )
    \s{1,4} (?P<name>[A-Za-z][\w.-]{1,80}) \s{1,4} ["']? (?P<value>[^\s"';]{1,4096})
    """
)
"""A command that gives a value to a name: `setenv NAME VALUE`."""

_SET_CALL = re.compile(
    r"""(?x)
    \b(?:setdefault|setenv|putenv|setProperty|add_header) \( \s{0,4}
    ["'](?P<name>[A-Za-z][\w.-]{1,80})["'] \s{0,4},\s{0,4} ["'](?P<value>[^"'\n]{1,4096})
    """
)
"""A function that gives a value to a name: `environ.setdefault("NAME", "VALUE")`."""

_FIELDS = re.compile(
    r"""(?xi)
    \b(?:name|key) \\?["']? \s{0,4}[:=]\s{0,4} \\?["']? (?P<name>[A-Za-z][\w.-]{1,80}) \\?["']? [\s,]{1,20}
    \\?["']?value \\?["']? \s{0,4}[:=]\s{0,4} \\?["']? (?P<value>[^\s"'\\<>,}]{1,4096})
    """
)
"""A name and its value as two fields: `{"name": "DB_PASS", "value": "…"}`, `<add key="Password" value="…"/>`."""

_FIELDS_REVERSED = re.compile(
    r"""(?xi)
    \bvalue \\?["']? \s{0,4}[:=]\s{0,4} \\?["']? (?P<value>[^\s"'\\<>,}]{1,4096}) \\?["']? [\s,]{1,20}
    \\?["']?(?:name|key) \\?["']? \s{0,4}[:=]\s{0,4} \\?["']? (?P<name>[A-Za-z][\w.-]{1,80})
    """
)

_FORMS = (
    ("-", _FLAG),
    ("set", _SET_COMMAND),
    ("putenv", _SET_COMMAND),
    ("header", _SET_COMMAND),
    ("fastcgi_param", _SET_COMMAND),
    ("(", _SET_CALL),
    ("value", _FIELDS),
    ("value", _FIELDS_REVERSED),
)
"""A part of every text that has a form, in lower case, and the form of a name with its value."""

_ARGUMENTS = re.compile(
    r"""(?x)
    \w\( \s{0,4} ["'](?P<name>[A-Za-z][\w.-]{1,80})["'] \s{0,4},\s{0,4}
    [a-z]{0,2}["'](?![-\s]) (?P<value>[^\s"']{4,4096}) ["']
    """
)
"""A name and a value as arguments of any function: `os.getenv("API_TOKEN", "…")`."""

_CALL = re.compile(
    r"""(?x)
    (?<!\w) (?P<name>[A-Za-z_]\w{1,80}) \( \s{0,4} [a-z]{0,2}["']
    (?=[^"'\n]{0,80}[0-9]) (?=[^"'\n]{0,80}[A-Za-z]) (?P<value>[^\s"']{8,512}) ["']
    """
)
"""A function that is named like a credential, with its value: `set_access_token("…")`, `SecretStr("…")`."""

_AFTER_NAME = re.compile(
    r"""(?x)
    (?<![\w-])
    (?P<name> (?i: access | api | private | secret | signing ) [ ] (?i: key | token ) | [A-Za-z_][\w.-]{1,80} )
    (?: \s (?: for | of ) \s [\w.@-]{1,64} )? :? \s{1,4} (?: (?: is | as ) \s{1,4} )? ["']?
    (?= [^\s"',;]{0,80}[0-9] ) (?= [^\s"',;]{0,80}[A-Za-z] ) (?P<value> [^\s"',;]{8,256} )
    """
)
"""A text with letters and digits after the name of a credential: `the password hunter2abc`, `requirepass …`."""

_LIKELY_FORMS = (("(", _ARGUMENTS), ("(", _CALL), (" ", _AFTER_NAME))
"""Forms in which a value of plain words is no credential."""

_AFTER_CHINESE_NAME = re.compile(
    r"""(?x)
    (?: 密码 | 密碼 | 口令 | 密钥 | 密鑰 | 令牌 | パスワード | 비밀번호 | 암호 )
    \s{0,2} (?: 是 | 为 | 為 | は | 는 | 은 )? \s{0,2} ["'“「]?
    (?![=:]) (?=[!-~]{0,80}[0-9]) (?=[!-~]{0,80}[A-Za-z]) ([!-~]{6,256})
    """
)

_SECRETS = ("secret", "secrets")
_OBJECT_NAME = re.compile(r"[a-z0-9][-a-z0-9.]*")
_LONGEST_BLOCK = 500
"""Most characters of a block of a Jinja template before an assignment in it."""


def assignments(text: str) -> Iterator[tuple[str, int, int]]:
    """The values that a text gives to names of credentials, each with the name and the place."""
    if is_path_text(text):
        return
    yield from _written_assignments(text)
    yield from _values_after_names(text)


def argument_ranges(
    items: Sequence[Any], command: Sequence[Any] = ()
) -> dict[int, list[Range]]:
    """The credentials in a list of arguments, such as `[curl, -u, user:…]`: their ranges in each item, by its index.

    Args:
        items: The arguments.
        command: The words before them, if they are in a list of their own.
    """
    words = [*command, *items]
    texts = [word if isinstance(word, str) else "" for word in words]
    starts = []
    length = 0
    for text in texts:
        starts.append(length)
        length += len(text) + 1
    line = " ".join(texts)
    found: dict[int, list[Range]] = {}
    for start, end in _hidden_values(line):
        index = bisect_right(starts, start) - 1
        first = starts[index]
        if index >= len(command):
            ranges = found.setdefault(index - len(command), [])
            ranges.append((start - first, end - first))
    return found


def command_before(key: str, mapping: Mapping[str, Any]) -> Sequence[Any]:
    """The words before the arguments of a container, if a key is that of its arguments: those of its `command`."""
    command = mapping.get("command")
    if key == "args" and isinstance(command, list):
        return command
    return ()


@lru_cache(maxsize=256)
def _hidden_values(line: str) -> tuple[Range, ...]:
    """The values after names that are not shown."""
    values = _values_after_names(line)
    return tuple(
        (start, end)
        for name, start, end in values
        if not is_shown(name, line[start:end])
    )


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


@lru_cache(maxsize=256)
def _values_after_names(text: str) -> tuple[tuple[str, int, int], ...]:
    """Values after a flag, after a name in prose, and after an option of a command, each with its name and place."""
    commands = (("password", start, end) for start, end in command_ranges(text))
    return *_named_values(text), *_likely_values(text), *commands


def _named_values(text: str) -> Iterator[tuple[str, int, int]]:
    """Values that a flag, a command, a function or two fields give to the name of a credential."""
    lower = text.lower()
    for part, form in _FORMS:
        if part not in lower:
            continue
        for match in form.finditer(text):
            if is_credential_name(match["name"]):
                yield match["name"], *match.span("value")


def _likely_values(text: str) -> Iterator[tuple[str, int, int]]:
    """Values next to the name of a credential that are neither plain words nor the name of a Secret."""
    for part, form in _LIKELY_FORMS:
        if part not in text:
            continue
        for match in form.finditer(text):
            name, value = match["name"], match["value"]
            if is_clear(name) and not is_plain(value) and not _is_secret(name, value):
                yield name, *match.span("value")
    if not text.isascii():
        for match in _AFTER_CHINESE_NAME.finditer(text):
            yield "password", *match.span(1)


def _is_secret(name: str, value: str) -> bool:
    """Whether a text is the name of a Secret: `Secret qwen-key-5f7d8 not found`."""
    return name.lower() in _SECRETS and _OBJECT_NAME.fullmatch(value) is not None


def _is_in_template(text: str, position: int) -> bool:
    """Whether a position is within `{% … %}` or `{{ … }}` of a Jinja template."""
    before = text[max(position - _LONGEST_BLOCK, 0) : position]
    return any(
        before.rfind(opening) > before.rfind(closing)
        for opening, closing in (("{%", "%}"), ("{{", "}}"))
    )
