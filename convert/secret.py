"""Advice for credentials, which a conversion never copies."""

from __future__ import annotations

_API_KEY = ("VLLM_API_KEY", "--api-key")


def advice(name: str) -> str:
    """Why a value is not copied, and what to do with it."""
    if name in _API_KEY:
        return "it is a credential: create a Secret with it, and write server.apiKey: {secret: NAME, key: KEY}"
    return "it looks like a credential, which belongs in a Secret and not in a file"
