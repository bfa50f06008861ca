"""The HTTP front that is started: vLLM's OpenAI server or its plain one; and references to Secrets."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, JsonValue, model_validator

from models.record import Line, Record, Text
from models.secret_reference import SecretKey

MOST_BYTES = 800_000
"""Of a chat template in the stack file; a ConfigMap holds 1 MiB, scripts and a manifest included."""


class ChatTemplate(Record):
    """The template that turns messages into a prompt. A scalar is shorthand for its path in the image."""

    path: Line | None = Field(default=None, examples=["/opt/vllm/examples/template_llava.jinja"])
    """Path of a template in the image."""

    inline: Text | None = Field(default=None, min_length=1)
    """The Jinja template itself; it is put beside the launch script."""

    @model_validator(mode="before")
    @classmethod
    def _from_scalar(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_of_both(self) -> ChatTemplate:
        if (self.path is None) == (self.inline is None):
            raise ValueError("give either path or inline")
        if len((self.inline or "").encode()) > MOST_BYTES:
            raise ValueError(f"inline has more than {MOST_BYTES} bytes, which no ConfigMap holds")
        return self


class Server(Record):
    """Which server is started, and where it listens.

    A scalar is shorthand for the kind: `server: api_server`.
    """

    kind: Literal["openai", "api_server"] = "openai"
    """`openai` speaks OpenAI's API (manual, way 1, text and multimodal); `api_server` is vLLM's plain one (way 2)."""

    host: Line = "0.0.0.0"  # noqa: S104  the manual's address; a pod has one of its own
    """Address to listen on inside the pod; the OpenAI server of 0.6.3 listens on every address all the same
    (vllm/entrypoints/openai/api_server.py:543)."""

    port: int = Field(default=8080, ge=1, le=65535)
    """Port of the server, the container and the Service."""

    chat_template: ChatTemplate | None = Field(default=None, examples=["/opt/vllm/examples/template_llava.jinja"])
    """Chat template, only for `openai`: a path in the image, or `{inline: …}`."""

    api_key: SecretKey | None = Field(default=None, examples=[{"secret": "qwen2-7b-api-key", "key": "key"}])
    """Key that requests to `/v1` have to bring, only for `openai` (`VLLM_API_KEY`, never an argument): `{secret: …,
    key: …}`, or `{config: …}`."""

    extra_args: dict[Line, JsonValue] = Field(default={}, examples=[{"uvicornLogLevel": "warning"}])
    """Further flags of the server by name, checked against the release's table. A flag that has a key of its own is
    refused here."""

    @model_validator(mode="before")
    @classmethod
    def _from_scalar(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str) else value
