"""Values that are no credential, even under the name of one: numbers, paths, booleans, tokens of a tokenizer."""

from __future__ import annotations

import re

from models.credentials.names import hides_numbers, is_login, is_vague, names_an_object

_PLACEHOLDER = re.compile(
    r"""(?xi)
    \s* (?:
        \$\{[^}]*\} | \$\([^)]*\) | \$[\w@*\#?!-]+ | `[^`]*` | \{\{[^}]*\}\} | \{[a-z_]\w*\}
      | \*+ | x{3,} | <[^<>]*> | \[[^\[\]]*\] | \.{3} | …
      | redacted | masked | hidden | removed | empty | unset | your[-_ ][\w -]* | replace[-_ ]?me
    )? \s*
    """
)
_WORD = re.compile(
    r"(?i)\s*(?:true|false|yes|no|on|off|none|null|nil|auto|default|enabled?|disabled?|required|optional|bearer|basic)?\s*"
)
_NUMBER = re.compile(
    r"\s*[-+]?[0-9]{1,15}(?:\.[0-9]{1,9})?(?:e[-+]?[0-9]{1,3})?\s*(?:[kMGT]i?|[hms]|ms|%)?\s*"
)
_PATH = re.compile(r"(?:~|\.{1,2})?(?:/[\w.@-]{1,64}){1,32}/?")
_FILE = re.compile(
    r"""(?x)
    (?:[\w@-][\w.@-]{0,63}/){0,16} [\w.@-]{1,64}
    \.(?:pem|key|crt|cer|der|p12|pfx|jks|pub|json|ya?ml|toml|ini|conf|cfg|env|txt|kubeconfig)
    """
)
_URL = re.compile(r"[a-z][a-z0-9+.-]{1,20}://[^\s@]*")
_PLAIN_WORD = r"""(?:
    [a-z]{1,16} (?:[A-Z][a-z]{1,16}){0,5} | (?:[A-Z][a-z]{1,16}){1,6} | [A-Z]{1,8}
  | [0-9]{1,5}[A-Za-z]{0,2} | [A-Za-z]{1,2}[0-9]{1,3} | post[0-9] | 0x[0-9a-f]{1,8}
)"""
_PLAIN_WORDS = re.compile(
    rf"(?x) {_PLAIN_WORD} (?:[-_.:/,\ ]{{1,2}} {_PLAIN_WORD}){{0,11}}"
)
_PAIR = re.compile(r"(?![0-9]+:)[\w.@+-]{1,64}:[^\s/:][^\s:]{0,255}")
_OBJECT_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,250}[a-z0-9])?")
_SPECIAL_TOKEN = re.compile(
    r"<[^<>\s]{1,40}>|<\|[^<>]{1,40}\|>|\[[A-Z_/ ]{1,40}\]|<｜[^<>]{1,40}｜>"
)

_PATH_TEXT = re.compile(r"[\w./+-]*", re.ASCII)


def is_path_text(text: str) -> bool:
    """Whether a text has none of the characters that assign a value, separate words, or belong to a host or a query."""
    return _PATH_TEXT.fullmatch(text) is not None


def is_plain(text: str) -> bool:
    """Whether a text consists of plain words and numbers: `v1/chat/completions`, `Apache-2.0`."""
    return _PLAIN_WORDS.fullmatch(text) is not None


def is_placeholder(text: str) -> bool:
    """Whether a text only stands for a value: `${TOKEN}`, `<password>`, `***`."""
    return _PLACEHOLDER.fullmatch(text) is not None


def is_harmless(name: str, value: str) -> bool:
    """Whether a value is no credential although its name is that of one."""
    if (
        is_placeholder(value)
        or _WORD.fullmatch(value)
        or _SPECIAL_TOKEN.fullmatch(value.strip())
    ):
        return True
    if _NUMBER.fullmatch(value):
        return True
    if _is_path(value) or _URL.fullmatch(value):
        return True
    if is_login(name):
        return _PAIR.fullmatch(value) is None
    if is_vague(name) and is_plain(value):
        return True
    return names_an_object(name) and _OBJECT_NAME.fullmatch(value) is not None


def is_shown(name: str, value: str) -> bool:
    """Whether a value may be shown under this name. A number is hidden under the name of a password."""
    if not is_harmless(name, value):
        return False
    return not (hides_numbers(name) and _NUMBER.fullmatch(value) and value.strip())


def _is_path(value: str) -> bool:
    """Whether a value is a path, or the name of a file by its ending."""
    return _PATH.fullmatch(value) is not None or _FILE.fullmatch(value) is not None
