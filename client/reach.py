"""Find the way to a service: an address that the user gives, or a port-forward to one of its pods; and its API key."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client.body import BadInputError
from client.http import Link, UnreachableError, base, get, linked
from cluster.pods import is_ready
from cluster.reader import Cluster, connected
from cluster.snapshot import Object
from models.service.resolved import ResolvedService
from models.words import duration

VARIABLE = "VLLM_API_KEY"
"""Environment variable that the key may be given by, as the server itself has it."""

_PAUSE = 2.0


@dataclass(frozen=True)
class Way:
    """How a user wants a service to be reached."""

    url: str = ""
    """Address of the service; empty for a port-forward."""
    key_file: Path | None = None
    """File with the API key; when left out, `VLLM_API_KEY`, else the Secret that the stack names."""
    timeout: float = 300
    """Longest wait for the next byte of an answer, in seconds."""
    wait: float = 0
    """Longest wait until the service is ready, in seconds."""
    say: Callable[[str], None] = lambda _: None
    """Told what is waited for."""


@asynccontextmanager
async def reached(service: ResolvedService, way: Way) -> AsyncIterator[Link]:
    """A link to a service that answers, closed at the end.

    Raises:
        BadInputError: The file with the key cannot be read.
        ClusterError: The cluster cannot be read, or does not have the Secret.
        UnreachableError: No pod is ready in time.
    """
    key = given_key(way) if service.server.api_key else None
    async with AsyncExitStack() as opened:
        cluster = None
        if not way.url or (service.server.api_key and key is None):
            where = service.cluster
            cluster = await opened.enter_async_context(connected(where.context, where.namespace.name))
        if cluster and service.server.api_key and key is None:
            key = _usable(await cluster.secret(service.server.api_key.secret, service.server.api_key.key))
        if cluster and not way.url:
            pod = await _ready_pod(cluster, service, way)
            url = await opened.enter_async_context(_forwarded(cluster, pod, service))
        else:
            url = way.url
        # A certificate is made for the Service's name; the port-forward ends in the very pod.
        link = await opened.enter_async_context(linked(url, key, timeout=way.timeout, verify=bool(way.url)))
        if way.wait:
            await _healthy(link, service, way)
        yield link


def given_key(way: Way) -> str | None:
    """The API key that a file or the environment gives.

    Raises:
        BadInputError: The file cannot be read or is empty.
    """
    if way.key_file is None:
        return _usable(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None
    try:
        key = way.key_file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        said = getattr(problem, "strerror", None) or "no text"
        raise BadInputError(f"{way.key_file} cannot be read: {said}", "name a file with the key") from None
    if not key.strip():
        raise BadInputError(f"{way.key_file} is empty", "name a file with the key")
    return _usable(key)


def _usable(key: str) -> str:
    """A key as a header carries it.

    Raises:
        BadInputError: No header can carry it.
    """
    plain = key.strip()
    if not (plain.isascii() and plain.isprintable()):
        raise BadInputError("the API key has characters that no header carries", "make a key of printable ASCII")
    return plain


async def _ready_pod(cluster: Cluster, service: ResolvedService, way: Way) -> Object:
    """A pod that takes requests."""
    loop = asyncio.get_running_loop()
    until, told = loop.time() + way.wait, False
    while True:
        pods = (await cluster.look(wide=False)).pods_of(service.name)
        if ready := next((pod for pod in pods if is_ready(pod)), None):
            return ready
        if loop.time() >= until:
            raise UnreachableError(
                f"no pod of {service.name} is ready" + (f" after {duration(way.wait)}" if way.wait else ""),
                "see why: ascend-vllm status",
            )
        if not told:
            way.say(f"waiting up to {duration(way.wait)} for a pod of {service.name} to be ready")
            told = True
        await asyncio.sleep(_PAUSE)


@asynccontextmanager
async def _forwarded(cluster: Cluster, pod: Object, service: ResolvedService) -> AsyncIterator[str]:
    """The local address of a port-forward to a pod, as long as it is needed."""
    from kr8s.asyncio.objects import Pod
    from kr8s.asyncio.portforward import PortForward

    target: Any = Pod(dict(pod), namespace=cluster.namespace, api=cluster.api)
    asyncio.get_running_loop().set_exception_handler(_without_broken_forwards)
    async with PortForward(target, service.server.port, local_port="auto") as port:
        yield f"{'https' if service.tls else 'http'}://127.0.0.1:{port}"


def _without_broken_forwards(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A connection that breaks is told by the request that it carried; kr8s would print a traceback besides."""
    if "client_connected_cb" not in str(context.get("message")):
        loop.default_exception_handler(context)


async def _healthy(link: Link, service: ResolvedService, way: Way) -> None:
    """Wait until the server says that it is healthy."""
    path = service.release.health_path
    loop = asyncio.get_running_loop()
    until, told = loop.time() + way.wait, False
    while True:
        try:
            status, _, _ = await get(link, path)
            if status == 200:
                return
            problem = UnreachableError(f"{path} of {service.name} answers {status}", "see why: ascend-vllm status")
        except UnreachableError as silent:
            problem = silent
        if loop.time() >= until:
            raise problem
        if not told:
            way.say(f"waiting up to {duration(way.wait)} for {service.name} to answer")
            told = True
        await asyncio.sleep(min(_PAUSE, way.wait / 10))


def address(service: ResolvedService, way: Way) -> str:
    """The address that a command for others to run names: the one given, else the one inside the cluster."""
    return base(way.url or service.endpoint)
