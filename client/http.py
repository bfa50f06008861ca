"""Send requests with HTTPX and read the answers: JSON, server-sent events, or NUL-separated JSON.

HTTPX is imported when it is first used, because most commands do not need it.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from client.answer import Answer, Piece, error_text, joined
from models.credentials import HIDDEN, masked
from models.engines.requests import Request

if TYPE_CHECKING:
    import ssl

    import httpx

_LOCAL_ADDRESSES = ("all://127.0.0.1", "all://localhost", "all://[::1]")
"""Addresses that are never reached through a proxy."""


class UnreachableError(Exception):
    """The server does not answer, with a message and a fix."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


@dataclass(frozen=True)
class Link:
    """A connection to a server."""

    client: httpx.AsyncClient
    url: str
    """The address of the server, without a path."""
    key: str | None = field(default=None, repr=False)
    """Its API key. It is neither shown nor logged."""

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a request."""
        if not self.key:
            return {}
        return {"Authorization": f"Bearer {self.key}"}

    def hidden(self, text: str) -> str:
        """A text without the API key and without other credentials."""
        if self.key:
            text = text.replace(self.key, HIDDEN)
        return masked(text)


@asynccontextmanager
async def linked(
    url: str,
    key: str | None,
    *,
    timeout: float,
    verify: bool = True,
) -> AsyncIterator[Link]:
    """Connect to a server. The connection is closed at the end.

    Args:
        url: The address of the server. A path `/v1` is removed.
        key: Its API key.
        timeout: Longest wait for the next byte of an answer, in seconds.
        verify: Whether to verify that the certificate of the server is valid for the address.
    """
    import httpx

    limits = httpx.Limits(
        max_connections=None,
        max_keepalive_connections=None,
        # vLLM closes connections that are idle for 5 seconds (vllm/entrypoints/api_server.py:29).
        keepalive_expiry=2,
    )
    client = httpx.AsyncClient(
        timeout=httpx.Timeout(timeout, connect=min(timeout, 10)),
        limits=limits,
        mounts=dict.fromkeys(_LOCAL_ADDRESSES),
        verify=_tls_context(verify),
    )
    async with client:
        yield Link(client, base(url), key)


@cache
def _tls_context(verify: bool) -> ssl.SSLContext:
    """The settings of all TLS connections. The certificate authorities are read once, because that takes long."""
    import httpx

    return httpx.create_ssl_context(verify=verify)


def base(url: str) -> str:
    """An address without `/v1`, which OpenAI's clients expect in it."""
    return url.rstrip("/").removesuffix("/v1")


async def send(
    link: Link,
    request: Request,
    see: Callable[[Piece], None] = lambda _: None,
) -> Answer:
    """Send a request and read its answer.

    Args:
        link: The connection.
        request: The request.
        see: Called with each document of the answer when it arrives.

    Raises:
        UnreachableError: The server does not answer.
    """
    repeated_prompt = ""
    if request.endpoint.server == "api_server":
        repeated_prompt = str(request.body.get("prompt", ""))
    return await post(
        link,
        path=request.endpoint.path,
        body=request.body,
        see=see,
        prompt=repeated_prompt,
    )


async def post(
    link: Link,
    path: str,
    body: Mapping[str, Any],
    see: Callable[[Piece], None] = lambda _: None,
    prompt: str = "",
) -> Answer:
    """Send a body to a path. An error status is an answer too.

    Args:
        link: The connection.
        path: The path of the server.
        body: The body of the request.
        see: Called with each document of the answer when it arrives.
        prompt: The prompt that the server repeats at the beginning of each text.

    Raises:
        UnreachableError: The server does not answer.
    """
    reader = _Reader(streams=bool(body.get("stream")))
    start = time.perf_counter()
    url = f"{link.url}{path}"
    with _http_errors(link):
        async with link.client.stream(
            "POST", url, json=body, headers=link.headers
        ) as response:
            if response.status_code != 200:
                content = await response.aread()
                seconds = time.perf_counter() - start
                return _error_answer(
                    link, response.status_code, content, seconds=seconds
                )
            async for document in reader.documents(response):
                piece = Piece(time.perf_counter() - start, document)
                reader.pieces.append(piece)
                see(piece)
    return Answer(
        status=200,
        seconds=time.perf_counter() - start,
        pieces=tuple(reader.pieces),
        prompt=prompt,
        error=link.hidden(reader.failure()),
        texts=joined(reader.pieces, prompt),
    )


def _error_answer(
    link: Link,
    status: int,
    content: bytes,
    seconds: float,
) -> Answer:
    text = content.decode(errors="replace")
    error = link.hidden(error_text(text)) or f"HTTP {status}"
    return Answer(status, seconds, error=error)


async def get(link: Link, path: str) -> tuple[int, str, float]:
    """The status, the text and the seconds of an answer.

    Raises:
        UnreachableError: The server does not answer.
    """
    start = time.perf_counter()
    with _http_errors(link):
        response = await link.client.get(f"{link.url}{path}", headers=link.headers)
    seconds = time.perf_counter() - start
    return response.status_code, response.text, seconds


@dataclass
class _Reader:
    """Reads the JSON documents of an answer when they arrive."""

    streams: bool
    pieces: list[Piece] = field(default_factory=list)
    done: bool = False
    """Whether the answer is complete. A stream of events ends with `[DONE]`, other answers with the connection."""

    async def documents(
        self, response: httpx.Response
    ) -> AsyncIterator[dict[str, Any]]:
        """The documents. They end if the connection breaks."""
        import httpx

        with suppress(httpx.RemoteProtocolError, httpx.ReadError):
            if self.streams:
                async for document in self._stream(response):
                    yield document
                return
            content = await response.aread()
            yield _parsed(content.decode(errors="replace"))
            self.done = True

    async def _stream(self, response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
        content_type = response.headers.get("content-type", "")
        are_events = content_type.startswith("text/event-stream")
        separator = "\n\n" if are_events else "\0"
        rest = ""
        async for text in response.aiter_text():
            rest += text.replace("\r\n", "\n")
            *complete, rest = rest.split(separator)
            for part in complete:
                self.done = part.strip() == "data: [DONE]"
                if not self.done:
                    yield _parsed(part.removeprefix("data:"))
        if not are_events and not rest:
            self.done = True

    def failure(self) -> str:
        """The error after status 200. Empty: there is none."""
        for piece in self.pieces:
            if "error" in piece.data:
                message = error_text(json.dumps(piece.data))
                if message:
                    return message
                break
        if not self.done:
            return "the connection broke before the end of the answer"
        if not self.pieces:
            return "the answer is empty"
        return ""


def _parsed(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if isinstance(document, dict):
        return document
    return {"error": f"not the JSON of a vLLM server: {text[:200]}"}


@contextmanager
def _http_errors(link: Link) -> Iterator[None]:
    """Raise the errors of HTTPX as `UnreachableError`."""
    import httpx

    address = masked(link.url)
    try:
        yield
    except (httpx.ReadTimeout, httpx.WriteTimeout, httpx.PoolTimeout):
        raise UnreachableError(
            message=f"{address} did not answer in time",
            fix="raise --timeout, or find the cause: ascend-vllm status",
        ) from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        raise UnreachableError(
            message=f"{address} is not the address of a server",
            fix="write an address such as http://localhost:8080",
        ) from None
    except httpx.HTTPError as problem:
        reason = link.hidden(str(problem)) or type(problem).__name__
        raise UnreachableError(
            message=f"{address} does not answer: {reason}",
            fix="check that the service runs: ascend-vllm status",
        ) from None
