"""The stand-in server of the image for quick tests, started as vLLM is: python -m vllm.entrypoints.openai.api_server.

It answers as strictly as vLLM 0.6.3 and, as that does, drops its requests on SIGTERM. How it behaves says the model:
`behaviour.json` beside the weights.

    load     seconds until it answers
    crash    what it says before it ends with 1, instead of answering
    pace     seconds between two tokens
    compile  seconds that the first request takes when there is no graph of before, in the current directory
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.client.vllm_server import Handler, Vllm

GRAPH = Path(".torchair_cache/graph")


def main() -> None:
    """Serve until told to end."""
    asked, _ = options().parse_known_args()
    behaviour = json.loads((Path(asked.model) / "behaviour.json").read_text(encoding="utf-8"))
    signal.signal(signal.SIGTERM, lambda *_: end())
    say(f"INFO loading the model {asked.model} as user {os.getuid()}, process {os.getpid()}")
    time.sleep(behaviour.get("load", 0))
    if behaviour.get("crash"):
        say(f"Traceback (most recent call last):\n  in load_model\n{behaviour['crash']}")
        sys.exit(1)
    say(f"INFO graphs: {'found' if GRAPH.exists() else 'none'}")
    served = Vllm(
        names=tuple(asked.served_model_name or [asked.model]),
        longest=asked.max_model_len,
        steps=asked.num_scheduler_steps,
        pace=behaviour.get("pace", 0.01),
        key=os.environ.get("VLLM_API_KEY", ""),
    )
    with Server((asked.host, asked.port), handler(served, behaviour.get("compile", 0))) as server:
        say("INFO:     Application startup complete.")
        server.serve_forever()


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--model", required=True)
    parser.add_argument("--served-model-name", nargs="+")
    parser.add_argument("--host", default="0.0.0.0")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--max-model-len", type=int, default=1024)
    parser.add_argument("--num-scheduler-steps", type=int, default=1)
    return parser


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """A client that does not wait for its answer is nothing to speak of."""


def handler(vllm: Vllm, compiling: float) -> type[Handler]:
    """Requests, with the gauges of those that are under way, and the compilation of the first one."""
    lock, running = threading.Lock(), [0]

    class Counted(Handler):
        served = vllm

        def _get(self) -> None:
            if self.path != "/metrics":
                super()._get()
                return
            lines = [f'vllm:num_requests_running{{model_name="m"}} {running[0]}.0']
            lines += [f'vllm:num_requests_{name}{{model_name="m"}} 0.0' for name in ("waiting", "swapped")]
            self._whole(200, "\n".join([*lines, ""]))

        def _post(self) -> None:
            with lock:
                running[0] += 1
            try:
                compile_graph(lock, compiling)
                super()._post()
            finally:
                with lock:
                    running[0] -= 1

    return Counted


def compile_graph(lock: threading.Lock, seconds: float) -> None:
    with lock:
        known = GRAPH.exists()
        if not known:
            GRAPH.parent.mkdir(parents=True, exist_ok=True)
            GRAPH.touch()
    if not known:
        say(f"INFO compiling for {seconds} s in {Path.cwd()}")
        time.sleep(seconds)


def end() -> None:
    """vllm/entrypoints/openai/api_server.py:200"""
    say("INFO told to end by SIGTERM")
    os._exit(0)


def say(line: Any) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
