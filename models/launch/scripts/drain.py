"""Let a server finish its requests before the kubelet ends it: the container's preStop hook.

vLLM 0.6.3 ends its engine on SIGTERM before it has answered (vllm/entrypoints/openai/api_server.py:200). Runs with the
image's own Python, 3.8 or later, and nothing but its standard library. Whatever it meets, it ends with 0: a hook that
fails saves no request.
"""

from __future__ import annotations

import argparse
import http.client
import math
import re
import time

GAUGES = re.compile(
    r"^vllm:num_requests_(running|waiting|swapped)(?:\{.*\})?[ \t]+(\S+)(?:[ \t]+-?\d+)?[ \t\r]*$", re.MULTILINE
)
"""The gauges of requests that are not answered yet (vllm/engine/metrics.py), one line for each set of labels."""

PATIENCE = 5.0
"""Longest wait for one reading, in seconds; an engine that is busy answers late."""


def main() -> None:
    """Wait, and say in one line what was waited for."""
    asked = options()
    time.sleep(asked.settle)
    if asked.fixed:
        time.sleep(asked.cap)
        print(f"drain: waited {asked.settle:g} s and {asked.cap:g} s more")
    else:
        print(f"drain: {drain(asked.port, asked.cap, asked.every)}")


def options() -> argparse.Namespace:
    """What the hook is asked for; all times in seconds."""
    parser = argparse.ArgumentParser(description="Wait until the server has answered its requests.")
    parser.add_argument("--port", type=int, required=True, help="of the server")
    parser.add_argument("--cap", type=float, required=True, help="longest wait for requests, after --settle")
    parser.add_argument("--settle", type=float, default=5.0, help="first wait, until every node knows to send no more")
    parser.add_argument("--every", type=float, default=1.0, help="time between two readings")
    parser.add_argument("--fixed", action="store_true", help="wait for all of --cap: the server has no gauges")
    return parser.parse_args()


def drain(port: int, cap: float, every: float) -> str:
    """Wait until two readings in a row are 0, the server is gone or the cap is reached; says which."""
    started = time.monotonic()
    readings, last = 0, None
    while cap > time.monotonic() - started:
        left = cap - (time.monotonic() - started)
        try:
            last = unanswered(port, min(PATIENCE, left))
        except ConnectionRefusedError:
            return "no server listens any more"
        readings = readings + 1 if last == 0 else 0
        if readings == 2:
            return f"all requests were answered after {time.monotonic() - started:.1f} s"
        time.sleep(max(0.0, min(every, cap - (time.monotonic() - started))))
    known = "an unknown number of" if last is None else f"{last:g}"
    return f"gave up after {cap:g} s with {known} requests unanswered"


def unanswered(port: int, timeout: float) -> float | None:
    """How many requests are not answered yet; none when the server does not say.

    Raises:
        ConnectionRefusedError: nothing listens on the port.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    end = time.monotonic() + timeout
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        text = b""
        while True:
            piece = answer.read1(65536)
            if not piece:
                break
            text += piece
            if time.monotonic() > end:
                return None
        return total(text.decode(errors="replace")) if answer.status == 200 else None
    except ConnectionRefusedError:
        raise
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def total(metrics: str) -> float | None:
    """The sum of the gauges; none when one is missing or is no number."""
    found = GAUGES.findall(metrics)
    if not {"running", "waiting"} <= {name for name, _ in found}:
        return None
    try:
        waiting = sum(float(value) for _, value in found)
        return None if math.isnan(waiting) else waiting
    except ValueError:
        return None


if __name__ == "__main__":
    main()
