"""Start a newer vLLM with the launch of vLLM 0.6.3: skip options that the newer release no longer has.

In the image, this file is Python's `sitecustomize`, so the launch stays unchanged. Only options are skipped that change
the speed or the memory of vLLM 0.6.3, but not its answers. Each is printed on stderr. The newer release refuses all
other options that it does not know, such as those of speculative decoding.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

SERVER = "vllm.entrypoints.openai.api_server"

SKIPPED = (
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
    """The words of a launch that the newer vLLM accepts, and the options that are skipped."""
    accepted = []
    skipped = []
    for word in words:
        flag = word.partition("=")[0]
        if flag.startswith("--") and flag.removeprefix("--") in SKIPPED:
            skipped.append(word)
        else:
            accepted.append(word)
    return accepted, skipped


def main() -> None:
    """Change the arguments of the server. Other Python programs in the container are not affected."""
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
