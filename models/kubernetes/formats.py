"""Forms of names, paths and quantities in Kubernetes. Each function returns the error in words, or an empty text.

Sources: k8s.io/apimachinery v0.34.1, pkg/util/validation; k8s.io/kubernetes v1.34.1, pkg/apis/core/validation.
"""

from __future__ import annotations

import re
from datetime import datetime
from fractions import Fraction
from ipaddress import ip_address

from models.record import parse_quantity

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_DNS_SUBDOMAIN = re.compile(
    r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
)
_DNS_SEARCH = re.compile(
    r"[a-z0-9_]([-_a-z0-9]*[a-z0-9_])?(\.[a-z0-9_]([-_a-z0-9]*[a-z0-9_])?)*"
)
_NAME_PART = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_VARIABLE = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
_DATA_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_HEADER = re.compile(r"[-A-Za-z0-9]+")
_PORT_NAME = re.compile(r"[-a-z0-9]+")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[-+]\d\d:\d\d)", re.ASCII)
_SIZE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([kKMGTPE]?)")


def dns_label(text: str) -> str:
    """A name of RFC 1123: at most 63 of a-z, 0-9 and -."""
    if len(text) > 63 or not _DNS_LABEL.fullmatch(text):
        return "must be at most 63 of a-z, 0-9 and -, and begin and end with a letter or digit"
    return ""


def dns_subdomain(text: str) -> str:
    """A domain of RFC 1123: at most 253 characters, labels joined by dots."""
    if len(text) > 253 or not _DNS_SUBDOMAIN.fullmatch(text):
        return "must be at most 253 of a-z, 0-9, - and ., and begin and end with a letter or digit"
    return ""


def dns_search(text: str) -> str:
    """A search domain; it may also have _, end with a dot, or be a dot."""
    domain = text.removesuffix(".")
    if text == "." or (len(domain) <= 253 and _DNS_SEARCH.fullmatch(domain)):
        return ""
    return "must be a domain: a-z, 0-9, -, _ and ."


def qualified_name(text: str) -> str:
    """The key of a label, a taint or a resource: a name of at most 63 characters, after a domain and / if needed."""
    prefix, slash, name = text.rpartition("/")
    if slash and dns_subdomain(prefix):
        return "must have a domain before its /"
    if len(name) > 63 or not _NAME_PART.fullmatch(name):
        return "must be at most 63 of A-Z, a-z, 0-9, -, _ and ., and begin and end with a letter or digit"
    return ""


def signer(text: str) -> str:
    """The name of a signer of certificates: a domain with a dot, and a path."""
    domain, slash, name = text.partition("/")
    parts = [*domain.split("."), *name.split(".")]
    if not slash or "." not in domain or any(dns_label(part) for part in parts):
        return "must be a domain and a name, such as example.com/signer"
    return ""


def label_value(text: str) -> str:
    """The value of a label; it may be empty."""
    if text and (len(text) > 63 or not _NAME_PART.fullmatch(text)):
        return "must be at most 63 of A-Z, a-z, 0-9, -, _ and ., and begin and end with a letter or digit"
    return ""


def variable(text: str) -> str:
    """The name of an environment variable: printable ASCII characters without = (Kubernetes 1.32 and later)."""
    if not text.isascii() or not text.isprintable() or "=" in text:
        return "must be printable ASCII characters without ="
    return ""


def strict_variable(text: str) -> str:
    """The name of an environment variable before Kubernetes 1.32."""
    if not _VARIABLE.fullmatch(text) or text == "." or text.startswith(".."):
        return "must be letters, digits, -, _ and ., and not begin with a digit"
    return ""


def data_key(text: str) -> str:
    """A key of a ConfigMap or a Secret."""
    if len(text) > 253 or not _DATA_KEY.fullmatch(text):
        return "must be at most 253 letters, digits, -, _ and ."
    if text == "." or text.startswith(".."):
        return "must not be . and not begin with .."
    return ""


def port_name(text: str) -> str:
    """The name of a port."""
    is_formed = len(text) <= 15 and _PORT_NAME.fullmatch(text)
    has_letter = any(letter.isalpha() for letter in text)
    if not is_formed or not has_letter:
        return "must be at most 15 of a-z, 0-9 and -, with a letter"
    if "--" in text or text.startswith("-") or text.endswith("-"):
        return "must not begin or end with -, and not have --"
    return ""


def header_name(text: str) -> str:
    """The name of a header of HTTP."""
    if not _HEADER.fullmatch(text):
        return "must be letters, digits and -"
    return ""


def address(text: str) -> str:
    """An IP address. Leading zeros in an IPv4 address are accepted, as Kubernetes does."""
    octets = text.split(".")
    if len(octets) == 4:
        text = ".".join(octet.lstrip("0") or octet[-1:] for octet in octets)
    try:
        parsed = ip_address(text)
    except ValueError:
        return "must be an IP address"
    if getattr(parsed, "scope_id", None):
        return "must be an IP address without a zone"
    return ""


def relative_path(text: str) -> str:
    """A path below a directory: not absolute, without a part `..`."""
    if text.startswith("/"):
        return "must be a relative path"
    return path_without_steps_up(text)


def path_without_steps_up(text: str) -> str:
    """A path without a part `..`."""
    if ".." in text.split("/"):
        return "must not contain .."
    return ""


def file_below(text: str) -> str:
    """The path of a file in a volume: a relative path that does not begin with `..`."""
    words = relative_path(text)
    if words:
        return words
    if text.startswith(".."):
        return "must not begin with .."
    return ""


def absolute_path(text: str) -> str:
    """An absolute path."""
    if not text.startswith("/"):
        return "must be an absolute path"
    return ""


def quantity(value: str | int | float) -> Fraction | None:
    """The amount of a quantity, or None if it is not one. It may be negative."""
    text = value.strip() if isinstance(value, str) else repr(value)
    sign = -1 if text.startswith("-") else 1
    if sign < 0:
        text = text[1:]
        if text.startswith("+"):
            return None
    try:
        return sign * parse_quantity(text)
    except ValueError:
        return None


def is_time(text: str) -> bool:
    """Whether a text is a time of RFC 3339 with its zone."""
    try:
        return bool(_TIME.fullmatch(text) and datetime.fromisoformat(text))
    except ValueError:
        return False


def nearest_quantity(text: str) -> str:
    """The quantity that a text probably means: 64Mi for `64MB`. It is `1` if the text has no number."""
    match = _SIZE.match(text)
    if not match:
        return "1"
    number, unit = match[1], match[2].upper()
    if unit:
        return f"{number}{unit}i"
    return number


def nearest_label(text: str) -> str:
    """The name of RFC 1123 that a text probably means."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return name[:63].rstrip("-") or "name"
