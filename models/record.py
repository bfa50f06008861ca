"""What every part of the configuration language is made of: closed, frozen records and its scalar types."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints, WithJsonSchema
from pydantic.alias_generators import to_camel

_SECONDS = {"h": 3600, "m": 60, "s": 1}
_BYTES = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "": 1}
_DURATION = r"^(?=.)([0-9]+h)?([0-9]+m)?([0-9]+s)?$"
_QUANTITY = r"^[0-9]+(Ki|Mi|Gi|Ti|k|M|G|T)?$"


OWN_DIRECTORY = "/opt/ascend-vllm"
"""Where the container sees what the program brings."""

SYSTEM = frozenset(
    f"/{path}"
    for path in (
        *("", "bin", "boot", "dev", "dev/shm", "etc", "home", "lib", "lib32", "lib64", "libx32", "opt", "proc"),
        *("root", "run", "sbin", "sys", "tmp", "usr", "usr/bin", "usr/lib", "usr/lib64", "usr/local", "usr/local/bin"),
        *("usr/local/lib", "usr/local/sbin", "usr/sbin", "usr/share", "var", "var/lib"),
    )
)
"""Directories of the container's system, which nothing may cover."""


class Record(BaseModel):
    """A record of the configuration language: camelCase keys, unknown keys refused, never changed once made.

    The text under each field is its description in the schema and in the reference; nothing is described twice.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        strict=True,
        protected_namespaces=(),
        use_attribute_docstrings=True,
    )


def seconds(text: Any) -> Any:
    """A duration as Kubernetes writes it (`1h30m`, `25m`, `100s`) in seconds; anything else is refused."""
    if not isinstance(text, str) or not re.fullmatch(_DURATION, text):
        raise ValueError("write a duration with its unit, such as 100s, 25m or 1h30m")
    return sum(int(number) * _SECONDS[unit] for number, unit in re.findall(r"(\d+)([hms])", text))


def byte_count(text: Any) -> Any:
    """A quantity of memory as Kubernetes writes it (`64Gi`) in bytes; anything else is refused."""
    match = re.fullmatch(_QUANTITY, text) if isinstance(text, str) else None
    if not match:
        raise ValueError("write a quantity with its unit, such as 64Gi")
    unit = match[1] or ""
    return int(match[0].removesuffix(unit)) * _BYTES[unit]


PATTERN_WORDS: dict[str, str] = {}
"""What a text has to be, in words, by its pattern."""


def text_like(pattern: str, words: str, longest: int | None = None) -> StringConstraints:
    """Constrain a text to a pattern that errors put into words.

    Args:
        pattern: The regular expression.
        words: What the text has to be: "must be an absolute path".
        longest: Most characters.
    """
    PATTERN_WORDS[pattern] = words
    return StringConstraints(pattern=pattern, max_length=longest)


def plain_path(path: str) -> str:
    """A path that Kubernetes mounts: without `:` and without a part `..`."""
    if path.startswith("//") or ":" in path or ".." in path.split("/"):
        raise ValueError("Kubernetes mounts no path with //, : or a part ..")
    return path


_BASH_VARIABLES = frozenset(
    (
        *("BASHOPTS", "BASHPID", "BASH_VERSINFO", "DIRSTACK", "EPOCHREALTIME", "EPOCHSECONDS", "EUID", "FUNCNAME"),
        *("GROUPS", "HISTCMD", "LINENO", "PIPESTATUS", "PPID", "RANDOM", "SECONDS", "SHELLOPTS", "SRANDOM", "UID", "_"),
    )
)

_LABEL = "[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_DOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"

AbsolutePath = Annotated[str, text_like(r"^/[^\x00\r\n]*$", "must be an absolute path"), AfterValidator(plain_path)]
"""A path from the root, on the node or in the container."""

LabelKey = Annotated[str, text_like(rf"^({_DOMAIN}/)?{_LABEL}$", "must be a label's name as Kubernetes takes it")]
"""The name of a label."""

LabelValue = Annotated[str, text_like(rf"^({_LABEL})?$", "must be a label's value as Kubernetes takes it")]
"""The value of a label."""

ResourceName = Annotated[str, text_like(rf"^{_DOMAIN}/{_LABEL}$", "must be a resource with its domain")]
"""The name of an extended resource."""

OBJECT_NAME = rf"^{_DOMAIN}$"
"""The pattern of `ObjectName`."""

ObjectName = Annotated[str, text_like(OBJECT_NAME, "must consist of a-z, 0-9, - and .", 253)]
"""The name of an object that exists in the cluster."""

NAMESPACE = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
"""The pattern of `NamespaceName`."""

NamespaceName = Annotated[str, text_like(NAMESPACE, "must consist of a-z, 0-9 and -", 63)]
"""The name of a namespace."""

DnsLabel = Annotated[
    str,
    text_like(
        r"^[a-z]([-a-z0-9]*[a-z0-9])?$", "must consist of a-z, 0-9 and -, begin with a letter and not end in -", 63
    ),
]
"""A name that Kubernetes accepts for every object: RFC 1035, at most 63 characters."""


def free_variable(name: str) -> str:
    """A name that bash leaves to the user; its own variables cannot be set or change by themselves."""
    if name in _BASH_VARIABLES:
        raise ValueError(f"{name} is a variable of bash's own; the server would not get its value")
    return name


EnvironmentName = Annotated[
    str,
    text_like(r"^[A-Za-z_][A-Za-z0-9_]*$", "must be a variable's name: letters, digits and _"),
    AfterValidator(free_variable),
]
"""A name that bash accepts for a variable."""

Text = Annotated[str, text_like(r"^[^\x00]*$", "must not hold a NUL character")]
"""Any text that an argument list can carry: everything but the NUL character."""

Line = Annotated[str, text_like(r"^[^\x00\r\n]+$", "must be one line of text that is not empty")]
"""A single line of text that is not empty."""

WORD = r"^[^-\x00\r\n][^\x00\r\n]*$"
"""The pattern of `Word`."""

Word = Annotated[str, text_like(WORD, "must be one line of text that does not begin with -")]
"""A single line of text that a command line does not take for a flag."""

FileName = Annotated[str, text_like(r"^[^-/\x00\r\n][^/\x00\r\n]*$", "must be a file's name, without /")]
"""The name of a file in a directory that is given elsewhere."""


def plain_parts(path: str) -> str:
    """A path that leads nowhere but below the directory that it is for."""
    if {"", ".", ".."} & {*path.split("/")}:
        raise ValueError("write it without //, . and .., and without / at its ends")
    return path


Below = Annotated[
    str, text_like(r"^[^/\x00\r\n][^\x00\r\n]*$", "must be a path below a directory"), AfterValidator(plain_parts)
]
"""The path of a file or a directory below one that is given elsewhere."""

_PART = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
_HOST = r"[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?(:[0-9]+)?"
ImageName = Annotated[
    str,
    text_like(
        rf"^({_HOST}/)?{_PART}(/{_PART})*(:[A-Za-z0-9_][-A-Za-z0-9_.]{{0,127}})?(@sha256:[0-9a-f]{{64}})?$",
        "must be an image's name as container runtimes take it: registry/name:tag",
    ),
]
"""Where an image is pulled from."""

SecretKeyName = Annotated[str, text_like(r"^\.?[-_A-Za-z0-9][-._A-Za-z0-9]*$", "must be letters, digits, -, _, .", 253)]
"""A key in a Secret."""

Duration = Annotated[
    int,
    BeforeValidator(seconds),
    WithJsonSchema({"type": "string", "pattern": _DURATION, "examples": ["100s", "25m"]}),
]
"""A duration in seconds, written with its unit."""

Quantity = Annotated[
    int,
    BeforeValidator(byte_count),
    WithJsonSchema({"type": "string", "pattern": _QUANTITY, "examples": ["64Gi"]}),
]
"""An amount of memory in bytes, written with its unit."""
