"""The curl command that sends the same request. It reads the API key from `$VLLM_API_KEY`."""

from __future__ import annotations

import shlex

from client.reach import VARIABLE
from client.request import as_json
from models.engines.requests import Request

_LONGEST_ARGUMENT = 100_000
"""Longest body in bytes as an argument of curl. Linux allows 128 KiB for one argument."""


def curl(request: Request, url: str, *, key: bool) -> str:
    """The request as a command for a POSIX shell.

    Args:
        request: The request.
        url: The address of the server, without a path.
        key: Whether the service requires an API key.
    """
    address = shlex.quote(url + request.endpoint.path)
    lines = [
        f"curl -X POST {address}",
        '-H "Content-Type: application/json"',
    ]
    if key:
        lines.append(f'-H "Authorization: Bearer ${VARIABLE}"')
    if request.body.get("stream"):
        lines.append("--no-buffer")
    body = as_json(request.body)
    if len(body.encode()) > _LONGEST_ARGUMENT:
        lines.append(f"--data-binary @- <<'JSON'\n{body}\nJSON")
    else:
        lines.append(f"-d {shlex.quote(body)}")
    return " \\\n  ".join(lines)
