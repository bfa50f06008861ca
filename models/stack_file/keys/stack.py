"""The keys of the stack file."""

from __future__ import annotations

from pydantic import Field

from models.record import (
    DnsLabel,
    Line,
    Record,
    Text,
)
from models.stack_file.keys.cluster import ClusterConfig
from models.stack_file.keys.kv_transfer import KvTransfer
from models.stack_file.keys.locked import LockedService
from models.stack_file.keys.service import ServiceConfig


class StackConfig(Record):
    """The configuration of one stack, under the project's prefix `ascend-vllm:`."""

    cluster: ClusterConfig
    """The cluster of the stack."""

    base: Text = Field(default="", examples=["services.yaml"])
    """File with the services that environments share, relative to this file. This file overrides it by name and field
    (RFC 7386: `null` removes)."""

    services: dict[DnsLabel, ServiceConfig]
    """The model services by name. Without this key, the stack has the services of the base file."""

    kv_transfer: KvTransfer | None = Field(
        default=None,
        examples=[{"prefill": "deepseek-prefill", "decode": "deepseek-decode"}],
    )
    """Two services as one: the first computes the KV cache of prompts, the second generates the tokens."""

    lock: dict[DnsLabel, LockedService] | None = Field(
        default=None,
        examples=[
            {
                "qwen": {
                    "image": "registry.example.com/vllm-ascend:1.0.0",
                    "release": "1.0.0",
                    "weights": {"path": "/mnt/models/Qwen3-32B"},
                }
            }
        ],
    )
    """The entries of the lock file, for services that have one, in place of `ascend-vllm.lock`. `ascend-vllm upgrade`
    writes it into the stack files of its steps, because some services are still those of the earlier lock file."""

    accept: dict[Line, Line] = Field(
        default={}, examples=[{"no-services": "this environment is paused"}]
    )
    """Warnings about the stack as a whole that are waived, each with its reason; they stay visible."""
