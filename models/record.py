"""The base of every record of the stack file: closed, frozen records, and the scalar types."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel

_SECONDS = {"h": 3600, "m": 60, "s": 1}
_DURATION = r"^(?=.)([0-9]{1,9}h)?([0-9]{1,9}m)?([0-9]{1,9}s)?$"

_BINARY_UNITS = {
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
    "Pi": 2**50,
    "Ei": 2**60,
}
_DECIMAL_UNITS = {
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 10**3),
    "": Fraction(1),
    "k": Fraction(10**3),
    "M": Fraction(10**6),
    "G": Fraction(10**9),
    "T": Fraction(10**12),
    "P": Fraction(10**15),
    "E": Fraction(10**18),
}
QUANTITY = r"^[+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)((Ki|Mi|Gi|Ti|Pi|Ei)|[numkMGTPE]|[eE][+-]?[0-9]{1,3})?$"
"""A positive quantity of Kubernetes (k8s.io/apimachinery, pkg/api/resource/quantity.go)."""

_MOST_QUANTITIES = 1_000
"""Quantities that are remembered: the pods of most services have the same ones."""

_LARGEST_QUANTITY = 2**63 - 1
"""Kubernetes caps larger quantities."""

_MOST_CPUS = 10_000

OWN_DIRECTORY = "/opt/ascend-vllm"
"""Where the container sees what the program brings."""

_SYSTEM_PATHS = """
/ /bin /boot /dev /dev/shm /etc /home /lib /lib32 /lib64 /libx32 /opt /proc /root /run /sbin /sys /tmp /usr /usr/bin
/usr/lib /usr/lib64 /usr/local /usr/local/bin /usr/local/lib /usr/local/sbin /usr/sbin /usr/share /var /var/lib
"""

SYSTEM = frozenset(_SYSTEM_PATHS.split())
"""Directories of the container's system, which nothing may cover."""


class Record(BaseModel):
    """A record of the configuration language: camelCase keys, unknown keys refused, never changed once made.

    Python programs may also write the names of the fields: `EngineArgs(max_model_len=4096)`. Stack files may not.

    The text under each field is its description in the schema and in the reference (`models/descriptions.py`); nothing
    is described twice.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        strict=True,
        protected_namespaces=(),
        validate_by_name=True,
    )

    shorthand: ClassVar[str | None] = None
    """The key that a text in place of the mapping stands for: `source` in `model: /mnt/models/Qwen2-7B-Instruct`."""

    true_for_defaults: ClassVar[bool] = False
    """Whether `true` stands for a mapping without keys."""

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, value: Any) -> Any:
        if cls.shorthand is not None and isinstance(value, str):
            return {cls.shorthand: value}
        if cls.true_for_defaults and value is True:
            return {}
        return value


def seconds(text: Any) -> Any:
    """A duration as Kubernetes writes it (`1h30m`, `25m`, `100s`) in seconds; anything else is refused."""
    if not isinstance(text, str) or not re.fullmatch(_DURATION, text):
        raise ValueError("write a duration with its unit, such as 100s, 25m or 1h30m")
    return sum(
        int(number) * _SECONDS[unit]
        for number, unit in re.findall(r"(\d+)([hms])", text)
    )


def duration_text(seconds: int) -> str:
    """Seconds as a duration: `90s`."""
    return f"{seconds}s"


@lru_cache(maxsize=_MOST_QUANTITIES)
def parse_quantity(text: str) -> Fraction:
    """A quantity as Kubernetes writes it: `64Gi`, `1.5Ti`, `500m`, `1e3`, `0.5`.

    Raises:
        ValueError: The text is not a quantity.
    """
    match = re.fullmatch(QUANTITY, text, re.ASCII)
    if match is None or text.endswith("\n") or len(text) > 100:
        raise ValueError("write a quantity as Kubernetes does, such as 64Gi or 1.5Ti")
    number = Fraction(match[1])
    unit = match[3] or ""
    if unit in _BINARY_UNITS:
        amount = number * _BINARY_UNITS[unit]
    elif unit in _DECIMAL_UNITS:
        amount = number * _DECIMAL_UNITS[unit]
    else:
        amount = number * Fraction(10) ** int(unit[1:])
    return min(amount, Fraction(_LARGEST_QUANTITY))


def byte_count(value: Any) -> Any:
    """A quantity of memory in whole bytes, rounded up as Kubernetes does; any other value is refused."""
    return math.ceil(parse_quantity(_quantity_source(value)))


def cpu_amount(value: Any) -> Any:
    """A quantity of CPUs: a whole number, or a text in thousandths such as `500m`, rounded up as Kubernetes does."""
    thousandths = math.ceil(parse_quantity(_quantity_source(value)) * 1000)
    if thousandths == 0:
        raise ValueError("write more than 0 CPUs")
    if thousandths > _MOST_CPUS * 1000:
        raise ValueError(f"write at most {_MOST_CPUS} CPUs")
    if thousandths % 1000 == 0:
        return thousandths // 1000
    return f"{thousandths}m"


def quantity_text(count: int) -> str:
    """Bytes as a quantity, in the largest of Gi, Mi and Ki that divides them.

    Ti and larger units are not used: objects that exist already are written with Gi.
    """
    for unit in ("Gi", "Mi", "Ki"):
        size = _BINARY_UNITS[unit]
        if count and count % size == 0:
            return f"{count // size}{unit}"
    return str(count)


def _quantity_source(value: Any) -> str:
    """The text of a quantity. YAML reads `0.5` and `1e3` as numbers, which Kubernetes accepts too."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(value)
    raise ValueError("write a quantity as Kubernetes does, such as 64Gi or 1.5Ti")


