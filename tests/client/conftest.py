"""Services for requests, and a server that is as strict as vLLM 0.6.3."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from models.service.resolved import ResolvedService
from tests.client.vllm_server import Vllm, serving
from tests.conftest import stack_of

Serve = Callable[..., Vllm]

PIXEL = {
    "image/png": b"\x89PNG\r\n\x1a\n" + b"\0" * 8,
    "image/jpeg": b"\xff\xd8\xff\xe0" + b"\0" * 8,
    "image/webp": b"RIFF\x08\0\0\0WEBPVP8 ",
}
"""The beginnings of pictures."""


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server like vLLM's: `serve(key="k", steps=8)`."""
    with ExitStack() as opened:
        yield lambda **what: opened.enter_context(serving(Vllm(**what)))


def service_of(more: str = "", length: int = 4096, image: str = "a:1", **engine: object) -> ResolvedService:
    """A service `qwen` that serves a model `qwen`, with further keys as in a stack file."""
    flags = "".join(f", {key}: {value}" for key, value in engine.items())
    text = f"""\
qwen:
  image: {image}
  model: /m/qwen
  engine: {{maxModelLen: {length}, servedModelName: qwen{flags}}}
"""
    found = stack_of(text + textwrap.indent(textwrap.dedent(more), "  "))
    assert found.services, found.findings
    return found.services[0]


PLAIN = "server: api_server\n"
LORA = "lora: {adapters: {french: /m/french}}\n"
PICTURES = "multimodal: {imagesPerPrompt: 2}\n"
KEY = "server: {apiKey: {secret: keys, key: qwen}}\n"


def service_of_release(version: str, more: str = "", length: int = 4096) -> ResolvedService:
    """A service that runs a release of the open plugin."""
    return service_of(more, length, image=f"quay.io/ascend/vllm-ascend:v{version}")
