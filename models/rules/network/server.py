"""Rules on the HTTP server: the address that it listens on, and its certificate."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from models.engines.edits import extra_argument_key, extra_argument_mark
from models.finding import Finding, at, error, no_effect
from models.rules.pods.added_parts import added_spec
from models.rules.registry import rule
from models.service.resolved import ResolvedService
from models.stack_file.shell_text import SHELL_TEXT

_EVERY_ADDRESS = "0.0.0.0"  # noqa: S104  a pod has its own address
_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?")
_USUAL_CERTIFICATE = "/etc/tls/tls.crt"
_KEY = "ssl-keyfile"
_CERTIFICATE = "ssl-certfile"
_NEED_A_CERTIFICATE = ("ssl-ca-certs", "ssl-ciphers", "enable-ssl-refresh")


@rule("error", "no-effect")
def server_address(service: ResolvedService) -> Iterator[Finding]:
    """The server listens on an address of the pod that the node and other pods reach.

    The kubelet sends its probes to the address of the pod, and so does the Service. A server that listens on 127.0.0.1
    or on a socket file answers neither, so the pod never becomes ready. A pod gets its address when it starts: the
    server cannot listen on another one. The OpenAI server of vLLM 0.6.3 ignores `server.host` and listens on every
    address (vllm/entrypoints/openai/api_server.py:544). A service whose `podTemplate` adds containers is not judged:
    one of them can be a proxy.
    """
    if _may_have_proxy(service):
        return
    listens_on = service.release.listens_on(service)
    if listens_on == "uds":
        yield _listens_on_file(service)
        return
    host = service.server.host
    address = _ip_address(host)
    if (address and address.is_unspecified) or SHELL_TEXT.search(host):
        return
    if listens_on is None:
        yield _ignored(service)
    elif _is_loopback(host):
        yield _unreachable(
            f"the server listens on {host}, which only its own pod reaches"
        )
    elif not _is_host(host):
        yield _unreachable(f"server.host {host} is not an address")
    elif not _has_addresses_of_node(service):
        yield _unreachable(f"server.host {host} is not an address of the pod")


def _may_have_proxy(service: ResolvedService) -> bool:
    """Whether the patch adds a container that runs next to the server."""
    spec = added_spec(service)
    sidecars = [
        container
        for container in spec.parts("initContainers")
        if container.text("restartPolicy") == "Always"
    ]
    return bool(sidecars or spec.parts("containers"))


def _ip_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a text is; None for a name, and for a text that is neither."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    address = _ip_address(host)
    if address is None:
        return host.lower() == "localhost"
    return address.is_loopback


def _is_host(host: str) -> bool:
    """Whether a text can be an address or a name, which has no port and no path."""
    return _ip_address(host) is not None or _NAME.fullmatch(host) is not None


def _has_addresses_of_node(service: ResolvedService) -> bool:
    patch = service.pod_template
    return patch is not None and bool(patch.spec.get("hostNetwork"))


def _unreachable(message: str) -> Finding:
    return error(
        message,
        why="probes and the Service use the address that the pod gets, so the pod never becomes ready",
        fix=f"write server.host: {_EVERY_ADDRESS}",
        marks=[at("server.host")],
    )


def _listens_on_file(service: ResolvedService) -> Finding:
    key = extra_argument_key(service, "uds")
    return error(
        f"the server listens on the file {service.further('uds')}, which only its own pod reaches",
        why="probes and the Service use the address of the pod, so the pod never becomes ready",
        fix=f"remove {key}",
        marks=[extra_argument_mark(service, "uds")],
    )


def _ignored(service: ResolvedService) -> Finding:
    release = service.release
    place = release.code_places.listens
    return no_effect(
        f"server.host {service.server.host} has no effect: the server listens on every address",
        why=f"the OpenAI server of vLLM {release.version} ignores --host ({place}); network limits who reaches it",
        fix="remove server.host",
        marks=[at("server.host")],
    )


@rule("error", "no-effect")
def tls_certificate(service: ResolvedService) -> Iterator[Finding]:
    """A server with a private key has a certificate.

    The server exits after it has loaded the model, because `sslKeyfile` turns on TLS, and TLS needs `sslCertfile`
    (uvicorn, Config.load). Without a certificate, the other keys for TLS have no effect: the server accepts HTTP.
    """
    if service.further(_CERTIFICATE) is not None:
        return
    if service.further(_KEY) is not None:
        yield _key_alone(service)
        return
    for flag in _NEED_A_CERTIFICATE:
        if service.further(flag):
            key = extra_argument_key(service, flag)
            yield no_effect(
                f"{key} has no effect without a certificate: the server accepts HTTP",
                why="the server uses TLS only if it has sslCertfile (uvicorn, Config.is_ssl)",
                fix=f"remove {key}",
                marks=[extra_argument_mark(service, flag)],
            )


def _key_alone(service: ResolvedService) -> Finding:
    key = extra_argument_key(service, _KEY)
    part = key.rpartition(".")[0]
    return error(
        f"{key} has no certificate",
        why="the server exits after it has loaded the model: TLS needs sslCertfile (uvicorn, Config.load)",
        fix=f"write {part}.sslCertfile: {_USUAL_CERTIFICATE}, or remove {key}",
        marks=[extra_argument_mark(service, _KEY)],
    )
