"""The HTTP server of a service: vLLM's OpenAI server or its plain API server."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue

from models.record import Line, Record, Text, Word
from models.secret_reference import NamespaceSecret, SecretKey
from models.tagged_union import OneOf

MOST_BYTES = 800_000
"""Largest size of a chat template in the stack file. A ConfigMap holds 1 MiB, including scripts and checksums."""


class TemplateFile(Record):
    """A chat template in the image."""

    path: Line = Field(examples=["/opt/vllm/examples/template_llava.jinja"])
    """Path of the template in the image."""


def within_a_config_map(template: str) -> str:
    """Check that a template fits into the ConfigMap of the launch script."""
    if len(template.encode()) > MOST_BYTES:
        raise ValueError(
            f"it has more than {MOST_BYTES} bytes, more than a ConfigMap can hold"
        )
    return template


class InlineTemplate(Record):
    """A chat template in the stack file."""

    inline: Annotated[Text, AfterValidator(within_a_config_map)] = Field(
        min_length=1, examples=["{{ messages }}"]
    )
    """The Jinja template. It becomes part of the ConfigMap of the launch script."""


ChatTemplate = Annotated[TemplateFile | InlineTemplate, OneOf(scalar="path")]
"""The template that formats messages as a prompt. A string is shorthand for its path in the image."""


class Server(Record):
    """The HTTP server. A string is shorthand for the kind: `server: api_server`."""

    shorthand = "kind"

    kind: Literal["openai", "api_server"] = "openai"
    """`openai`: vLLM's OpenAI-compatible server (manual, way 1, text and multimodal). `api_server`: vLLM's plain API
    server (manual, way 2)."""

    host: Line = "0.0.0.0"  # noqa: S104  the manual's address; a pod has its own address
    """Address that the server listens on inside the pod. The OpenAI server of vLLM 0.6.3 ignores it and listens on
    every address (vllm/entrypoints/openai/api_server.py:543)."""

    port: int = Field(default=8080, ge=1, le=65535)
    """Port of the server, the container and the Service."""

    chat_template: ChatTemplate | None = Field(
        default=None, examples=["/opt/vllm/examples/template_llava.jinja"]
    )
    """Chat template: a path in the image, or a mapping such as `{inline: "{{ messages }}"}`. Only for `openai`."""

    api_key: SecretKey | None = Field(
        default=None, examples=[{"secret": "qwen2-7b-api-key", "key": "key"}]
    )
    """API key that requests to `/v1` must send: `{secret: NAME, key: KEY}` or `{config: NAME}`. The server gets it as
    the variable `VLLM_API_KEY`, never as an argument. Only for `openai`."""

    reasoning_parser: Word | None = Field(default=None, examples=["qwen3"])
    """Parser that separates the reasoning of a model from its answer (`--reasoning-parser`). Not in 0.6.3."""

    tool_call_parser: Word | None = Field(default=None, examples=["hermes"])
    """Parser of the tool calls of a model (`--tool-call-parser`). It turns on `--enable-auto-tool-choice`. In 0.6.3,
    these are flags under `extraArgs`."""

    extra_args: dict[Line, JsonValue] = Field(
        default={}, examples=[{"uvicornLogLevel": "warning"}]
    )
    """Additional flags of the server, by name. Each must be a flag of the engine release. A flag that has a typed key
    is refused here."""


class ResolvedServer(Server):
    """The server after its API key was resolved to a Secret with a name."""

    api_key: NamespaceSecret | None
