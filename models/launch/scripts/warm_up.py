"""Send a server its first request before anybody else can, and tell the startup probe when it is answered.

In graph mode the first request compiles, which takes minutes (manual, Step 3). Started beside the server, and run with
the image's own Python, 3.8 or later, and nothing but its standard library.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import sys
import time
from pathlib import Path

PATIENCE = 5.0
"""Longest wait for `/health`, in seconds."""

TOKENS = {"max_tokens": 8, "temperature": 0, "ignore_eos": True}
"""A few tokens whatever they are: the prompt's pass and the pass of each further token are different graphs."""


def main() -> int:
    """Warm up; 1 when the time was over before an answer came, and then there is no file."""
    asked = options()
    done = Path(asked.done)
    if done.exists():
        done.unlink()
    end = time.monotonic() + asked.timeout
    while time.monotonic() < end:
        said = warm_up(asked, end)
        if said:
            print(f"warm-up: {said}", file=sys.stderr, flush=True)
            done.touch()
            return 0
        time.sleep(max(0.0, min(asked.every, end - time.monotonic())))
    print(f"warm-up: no answer within {asked.timeout:g} s", file=sys.stderr, flush=True)
    return 1


def options() -> argparse.Namespace:
    """What is asked for; all times in seconds."""
    parser = argparse.ArgumentParser(description="Send a server its first request.")
    parser.add_argument("--port", type=int, required=True, help="of the server")
    parser.add_argument("--model", required=True, help="name that a request gives")
    parser.add_argument("--kind", choices=["openai", "api_server"], required=True, help="of the server")
    parser.add_argument("--done", required=True, help="file that is made after the answer")
    parser.add_argument("--timeout", type=float, required=True, help="longest wait for the answer, the start included")
    parser.add_argument("--every", type=float, default=2.0, help="pause before anything is tried again")
    return parser.parse_args()


def warm_up(asked: argparse.Namespace, end: float) -> str | None:
    """One try; what came of it, or none when it has to be tried again.

    A request that is refused counts: the server works, and its users are not to wait for our request.
    """
    started = time.monotonic()
    try:
        if answered(asked.port, PATIENCE, "GET", "/health")[0] != 200:
            return None
        status, text = answered(asked.port, max(0.1, end - time.monotonic()), "POST", *request(asked.kind, asked.model))
    except (OSError, http.client.HTTPException):
        return None
    if status >= 500:
        print(f"warm-up: the server failed with {status}, trying again", file=sys.stderr, flush=True)
        return None
    if status >= 300:
        return f"the server refused the request with {status}: {without_key(text)[:300]}"
    return f"first request answered after {time.monotonic() - started:.1f} s"


def request(kind: str, model: str) -> tuple[str, dict[str, object]]:
    """Path and body of the request (vllm/entrypoints/openai/protocol.py; vllm/entrypoints/api_server.py:40)."""
    if kind == "openai":
        return "/v1/completions", {"model": model, "prompt": "Hello", **TOKENS}
    return "/generate", {"prompt": "Hello", "stream": False, **TOKENS}


def answered(
    port: int, timeout: float, method: str, path: str, body: dict[str, object] | None = None
) -> tuple[int, str]:
    """Status and text of the server's answer."""
    key = os.environ.get("VLLM_API_KEY", "")
    headers = {"Content-Type": "application/json"} if body else {}
    # No header holds another key, a line's end for one; the error of http.client would print it.
    if body and key and key.isascii() and key.isprintable():
        headers["Authorization"] = f"Bearer {key}"
    connection = http.client.HTTPConnection("localhost", port, timeout=timeout)
    try:
        connection.request(method, path, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    finally:
        connection.close()


def without_key(text: str) -> str:
    """A text as one line that may be printed: the key is left out, should the server have repeated it."""
    key = os.environ.get("VLLM_API_KEY")
    return " ".join((text.replace(key, "***") if key else text).split())


if __name__ == "__main__":
    sys.exit(main())
