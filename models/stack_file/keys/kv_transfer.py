"""Two services that are one: prefill and decode on separate servers."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from models.engines.kv_transfer import KvConnector
from models.record import DnsLabel, Record

KvRouter = Literal["kthena", "none"]
"""The router, which sends a request first to a server for prefill and then to a server for decode."""


class KvTransfer(Record):
    """Two services of this stack as one: the first computes the KV cache of prompts, the second generates the tokens.

    The roles, the ports and the sizes of both sides in `--kv-transfer-config` follow from this key. Not in 0.6.3.
    """

    prefill: DnsLabel = Field(examples=["deepseek-prefill"])
    """The service that computes the KV cache of prompts."""

    decode: DnsLabel = Field(examples=["deepseek-decode"])
    """The service that generates the tokens."""

    connector: KvConnector = "mooncake"
    """How the KV cache gets from one service to the other."""

    port: int | None = Field(default=None, ge=1024, le=65535, examples=[36000])
    """First port of the service for prefill, which uses one port for each NPU of a server; those of the other service
    follow. Default: the first port above the range of Mooncake."""

    router: KvRouter = "kthena"
    """The router that sends requests to both: `kthena`, Volcano's router, which must be installed in the cluster; or
    `none` for your own router."""

    @model_validator(mode="before")
    @classmethod
    def _one_pair(cls, value: Any) -> Any:
        if isinstance(value, list):
            raise ValueError(  # noqa: TRY004  pydantic makes a finding of this type only
                "a stack has one pair; each further pair needs another stack"
            )
        return value
