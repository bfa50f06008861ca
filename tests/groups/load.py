"""Send a server requests without a pause and write what became of each: load.py ADDRESS TOKENS FILE.

Run in the node's network. A request is refused if nobody listens, and is tried again. A request that was taken is
answered, cut off (the client gets an error), or it hangs.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

AT_ONCE = 4
LONGEST = 60
"""Seconds after which a request hangs."""


class Request(NamedTuple):
    """A request; times are in seconds of the machine's clock."""

    began: float
    ended: float
    result: str
    """`answered`, `refused`, `hangs`, or how it was cut off."""


def main() -> None:
    """Send requests until a file says to stop."""
    address, tokens, file = sys.argv[1:]
    stop = Path(f"{file}.stop")
    requests: list[Request] = []

    def send() -> None:
        while not stop.exists():
            began = time.time()
            result = result_of(address, int(tokens))
            requests.append(Request(began, time.time(), result))
            if result == "refused":
                time.sleep(0.5)

    threads = [threading.Thread(target=send) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    Path(file).write_text(json.dumps([request._asdict() for request in requests]), encoding="utf-8")


def result_of(address: str, tokens: int) -> str:
    """Send one request, and return what became of it."""
    connection = http.client.HTTPConnection(address, 8080, timeout=LONGEST)
    try:
        connection.connect()
    except OSError:
        return "refused"
    try:
        body = json.dumps({"model": "tiny", "prompt": "hello", "max_tokens": tokens, "ignore_eos": True})
        connection.request("POST", "/v1/completions", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = json.loads(response.read())
    except TimeoutError:
        return "hangs"
    except (OSError, http.client.HTTPException, ValueError) as problem:
        return f"cut off: {problem!r}"
    finally:
        connection.close()
    if response.status != 200:
        return f"status {response.status}"
    if answer["usage"]["completion_tokens"] != tokens:
        return f"cut off: {answer}"
    return "answered"


if __name__ == "__main__":
    main()
