"""Ask a service through its Service whether it answers correctly; `ascend-vllm smoke` asks more, from outside.

Runs in a Job with the image's own Python, 3.8 or later, and nothing but its standard library. What is asked for comes
as JSON, the API key by `VLLM_API_KEY`.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Dict

KEY = os.environ.get("VLLM_API_KEY", "")
SECONDS = 300.0
"""Longest wait for an answer."""

Asked = Dict[str, Any]
FEW: Asked = {"max_tokens": 8, "temperature": 0}


class FailedError(Exception):
    """The service does not do what it has to: what it does instead."""


def main() -> int:
    """Say a line for each check; 1 when one failed. Who is not healthy is asked nothing else."""
    asked, failed = json.loads(sys.argv[1]), 0
    wait_for(asked)
    for name, check in checks(asked):
        began = time.monotonic()
        try:
            check()
            print(f"smoke: {name}: passed in {time.monotonic() - began:.2f} s", flush=True)
        except (FailedError, OSError, http.client.HTTPException) as problem:
            print(f"smoke: {name}: FAILED: {hidden(str(problem) or type(problem).__name__)}", flush=True)
            failed += 1
            if name == "health":
                break
    return 1 if failed else 0


def wait_for(asked: Asked) -> None:
    """Wait until the Service has the new pods, or the time is over; then the check of health says what is wrong."""
    end = time.monotonic() + asked["patience"]
    while time.monotonic() < end:
        try:
            if answered(asked, "GET", "/health")[0] == 200:
                return
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(1)


def checks(asked: Asked) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Name and test of everything that the service has to do."""
    yield "health", lambda: expect(asked, 200, "GET", "/health")
    if asked["kind"] == "api_server":
        yield "generate", lambda: text_of(asked, "/generate", {"prompt": "Hello", **FEW})
        return
    yield "models", lambda: served(asked)
    for model in asked["models"]:
        yield f"answer of {model}", partial(text_of, asked, COMPLETE, {"model": model, "prompt": "Hello", **FEW})
    first = {"model": asked["models"][0], "prompt": "Hello", **FEW}
    yield "stream", lambda: streamed(asked, first)
    if KEY:
        yield "wrong key", lambda: expect(asked, 401, "GET", "/v1/models", key="wrong")
    yield "unknown model", lambda: expect(asked, 404, "POST", COMPLETE, {**first, "model": "no-such-model"})
    too_long = {**first, "prompt": [100] * asked["longest"]}
    yield "too long", lambda: expect(asked, 400, "POST", COMPLETE, too_long)


COMPLETE = "/v1/completions"


def served(asked: Asked) -> None:
    """All names of the model and its adapters are listed."""
    there = {str(card.get("id")) for card in json.loads(expect(asked, 200, "GET", "/v1/models")).get("data", [])}
    missing = [name for name in asked["models"] if name not in there]
    if missing:
        raise FailedError(f"{', '.join(missing)} is not served, but {', '.join(sorted(there))}")


def text_of(asked: Asked, path: str, body: Asked) -> None:
    """There is an answer, and something in it."""
    said = json.loads(expect(asked, 200, "POST", path, body))
    if not (said.get("text") or [one.get("text") for one in said.get("choices", []) if one.get("text")]):
        raise FailedError("the answer is empty")


def streamed(asked: Asked, body: Asked) -> None:
    """The answer comes in pieces, and ends."""
    events = expect(asked, 200, "POST", COMPLETE, {**body, "stream": True}).split("\n\n")
    if len([event for event in events if event.startswith("data: {")]) < 2 or "data: [DONE]" not in events:
        raise FailedError("the answer does not come in pieces, or does not end")


def expect(asked: Asked, status: int, method: str, path: str, body: Asked | None = None, key: str = KEY) -> str:
    """The text of an answer with this status."""
    got, text = answered(asked, method, path, body, key)
    if got != status:
        raise FailedError(f"{path} answers {got}: {' '.join(text.split())[:300]}")
    return text


def answered(asked: Asked, method: str, path: str, body: Asked | None = None, key: str = KEY) -> tuple[int, str]:
    """Status and text of an answer. The certificate is not looked at: the cluster's own name leads to the pod."""
    url = urllib.parse.urlsplit(asked["url"])
    host = url.hostname or ""
    connection = http.client.HTTPConnection(host, url.port, timeout=SECONDS)
    if url.scheme == "https":
        tls = ssl.create_default_context()
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(host, url.port, timeout=SECONDS, context=tls)
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
    try:
        connection.request(method, path, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    finally:
        connection.close()


def hidden(text: str) -> str:
    """A text as one line without the key, should the server have repeated it."""
    return " ".join((text.replace(KEY, "***") if KEY else text).split())


if __name__ == "__main__":
    sys.exit(main())
