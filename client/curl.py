"""The curl command that sends the same request; the key stands in it as `$VLLM_API_KEY`."""

from __future__ import annotations

import shlex

from client.reach import VARIABLE
from client.request import as_json
from models.engines.requests import Request


def curl(asked: Request, url: str, *, key: bool) -> str:
    """A command for a POSIX shell.

    Args:
        asked: The request.
        url: The server's address, without a path.
        key: Whether the service asks for an API key.
    """
    lines = [f"curl -X POST {shlex.quote(url + asked.endpoint.path)}", '-H "Content-Type: application/json"']
    if key:
        lines.append(f'-H "Authorization: Bearer ${VARIABLE}"')
    if asked.body.get("stream"):
        lines.append("--no-buffer")
    body = as_json(asked.body)
    if len(body.encode()) > _LONGEST:
        return " \\\n  ".join([*lines, f"--data-binary @- <<'JSON'\n{body}\nJSON"])
    return " \\\n  ".join([*lines, f"-d {shlex.quote(body)}"])


_LONGEST = 100_000
"""Bytes of a body that stands on a command line; Linux takes 128 KiB in one argument."""