PATTERN_WORDS: dict[str, str] = {}
"""Patterns of texts in words: the form that a text must have."""


def text_like(
    pattern: str, words: str, longest: int | None = None
) -> StringConstraints:
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


_BASH_VARIABLES = """
BASHOPTS BASHPID BASH_VERSINFO DIRSTACK EPOCHREALTIME EPOCHSECONDS EUID FUNCNAME GROUPS HISTCMD LINENO PIPESTATUS PPID
RANDOM SECONDS SHELLOPTS SRANDOM UID _
"""

BASH_VARIABLES = frozenset(_BASH_VARIABLES.split())
"""Variables that bash sets itself."""

_LABEL = "[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_DOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"

_NOT_PLAIN = r"^//|:|(^|/)\.\.(/|$)"

AbsolutePath = Annotated[
    str,
    text_like(r"^/[^\x00\r\n]*$", "must be an absolute path", 4095),  # PATH_MAX
    AfterValidator(plain_path),
    Field(json_schema_extra={"not": {"pattern": _NOT_PLAIN}}),
]
"""A path from the root, on the node or in the container."""


def below_the_system(path: str) -> str:
    """A directory that pods may write to: not one of the node's system."""
    if str(PurePosixPath(path)) in SYSTEM:
        raise ValueError("it is a directory of the node's system; name one below it")
    return path


_STEP = r"(/+\.)*/+"
_SYSTEM_DIRECTORIES = "|".join(
    sorted(path.lstrip("/").replace("/", _STEP) for path in SYSTEM)
)

WritableDirectory = Annotated[
    AbsolutePath,
    AfterValidator(below_the_system),
    Field(
        json_schema_extra={
            "not": {
                "pattern": rf"{_NOT_PLAIN}|^{_STEP}({_SYSTEM_DIRECTORIES})(/+\.)*/*$"
            }
        }
    ),
]
"""A directory of the node that pods write to. It is created when it is missing."""

LabelKey = Annotated[
    str,
    text_like(
        rf"^({_DOMAIN}/)?{_LABEL}$", "must be a label's name as Kubernetes takes it"
    ),
]
"""The name of a label."""

