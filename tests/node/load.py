"""Send a service requests without a pause and write what became of each: load.py URL SECONDS FILE.

Run in the node's network. A request that finds nobody who listens was not taken, and is tried again; one that was taken
and not answered is lost.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

AT_ONCE = 4
TOKENS = 30


def main() -> None:
    url, seconds, file = sys.argv[1:]
    end, told, lock = time.monotonic() + float(seconds), list[dict[str, Any]](), threading.Lock()
    stop = Path(f"{file}.stop")

    def ask() -> None:
        while time.monotonic() < end and not stop.exists():
            began = time.monotonic()
            what = one(url)
            with lock:
                told.append({"began": began, "ended": time.monotonic(), "what": what})
            if what == "refused":
                time.sleep(0.05)

    threads = [threading.Thread(target=ask) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    Path(file).write_text(json.dumps(told), encoding="utf-8")


def one(url: str) -> str:
    """`answered`, `refused`, or how it was lost."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)
    try:
        connection.connect()
    except OSError:
        return "refused"
    try:
        body = json.dumps({"model": "tiny", "prompt": "hello", "max_tokens": TOKENS})
        connection.request("POST", "/v1/completions", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        said = json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError) as problem:
        return f"lost: {problem!r}"
    finally:
        connection.close()
    whole = answer.status == 200 and said["usage"]["completion_tokens"] == TOKENS
    return "answered" if whole else f"status {answer.status}"


if __name__ == "__main__":
    main()
