"""What the pods of a service have to connect to."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from models.engines.ascend_vllm.features import MindSpeedInstallation
from models.service.resolved import ResolvedService
from models.stack_file.source import BucketSource

_PORTS = {"https": 443, "http": 80, "ssh": 22, "git": 9418, "grpc": 4317}


def needs(service: ResolvedService) -> Iterator[tuple[str, tuple[int, ...]]]:
    """What a service connects to by itself, in words, with the TCP ports; its address may change at any time.

    The ports of proxies under `env` are among them: one of all is enough, as `no_proxy` may name what is needed.
    """
    given = (value for name, value in service.env.items() if name.lower() in ("http_proxy", "https_proxy"))
    proxies = [port_of(value if "://" in value else f"http://{value}") for value in given]
    source = service.model.source
    if isinstance(source, BucketSource):
        yield "model.source.endpoint", (port_of(source.endpoint), *proxies)
    if isinstance(service.mind_speed, MindSpeedInstallation):
        yield "mindSpeed.repository", (port_of(service.mind_speed.repository), *proxies)
    if service.multimodal:
        yield "the addresses of pictures in requests", (80, 443, *proxies)
    if traces := service.further("otlp-traces-endpoint"):
        yield "otlpTracesEndpoint", (port_of(str(traces)), *proxies)


def port_of(url: str) -> int:
    """The port of an address; 22 of one as `git@host:path`."""
    try:
        parts = urlsplit(url if "://" in url else f"ssh://{url.partition(':')[0]}")
        return parts.port or _PORTS.get(parts.scheme, 443)
    except ValueError:
        return _PORTS.get(url.partition(":")[0], 443)


NETWORK_VARIABLES = frozenset(
    {
        *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR"),
    }
)
"""Variables under `env` that hold for what is fetched before the server starts too."""
