"""Connect to a service: by an address, or by a port-forward to one of its pods. Finds its API key."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from client.body import BadInputError
from client.http import Link, UnreachableError, base, get, linked
from cluster.api.errors import ClusterError
from cluster.api.reader import Cluster, connected
from cluster.pods import is_ready
from cluster.simulated_nodes import simulated_node_of
from cluster.snapshot import Object
from models.service.resolved import ResolvedService
from models.stack_file.texts import named_bytes
from models.words import duration

_MOST_BYTES = 100_000
"""Of a file with an API key."""

VARIABLE = "VLLM_API_KEY"
"""The environment variable with the API key. The server itself reads it too."""

_SECONDS_BETWEEN_CHECKS = 2.0


@dataclass(frozen=True)
class ConnectOptions:
    """How to connect to a service."""

    url: str = ""
    """Address of the service. Empty: use a port-forward."""
    key_file: Path | None = None
    """File with the API key. Default: `VLLM_API_KEY`, else the Secret that the stack names."""
    timeout: float = 300
    """Longest wait for the next byte of an answer, in seconds."""
    wait: float = 0
    """Longest wait until the service is ready, in seconds."""
    say: Callable[[str], None] = lambda _: None
    """Called with a message at the beginning of a wait."""


@asynccontextmanager
async def reached(
    service: ResolvedService, options: ConnectOptions
) -> AsyncIterator[Link]:
    """Connect to a service. The connection is closed at the end.

    Raises:
        BadInputError: The file with the API key cannot be read.
        ClusterError: The cluster cannot be read, or the Secret does not exist.
        UnreachableError: No pod is ready in time.
    """
    secret_key = service.server.api_key
    key = None
    if secret_key:
        key = given_key(options)
        if key:
            secret_key = None  # There is no need to read the Secret.
    url = options.url
    simulated_node = ""
    async with AsyncExitStack() as opened:
        if secret_key or not url:
            connection = connected(
                service.cluster.context, service.cluster.namespace.name
            )
            cluster = await opened.enter_async_context(connection)
            if secret_key:
                key = _header_value(
                    await cluster.secret(secret_key.secret, secret_key.key)
                )
            if not url:
                pod = await _ready_pod(cluster, service, options)
                simulated_node = await _simulated_node(cluster, pod)
                port_forward = _forwarded(cluster, pod, service)
                url = await opened.enter_async_context(port_forward)
        connection_to_server = linked(
            url,
            key,
            timeout=options.timeout,
            # The certificate is valid for the name of the Service, not for a port-forward.
            verify=bool(options.url),
        )
        link = await opened.enter_async_context(connection_to_server)
        try:
            if options.wait:
                limits = options
                if simulated_node:
                    # Waiting does not help. But kwok can lead the port to a server of this machine.
                    limits = replace(options, wait=0)
                await _healthy(link, service, limits)
            yield link
        except UnreachableError:
            if simulated_node:
                raise _nothing_runs(service, simulated_node) from None
            raise


def given_key(options: ConnectOptions) -> str | None:
    """The API key from the file or the environment variable. None: neither is set.

    Raises:
        BadInputError: The file cannot be read or is empty.
    """
    if options.key_file is None:
        key = os.environ.get(VARIABLE)
        if not key:
            return None
        return _header_value(key)
    key = _read_key(options.key_file)
    if not key.strip():
        raise BadInputError(
            f"{options.key_file} is empty", "name a file with the API key"
        )
    return _header_value(key)


def _read_key(file: Path) -> str:
    try:
        return named_bytes(file, _MOST_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or "it is not a text file"
        raise BadInputError(
            f"{file} cannot be read: {reason}", "name a file with the API key"
        ) from None


def _header_value(key: str) -> str:
    """A key as the value of an HTTP header.

    Raises:
        BadInputError: The key has characters that a header does not allow.
    """
    value = key.strip()
    if not value.isascii() or not value.isprintable():
        message = "the API key has characters that an HTTP header does not allow"
        raise BadInputError(message, "use an API key of printable ASCII characters")
    return value


async def _ready_pod(
    cluster: Cluster, service: ResolvedService, options: ConnectOptions
) -> Object:
    """Wait for a ready pod."""
    wait = _Wait(options, f"a pod of {service.name} to be ready")
    while True:
        snapshot = await cluster.look(wide=False)
        for pod in snapshot.pods_of(service.name):
            if is_ready(pod):
                return pod
        if wait.is_over:
            raise _no_ready_pod(service, options)
        await wait.pause(_SECONDS_BETWEEN_CHECKS)


async def _simulated_node(cluster: Cluster, pod: Object) -> str:
    """The simulated node of a pod; empty if it is a real one, or if the user may not list nodes."""
    try:
        nodes = await cluster.nodes()
    except ClusterError:
        return ""
    return simulated_node_of(pod, nodes)


def _nothing_runs(service: ResolvedService, node: str) -> UnreachableError:
    return UnreachableError(
        f"nothing runs in the pod of {service.name}: its node {node} is simulated, so no server answers",
        "test the service on a real node, or name a server that runs with --url",
    )


def _no_ready_pod(
    service: ResolvedService, options: ConnectOptions
) -> UnreachableError:
    message = f"no pod of {service.name} is ready"
    if options.wait:
        message = f"{message} after {duration(options.wait)}"
    return UnreachableError(message, "find the cause: ascend-vllm status")


@asynccontextmanager
async def _forwarded(
    cluster: Cluster,
    pod: Object,
    service: ResolvedService,
) -> AsyncIterator[str]:
    """Open a port-forward to a pod. Its local address is the result."""
    from kr8s.asyncio.objects import Pod
    from kr8s.asyncio.portforward import PortForward

    target: Any = Pod(dict(pod), namespace=cluster.namespace, api=cluster.api)
    scheme = "https" if service.tls else "http"
    asyncio.get_running_loop().set_exception_handler(_ignore_broken_forwards)
    async with PortForward(target, service.server.port, local_port="auto") as port:
        yield f"{scheme}://127.0.0.1:{port}"


def _ignore_broken_forwards(
    loop: asyncio.AbstractEventLoop, context: dict[str, Any]
) -> None:
    """Print no traceback of kr8s for a broken connection. The request that used it reports the error."""
    if "client_connected_cb" not in str(context.get("message")):
        loop.default_exception_handler(context)


async def _healthy(
    link: Link, service: ResolvedService, options: ConnectOptions
) -> None:
    """Wait until the server reports that it is healthy."""
    wait = _Wait(options, f"{service.name} to answer")
    while True:
        problem = await _health_problem(link, service)
        if problem is None:
            return
        if wait.is_over:
            raise problem
        await wait.pause(min(_SECONDS_BETWEEN_CHECKS, options.wait / 10))


async def _health_problem(
    link: Link, service: ResolvedService
) -> UnreachableError | None:
    path = service.release.health_path
    try:
        status, _, _ = await get(link, path)
    except UnreachableError as problem:
        return problem
    if status == 200:
        return None
    return UnreachableError(
        f"{path} of {service.name} answers {status}",
        "find the cause: ascend-vllm status",
    )


class _Wait:
    """A wait with an end, which is announced once."""

    def __init__(self, options: ConnectOptions, event: str) -> None:
        self._message = f"waiting up to {duration(options.wait)} for {event}"
        self._say = options.say
        self._announced = False
        self._end = asyncio.get_running_loop().time() + options.wait

    @property
    def is_over(self) -> bool:
        """Whether the time is over."""
        return asyncio.get_running_loop().time() >= self._end

    async def pause(self, seconds: float) -> None:
        """Pause before the next check. The first pause announces the wait."""
        if not self._announced:
            self._say(self._message)
            self._announced = True
        await asyncio.sleep(seconds)


def address(service: ResolvedService, options: ConnectOptions) -> str:
    """The address for a command that others run: the configured one, else the one inside the cluster."""
    return base(options.url or service.endpoint)
