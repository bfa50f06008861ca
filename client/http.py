"""Send requests with HTTPX, which is loaded by the first use only, and read what comes: JSON, events, NUL-separated."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from client.answer import Answer, Piece, error_text, joined
from models.credentials import HIDDEN, masked
from models.engines.requests import Request

if TYPE_CHECKING:
    import httpx

_LOCAL = ("all://127.0.0.1", "all://localhost", "all://[::1]")


class UnreachableError(Exception):
    """The server does not answer at all: what is wrong, and how to mend it."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


@dataclass(frozen=True)
class Link:
    """A way to a server."""

    client: httpx.AsyncClient
    url: str
    """Its address, without a path."""
    key: str | None = field(default=None, repr=False)
    """Its API key; neither shown nor logged."""

    def hidden(self, text: str) -> str:
        """A text without the key, and without what looks like one."""
        return masked(text.replace(self.key, HIDDEN) if self.key else text)


@asynccontextmanager
async def linked(url: str, key: str | None, *, timeout: float, verify: bool = True) -> AsyncIterator[Link]:
    """A way to the server at an address, closed at the end.

    Args:
        url: Its address, without a path.
        key: Its API key.
        timeout: Longest wait for the next byte of an answer, in seconds.
        verify: Whether the server's certificate has to be one for this address.
    """
    import httpx

    # vLLM closes connections that are idle for 5 seconds (vllm/entrypoints/api_server.py:29); be earlier.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=2)
    waits = httpx.Timeout(timeout, connect=min(timeout, 10))
    direct = dict.fromkeys(_LOCAL)  # never by a proxy
    async with httpx.AsyncClient(timeout=waits, limits=limits, mounts=direct, verify=verify) as client:
        yield Link(client, base(url), key)


def base(url: str) -> str:
    """An address without the path that OpenAI's clients are given with it."""
    return url.rstrip("/").removesuffix("/v1")


async def send(link: Link, asked: Request, see: Callable[[Piece], None] = lambda _: None) -> Answer:
    """Send a request and read its answer.

    Args:
        link: The way to the server.
        asked: The request.
        see: Told each piece as it comes.

    Raises:
        UnreachableError: The server does not answer.
    """
    prompt = str(asked.body.get("prompt", "")) if asked.endpoint.server == "api_server" else ""
    return await post(link, asked.endpoint.path, asked.body, see, prompt)


async def post(
    link: Link,
    path: str,
    body: Mapping[str, Any],
    see: Callable[[Piece], None] = lambda _: None,
    prompt: str = "",
) -> Answer:
    """Send a body to a path; an answer of any status is one.

    Raises:
        UnreachableError: The server does not answer.
    """
    reader, began = _Reader(streams=bool(body.get("stream"))), time.perf_counter()
    with _explained(link):
        async with link.client.stream("POST", f"{link.url}{path}", json=body, headers=_headers(link)) as response:
            if response.status_code != 200:
                text = (await response.aread()).decode(errors="replace")
                error = link.hidden(error_text(text)) or f"HTTP {response.status_code}"
                return Answer(response.status_code, time.perf_counter() - began, error=error)
            async for data in reader.read(response):
                piece = Piece(time.perf_counter() - began, data)
                reader.pieces.append(piece)
                see(piece)
    error = link.hidden(_failure(reader))
    pieces = tuple(reader.pieces)
    return Answer(200, time.perf_counter() - began, pieces, prompt, error, joined(pieces, prompt))


def _headers(link: Link) -> dict[str, str]:
    return {"Authorization": f"Bearer {link.key}"} if link.key else {}


def _failure(reader: _Reader) -> str:
    """What went wrong after the status, or nothing."""
    said = next((error_text(json.dumps(piece.data)) for piece in reader.pieces if "error" in piece.data), "")
    if said or reader.done:
        return said or ("" if reader.pieces else "the answer holds nothing")
    return "the answer broke off before its end"


async def get(link: Link, path: str) -> tuple[int, str, float]:
    """The status, the text and the seconds of an answer.

    Raises:
        UnreachableError: The server does not answer.
    """
    began = time.perf_counter()
    with _explained(link):
        response = await link.client.get(f"{link.url}{path}", headers=_headers(link))
    return response.status_code, response.text, time.perf_counter() - began


@dataclass
class _Reader:
    """Reads the JSON documents of an answer as they come."""

    streams: bool
    pieces: list[Piece] = field(default_factory=list)
    done: bool = False
    """Whether the answer is whole: a stream of events ends with `[DONE]`, others with the connection."""

    async def read(self, response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
        """The documents; a connection that breaks ends them."""
        import httpx

        with suppress(httpx.RemoteProtocolError, httpx.ReadError):
            if not self.streams:
                yield _parsed((await response.aread()).decode(errors="replace"))
                self.done = True
                return
            async for data in self._stream(response):
                yield data

    async def _stream(self, response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
        events = response.headers.get("content-type", "").startswith("text/event-stream")
        end, held = ("\n\n" if events else "\0"), ""
        async for text in response.aiter_text():
            *parts, held = (held + text.replace("\r\n", "\n")).split(end)
            for part in parts:
                self.done = part.strip() == "data: [DONE]"
                if not self.done:
                    yield _parsed(part.removeprefix("data:"))
        self.done = self.done or (not events and not held)


def _parsed(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"error": f"not the JSON of a vLLM server: {text[:200]}"}


@contextmanager
def _explained(link: Link) -> Iterator[None]:
    """Failures of HTTPX in words."""
    import httpx

    address = masked(link.url)
    try:
        yield
    except (httpx.ReadTimeout, httpx.WriteTimeout, httpx.PoolTimeout):
        raise UnreachableError(
            f"{address} did not answer in time", "raise --timeout, or see: ascend-vllm status"
        ) from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        raise UnreachableError(
            f"{address} is no address of a server", "write one such as http://localhost:8080"
        ) from None
    except httpx.HTTPError as problem:
        said = link.hidden(str(problem)) or type(problem).__name__
        raise UnreachableError(
            f"{address} does not answer: {said}", "see whether it runs: ascend-vllm status"
        ) from None
