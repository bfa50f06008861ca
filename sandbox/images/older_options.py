"""Lets the launch of vLLM 0.6.3 start a newer vLLM: leaves out options that this one does not have any more.

In the image it is Python's `sitecustomize`, so that the launch stays what the program makes. Left out are options that
change how fast vLLM 0.6.3 answers and what memory it takes, not what it answers; each is told on stderr. Whatever else
the newer release does not know (speculative decoding, say) it refuses by itself.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

SERVER = "vllm.entrypoints.openai.api_server"

LEFT_OUT = (
    "device",
    "disable-async-output-proc",
    "disable-frontend-multiprocessing",
    "disable-log-requests",
    "guided-decoding-backend",
    "max-seq-len-to-capture",
    "multi-step-stream-outputs",
    "num-lookahead-slots",
    "num-scheduler-steps",
    "preemption-mode",
    "scheduler-delay-factor",
    "swap-space",
    "tokenizer-pool-extra-config",
    "tokenizer-pool-size",
    "tokenizer-pool-type",
    "use-v2-block-manager",
    "worker-use-ray",
)


def split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The words of a launch that the newer vLLM takes, and the options that are left out."""
    old = [
        word
        for word in words
        if word.partition("=")[0].removeprefix("--") in LEFT_OUT
        and word.startswith("--")
    ]
    return [word for word in words if word not in old], old


def main() -> None:
    """Change the arguments of the server; of no other Python in the container."""
    if sys.orig_argv[1:3] != ["-m", SERVER]:
        return
    sys.argv[1:], old = split(sys.argv[1:])
    if old:
        print(
            f"rehearsal: this vLLM is newer than 0.6.3 and has no {', '.join(old)}: option skipped",
            file=sys.stderr,
        )


if __name__ == "sitecustomize":
    main()
