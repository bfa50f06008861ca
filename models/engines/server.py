"""The HTTP front that is started: vLLM's OpenAI server or its plain one; and references to Secrets."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue

from models.record import Line, Record, Text, Word
from models.secret_reference import NamespaceSecret, SecretKey
from models.tagged_union import OneOf

MOST_BYTES = 800_000
"""Of a chat template in the stack file; a ConfigMap holds 1 MiB, scripts and a manifest included."""


class TemplateFile(Record):
    """A chat template in the image."""

    path: Line = Field(examples=["/opt/vllm/examples/template_llava.jinja"])
    """Path of the template in the image."""


def within_a_config_map(template: str) -> str:
    """A template that fits into the ConfigMap of the launch script."""
    if len(template.encode()) > MOST_BYTES:
        raise ValueError(
            f"it has more than {MOST_BYTES} bytes, which no ConfigMap holds"
        )
    return template


class InlineTemplate(Record):
    """A chat template in the stack file."""

    inline: Annotated[Text, AfterValidator(within_a_config_map)] = Field(
        min_length=1, examples=["{{ messages }}"]
    )
    """The Jinja template itself. It is in the ConfigMap of the launch script."""


ChatTemplate = Annotated[TemplateFile | InlineTemplate, OneOf(scalar="path")]
"""The template that turns messages into a prompt. A text is short for its path in the image."""


class Server(Record):
    """Which server is started, and where it listens.

    A scalar is shorthand for the kind: `server: api_server`.
    """

    shorthand = "kind"

    kind: Literal["openai", "api_server"] = "openai"
    """`openai` speaks OpenAI's API (manual, way 1, text and multimodal); `api_server` is vLLM's plain one (way 2)."""

    host: Line = "0.0.0.0"  # noqa: S104  the manual's address; a pod has one of its own
    """Address to listen on inside the pod; the OpenAI server of 0.6.3 listens on every address all the same
    (vllm/entrypoints/openai/api_server.py:543)."""

    port: int = Field(default=8080, ge=1, le=65535)
    """Port of the server, the container and the Service."""

    chat_template: ChatTemplate | None = Field(
        default=None, examples=["/opt/vllm/examples/template_llava.jinja"]
    )
    """Chat template, only for `openai`: a path in the image, or `{inline: …}`."""

    api_key: SecretKey | None = Field(
        default=None, examples=[{"secret": "qwen2-7b-api-key", "key": "key"}]
    )
    """Key that requests to `/v1` have to bring, only for `openai` (`VLLM_API_KEY`, never an argument): `{secret: …,
    key: …}`, or `{config: …}`."""

    reasoning_parser: Word | None = Field(default=None, examples=["qwen3"])
    """Parser that separates the reasoning of a model from its answer (`--reasoning-parser`). Not in 0.6.3."""

    tool_call_parser: Word | None = Field(default=None, examples=["hermes"])
    """Parser of the tool calls of a model (`--tool-call-parser`). It turns on `--enable-auto-tool-choice`. In 0.6.3,
    these are flags under `extraArgs`."""

    extra_args: dict[Line, JsonValue] = Field(
        default={}, examples=[{"uvicornLogLevel": "warning"}]
    )
    """Further flags of the server by name, checked against the release's table. A flag that has a key of its own is
    refused here."""


class ResolvedServer(Server):
    """The server, whose API key is in a Secret that has a name."""

    api_key: NamespaceSecret | None