LabelValue = Annotated[
    str, text_like(rf"^({_LABEL})?$", "must be a label's value as Kubernetes takes it")
]
"""The value of a label."""

ResourceName = Annotated[
    str, text_like(rf"^{_DOMAIN}/{_LABEL}$", "must be a resource with its domain")
]
"""The name of an extended resource."""

OBJECT_NAME = rf"^{_DOMAIN}$"
"""The pattern of `ObjectName`."""

ObjectName = Annotated[
    str, text_like(OBJECT_NAME, "must consist of a-z, 0-9, - and .", 253)
]
"""The name of an object that exists in the cluster."""

NAMESPACE = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
"""The pattern of `NamespaceName`."""

NamespaceName = Annotated[
    str, text_like(NAMESPACE, "must consist of a-z, 0-9 and -", 63)
]
"""The name of a namespace."""

DnsLabel = Annotated[
    str,
    text_like(
        r"^[a-z]([-a-z0-9]*[a-z0-9])?$",
        "must consist of a-z, 0-9 and -, begin with a letter and not end in -",
        63,
    ),
]
"""A name that Kubernetes accepts for every object: RFC 1035, at most 63 characters."""


def free_variable(name: str) -> str:
    """A name that bash leaves to the user; its own variables cannot be set or change by themselves."""
    if name in BASH_VARIABLES:
        raise ValueError(
            f"{name} is a variable of bash's own; the server would not get its value"
        )
    return name


EnvironmentName = Annotated[
    str,
    text_like(
        r"^[A-Za-z_][A-Za-z0-9_]*$", "must be a variable's name: letters, digits and _"
    ),
    AfterValidator(free_variable),
]
"""A name that bash accepts for a variable."""

Text = Annotated[str, text_like(r"^[^\x00]*$", "must not hold a NUL character")]
"""Any text that an argument list can carry: everything but the NUL character."""

Line = Annotated[
    str, text_like(r"^[^\x00\r\n]+$", "must be one line of text that is not empty")
]
"""A single line of text that is not empty."""

WORD = r"^[^-\x00\r\n][^\x00\r\n]*$"
"""The pattern of `Word`."""

Word = Annotated[
    str, text_like(WORD, "must be one line of text that does not begin with -")
]
"""A single line of text that a command line does not take for a flag."""

FileName = Annotated[
    str, text_like(r"^[^-/\x00\r\n][^/\x00\r\n]*$", "must be a file's name, without /")
]
"""The name of a file in a directory that is given elsewhere."""


def plain_parts(path: str) -> str:
    """A path that leads nowhere but below the directory that it is for."""
    if {"", ".", ".."} & {*path.split("/")}:
        raise ValueError("write it without //, . and .., and without / at its ends")
    return path


Below = Annotated[
    str,
    text_like(r"^[^/\x00\r\n][^\x00\r\n]*$", "must be a path below a directory"),
    AfterValidator(plain_parts),
    Field(json_schema_extra={"not": {"pattern": r"(^|/)\.{0,2}(/|$)"}}),
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

SecretKeyName = Annotated[
    str,
    text_like(
        r"^\.?[-_A-Za-z0-9][-._A-Za-z0-9]*$", "must be letters, digits, -, _, .", 253
    ),
]
"""A key in a Secret."""

Duration = Annotated[
    int,
    BeforeValidator(seconds),
    WithJsonSchema(
        {"type": "string", "pattern": _DURATION, "examples": ["100s", "25m"]}
    ),
]
"""A duration in seconds, written with its unit."""

Cpu = Annotated[
    int | str,
    BeforeValidator(cpu_amount),
    WithJsonSchema(
        {
            "type": ["integer", "number", "string"],
            "pattern": QUANTITY,
            "exclusiveMinimum": 0,
            "maximum": _MOST_CPUS,
            "examples": [24, "500m"],
        }
    ),
]
"""A number of CPUs, written as Kubernetes writes quantities."""
