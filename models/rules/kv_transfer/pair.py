"""The two services that exchange KV cache, as rules see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.finding import Mark
from models.service.resolved import ResolvedService, ResolvedStack
from models.stack_file.keys.kv_transfer import KvTransfer


@dataclass(frozen=True)
class Pair:
    """The pair of a stack, with both services."""

    config: KvTransfer
    prefill: ResolvedService
    decode: ResolvedService

    @property
    def services(self) -> tuple[ResolvedService, ResolvedService]:
        """Both services, prefill first."""
        return self.prefill, self.decode

    def other(self, service: ResolvedService) -> ResolvedService:
        """The service that exchanges KV cache with one of both."""
        if service is self.prefill:
            return self.decode
        return self.prefill

    def marks(self, key: str, notes: Sequence[Any] = ("", "")) -> list[Mark]:
        """The marks of one key in both services, each with a note."""
        prefill, decode = notes
        return [
            mark_of(self.prefill, key, str(prefill)),
            mark_of(self.decode, key, str(decode)),
        ]


def mark_of(service: ResolvedService, key: str, note: str = "") -> Mark:
    """A mark on a key of a service, for a rule about the whole stack."""
    return Mark(("services", service.name, *key.split(".")), note)


def key_of(service: ResolvedService, key: str) -> str:
    """A key of a service as fixes about the whole stack name it."""
    return f"services.{service.name}.{key}"


def pair_of(stack: ResolvedStack) -> Pair | None:
    """The pair; None if there is none, or if one of its services is missing or refused."""
    config = stack.kv_transfer
    if config is None:
        return None
    prefill = stack.service(config.prefill)
    decode = stack.service(config.decode)
    if prefill is None or decode is None or prefill is decode:
        return None
    return Pair(config, prefill, decode)
