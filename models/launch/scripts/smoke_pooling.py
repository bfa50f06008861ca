"""Send requests through the Service to a model that embeds texts or scores documents, and check the answers.

Runs in a Job with the image's own Python, 3.8 or later, and only its standard library. The first argument is a JSON
object; the API key is in `VLLM_API_KEY`.
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
from typing import Any, Dict

KEY = os.environ.get("VLLM_API_KEY", "")
SECONDS = 300.0
"""Longest wait for an answer."""

TEXTS = ["What is water?", "Water is a liquid.", "The train is late."]

Options = Dict[str, Any]


class FailedError(Exception):
    """The service behaves differently than expected. The message says how."""


def main() -> int:
    """Print a line for each check. 1 if a check failed. A service that is not healthy gets no further request."""
    options = json.loads(sys.argv[1])
    failed = 0
    wait_for_service(options)
    for name, check in checks(options):
        start = time.monotonic()
        try:
            check()
            print(f"smoke: {name}: passed in {time.monotonic() - start:.2f} s", flush=True)
        except (FailedError, OSError, http.client.HTTPException) as problem:
            print(f"smoke: {name}: FAILED: {without_key(str(problem) or type(problem).__name__)}", flush=True)
            failed += 1
            if name == "health":
                break
    return 1 if failed else 0


def wait_for_service(options: Options) -> None:
    """Wait until the Service routes to a healthy pod, for `patience` seconds at most."""
    end = time.monotonic() + options["patience"]
    while time.monotonic() < end:
        try:
            if sent(options, "GET", "/health")[0] == 200:
                return
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(1)


def checks(options: Options) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The name and the function of each check."""
    yield "health", lambda: expect(options, 200, "GET", "/health")
    yield "models", lambda: check_models(options)
    path = "/v1/rerank"
    body: Options = {"query": TEXTS[0], "documents": TEXTS[1:]}
    if options["task"] == "embed":
        yield "embeddings", lambda: check_embeddings(options)
        path = "/v1/embeddings"
        body = {"input": TEXTS}
    yield "rerank", lambda: check_rerank(options)
    if KEY:
        yield "wrong key", lambda: expect(options, 401, "GET", "/v1/models", key="wrong")
    unknown_model = {**body, "model": "no-such-model"}
    yield "unknown model", lambda: expect(options, 404, "POST", path, unknown_model)


def check_models(options: Options) -> None:
    """The server lists all names of the model."""
    cards = json.loads(expect(options, 200, "GET", "/v1/models")).get("data", [])
    served = {str(card.get("id")) for card in cards}
    missing = [name for name in options["models"] if name not in served]
    if missing:
        raise FailedError(f"{', '.join(missing)} is not served, but {', '.join(sorted(served))}")


def check_embeddings(options: Options) -> None:
    """Each text has a vector, and all vectors have the same length."""
    body = {"model": options["models"][0], "input": TEXTS}
    answer = json.loads(expect(options, 200, "POST", "/v1/embeddings", body))
    lengths = [len(item.get("embedding", [])) for item in answer.get("data", [])]
    if len(lengths) != len(TEXTS) or len(set(lengths)) != 1 or 0 in lengths:
        raise FailedError(f"the vectors of {len(TEXTS)} texts have the lengths {lengths}")


def check_rerank(options: Options) -> None:
    """Each document has a score, and the best document is the first."""
    body = {"model": options["models"][0], "query": TEXTS[0], "documents": TEXTS[1:]}
    answer = json.loads(expect(options, 200, "POST", "/v1/rerank", body))
    scores: list[float] = [item.get("relevance_score") for item in answer.get("results", [])]
    if len(scores) != len(TEXTS) - 1 or None in scores or scores != sorted(scores, reverse=True):
        raise FailedError(f"the scores of {len(TEXTS) - 1} documents are {scores}")


def expect(options: Options, status: int, method: str, path: str, body: Options | None = None, key: str = KEY) -> str:
    """The text of an answer that has the expected status."""
    answered, text = sent(options, method, path, body, key)
    if answered != status:
        raise FailedError(f"{path} answers {answered}: {' '.join(text.split())[:300]}")
    return text


def sent(options: Options, method: str, path: str, body: Options | None = None, key: str = KEY) -> tuple[int, str]:
    """Status and text of an answer. The certificate is not verified: it may name another host than the Service."""
    url = urllib.parse.urlsplit(options["url"])
    host = url.hostname or ""
    connection = http.client.HTTPConnection(host, url.port, timeout=SECONDS)
    if url.scheme == "https":
        tls = ssl.create_default_context()
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(host, url.port, timeout=SECONDS, context=tls)
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    content = None
    if body:
        content = json.dumps(body)
    try:
        connection.request(method, path, content, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    finally:
        connection.close()


def without_key(text: str) -> str:
    """A text as one line. The key is masked, in case the server repeated it."""
    masked = text.replace(KEY, "***") if KEY else text
    return " ".join(masked.split())


if __name__ == "__main__":
    sys.exit(main())
