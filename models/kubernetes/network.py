"""Rules on probes' and hooks' requests, on DNS and on names of hosts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from models.finding import Path
from models.kubernetes import formats
from models.kubernetes.nodes import Node, Pod
from models.kubernetes.problem import Problem, missing, refused, remove, write

_MOST_SERVERS = 3
_MOST_DOMAINS = 32
_MOST_CHARACTERS = 2048
_LONGEST_HOST = 64
_UNDERSCORES_SINCE = 33
"""The first minor release that accepts _ and a single dot in search domains."""


def target_problems(node: Node, _pod: Pod) -> Iterator[Problem]:
    """A request goes to a port, by its number or its name."""
    port: Any = node.value.get("port", 0)
    path = node.at("port")
    if isinstance(port, str):
        words = formats.port_name(port)
    elif 1 <= port <= 65535:
        words = ""
    else:
        words = "must be 1 to 65535"
    if words:
        yield refused(path, port, words, source=3406, edits=write(path, 8080))


def alias_problems(node: Node, _pod: Pod) -> Iterator[Problem]:
    """Names in /etc/hosts are domains."""
    for index, name in enumerate(node.items("hostnames")):
        words = formats.dns_subdomain(name)
        if words:
            path = node.at("hostnames", index)
            edits = write(path, formats.nearest_label(name))
            yield refused(path, name, words, source=4261, edits=edits)


def resolver_problems(node: Node, pod: Pod) -> Iterator[Problem]:
    """The servers and the domains of the resolver."""
    servers, domains = node.items("nameservers"), node.items("searches")
    if len(servers) > _MOST_SERVERS:
        path = node.at("nameservers")
        words = f"must be at most {_MOST_SERVERS}"
        edits = write(path, list(servers[:_MOST_SERVERS]))
        yield refused(path, None, words, source=4080, edits=edits)
    for index, server in enumerate(servers):
        words = formats.address(server)
        if words:
            path = node.at("nameservers", index)
            edits = write(path, "10.0.0.10")
            yield refused(path, server, words, source=4083, edits=edits)
    if len(domains) > _MOST_DOMAINS or len(" ".join(domains)) > _MOST_CHARACTERS:
        path = node.at("searches")
        words = (
            f"must be at most {_MOST_DOMAINS} domains of {_MOST_CHARACTERS} characters"
        )
        yield refused(path, None, words, source=4087, edits=remove(path))
    for index, domain in enumerate(domains):
        yield from _search(node, index, domain, pod.minor)


def _search(node: Node, index: int, domain: str, minor: int) -> Iterator[Problem]:
    words = formats.dns_search(domain)
    if minor < _UNDERSCORES_SINCE:
        words = formats.dns_subdomain(domain.removesuffix("."))
    if words:
        path = node.at("searches", index)
        edits = write(path, formats.nearest_label(domain))
        yield refused(path, domain, words, source=4098, edits=edits)


def name_resolution_problems(pod: Pod) -> Iterator[Problem]:
    """The policy None needs servers, and a name of the host has its limits."""
    spec = pod.spec
    servers = spec.get("dnsConfig", {}).get("nameservers")
    if spec.get("dnsPolicy") == "None" and not servers:
        path: Path = ("spec", "dnsConfig", "nameservers")
        words = "is missing: dnsPolicy None needs a server"
        yield missing(path, ["10.0.0.10"], source=4073, words=words)
    name = spec.get("hostnameOverride")
    if name is None:
        return
    path = ("spec", "hostnameOverride")
    for key in ("setHostnameAsFQDN", "hostNetwork"):
        if spec.get(key):
            words = f"must not be set together with {key}"
            yield refused(
                path,
                name,
                words,
                source=3916,
                edits=remove(path),
                others=[("spec", key)],
            )
    if len(name) > _LONGEST_HOST:
        words = f"must be at most {_LONGEST_HOST} characters"
        edits = write(path, name[:_LONGEST_HOST].rstrip("-."))
        yield refused(path, None, words, source=3923, edits=edits)
