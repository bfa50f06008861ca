"""The addresses outside the namespace that the pods of a service connect to."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from models.engines.features import MindSpeedInstallation
from models.service.resolved import ResolvedService
from models.stack_file.keys.source import BucketSource

_PORTS = {"https": 443, "http": 80, "ssh": 22, "git": 9418, "grpc": 4317}

_PROXY_VARIABLES = ("http_proxy", "https_proxy")

NETWORK_VARIABLES = frozenset(
    {
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
    }
)
"""Variables under `env` that the init containers receive too, because they download weights and packages."""


def needs(service: ResolvedService) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The connections that a service opens without a request: the key or the purpose, and the TCP ports.

    The addresses behind them may change at any time. The ports of the proxies under `env` are added to each
    connection: one open port is enough, because `no_proxy` decides whether the proxy is used.
    """
    proxy_ports = _proxy_ports(service)
    source = service.model.source
    if isinstance(source, BucketSource):
        yield "model.source.endpoint", (port_of(source.endpoint), *proxy_ports)
    if isinstance(service.mind_speed, MindSpeedInstallation):
        yield (
            "mindSpeed.repository",
            (port_of(service.mind_speed.repository), *proxy_ports),
        )
    if service.multimodal:
        yield "the addresses of pictures in requests", (80, 443, *proxy_ports)
    traces_endpoint = service.further("otlp-traces-endpoint")
    if traces_endpoint:
        yield "otlpTracesEndpoint", (port_of(str(traces_endpoint)), *proxy_ports)


def _proxy_ports(service: ResolvedService) -> list[int]:
    """The ports of the proxies under `env`; a proxy without a scheme is an HTTP proxy."""
    ports = []
    for name, value in service.env.items():
        if name.lower() not in _PROXY_VARIABLES:
            continue
        url = value if "://" in value else f"http://{value}"
        ports.append(port_of(url))
    return ports


def port_of(url: str) -> int:
    """The port of a URL; 22 for the short form of SSH, `git@host:path`."""
    before_colon = url.partition(":")[0]
    full_url = url if "://" in url else f"ssh://{before_colon}"
    try:
        parts = urlsplit(full_url)
        port = parts.port
    except ValueError:
        return _PORTS.get(before_colon, 443)
    return port or _PORTS.get(parts.scheme, 443)
