"""One end of a pair of servers of which one computes the prompts and the other generates the tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

KvConnector = Literal["mooncake"]
"""How the KV cache gets from one server to the other."""

KvRole = Literal["prefill", "decode"]
"""The task of a server in the pair: compute the KV cache of prompts, or generate tokens with it."""


@dataclass(frozen=True)
class ParallelSizes:
    """How many NPUs a server uses, and how."""

    tensor: int
    data: int
    pipeline: int
    prefill_context: int
    """Parts of each prompt, each on other NPUs."""
    layers_of_stages: str = ""
    """Numbers of layers of the pipeline stages, `31,33`; empty if vLLM divides them evenly."""

    @property
    def npus(self) -> int:
        """NPUs of the server."""
        return self.tensor * self.data * self.pipeline * self.prefill_context


@dataclass(frozen=True)
class KvTransferEnd:
    """The facts about the pair that one of its servers needs."""

    role: KvRole
    pair: str
    """Name of the pair: its service for `decode`."""
    peer: str
    """The service at the other end."""
    peer_is_group: bool
    """Whether a server at the other end runs on several nodes."""
    connector: KvConnector
    port: int
    """The first port on which the server gives its KV cache away. It uses one for each NPU."""
    prefill: ParallelSizes
    decode: ParallelSizes

    @property
    def own_sizes(self) -> ParallelSizes:
        """The sizes of this server."""
        return self.prefill if self.role == "prefill" else self.decode

    @property
    def ports(self) -> range:
        """The ports on which the server gives its KV cache away."""
        return range(self.port, self.port + self.own_sizes.npus)
