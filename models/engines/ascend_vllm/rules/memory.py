"""The rule on the blocks of the KV cache."""

from __future__ import annotations

from collections.abc import Iterator

from models.engines.edits import extra_argument_key, extra_argument_mark
from models.engines.model_server import ModelServer
from models.engines.rules import rule
from models.finding import Finding, at, error


@rule("error")
def kv_blocks(server: ModelServer) -> Iterator[Finding]:
    """`numGpuBlocksOverride` leaves enough blocks for one request of full length.

    vLLM 0.6.3 exits at start if its KV cache cannot hold `maxModelLen` tokens (vllm/worker/worker.py:490).
    """
    blocks = server.further("num-gpu-blocks-override")
    size = server.engine.block_size
    length = server.engine.max_model_len
    if not isinstance(blocks, int) or blocks * size >= length:
        return
    key = extra_argument_key(server, "num-gpu-blocks-override")
    needed = -(-length // size)
    yield error(
        f"{blocks} blocks of {size} tokens cannot hold a request of {length} tokens",
        why="vLLM 0.6.3 exits at start if its KV cache is smaller than maxModelLen (vllm/worker/worker.py:490)",
        fix=f"write {key}: {needed}, or remove {key}",
        marks=[
            extra_argument_mark(server, "num-gpu-blocks-override"),
            at("engine.maxModelLen", f"{length} tokens"),
            at("engine.blockSize"),
        ],
    )
