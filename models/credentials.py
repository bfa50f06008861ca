"""What is a credential by its name or by itself: it stands in no file, and is shown nowhere."""

from __future__ import annotations

import re

HIDDEN = "***"
"""In the place of a value that is not shown."""

_NAME = re.compile(
    r"""(?x)
    (?:.*_)? (?:TOKEN|PASSWORD|PASSWD|PASSPHRASE|SECRET|APIKEY|(?:SECRET|API|ACCESS|PRIVATE|SECRET_ACCESS)_KEY)
    | (?:.*_)? SK | .*_PWD                       # Huawei's AK and SK; PWD alone is the shell's
    """
)
_HARMLESS = re.compile(r"(?i)\s*(?:true|false|none|null|\d{1,3}|\$\{[^}]*\})?\s*")
_PASSWORD = re.compile(r"://[^\s/:@]*:[^\s/@]+@|^[\w.+-]+:[^\s/@]+@(?!sha[0-9]+:)[\w.-]+(?::[0-9]+|/\S)")
_SHAPES = re.compile(
    r"""(?x)
    (?<![\w/.-])(hf|ghp|gho)_[A-Za-z0-9]{20,}
    | (?<![\w/.-])(sk|glpat|xox[abp])-(?=[\w-]*[0-9])[\w-]{16,}
    | \bAKIA[0-9A-Z]{16}\b
    | \beyJ[\w-]{10,}\.[\w-]{10,}                # a JSON web token
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY
    """
)
_PAIR = re.compile(r"""(?:^|[\s{,"'])([\w.:-]+)["']?\s*:\s+(?=(\S.*))""")
_OWN_KEYS = ("cluster", "base", "services")
_REFERENCE = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


def is_credential(name: str, value: str) -> bool:
    """Whether a variable holds a credential, by its name or since its value looks like one; `true` and `1` are none."""
    plain = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).replace("-", "_").upper()
    named = plain != "SECRET" and _NAME.fullmatch(plain) and not _HARMLESS.fullmatch(value)
    return bool(named or _SHAPES.search(value))


def has_password(value: str) -> bool:
    """Whether a text holds an address with a password before its host."""
    return _PASSWORD.search(value) is not None


def is_hidden(path: tuple[str, ...], value: str) -> bool:
    """Whether the value at a path of a file is never shown.

    Also what stands beside the stack's own keys, which may be meant as a secret, what stands in a reference to a
    Secret: `{secret: …}` is where people put the value itself, and the value of a variable whose name stands beside it.
    """
    *_, above, name = ["", "", *(key for key in path if not key.isdigit())]
    beside = len(path) > 1 and path[0] == "config" and path[1].rpartition(":")[2] not in _OWN_KEYS
    of_pod = name == "value" and above == "env"
    refers = name == "secret" or is_credential(above, value) or of_pod or "pullSecrets" in path
    named = name in ("config", "pullSecrets") and _REFERENCE.fullmatch(value)
    of_variable = name == "value" and above == "env"
    return beside or of_variable or (refers and not named) or is_credential(name, value) or has_password(value)


def masked_line(line: str) -> str:
    """A line of a file that is no YAML, without what it may hold of a credential; as long as before."""
    for found in _PAIR.finditer(line):
        name, value = found[1], found[2]
        if is_credential(name, value) or (":" in name and name.rpartition(":")[2] not in _OWN_KEYS):
            return line[: found.start(2)] + stars(value)
    return stars(line) if has_password(line) or _SHAPES.search(line) else line


def stars(text: str) -> str:
    """A text of the same length that says nothing; spaces stay."""
    return re.sub(r"\S", "*", text)
