"""Keys of the stack file for later releases, which Ascend-vLLM with vLLM 0.6.3 has no setting for."""

from __future__ import annotations

from models.engines.release import AbsentKey, AcceptedValues

_NO_V1 = "vLLM 0.6.3 does not have it (vllm/engine/arg_utils.py)"
_NO_ACL_GRAPH = "the engine chooses its CANN graphs itself (manual, Step 3)"
_FURTHER_FLAG = "it is a further flag of vLLM 0.6.3, without a key"

_ONE_NODE = (
    "vLLM 0.6.3 runs on several nodes with Ray only, which the manual does not describe (vllm/config.py); "
    "vllm-ascend does from 0.18.0"
)

ABSENT_KEYS = {
    "nodes": AbsentKey(_ONE_NODE, without=1),
    "group": AbsentKey(_ONE_NODE),
    "group.launch": AbsentKey(_ONE_NODE),
    "group.port": AbsentKey(_ONE_NODE),
    "group.memberPort": AbsentKey(_ONE_NODE),
    "group.hcclPort": AbsentKey(_ONE_NODE),
    "engine.dataParallelSize": AbsentKey(_NO_V1, without=1),
    "engine.enableExpertParallel": AbsentKey(_NO_V1, without=False),
    "engine.asyncScheduling": AbsentKey(
        "vLLM 0.6.3 schedules several steps at a time instead (vllm/config.py)",
        instead="write engine.numSchedulerSteps: 8 and remove engine.asyncScheduling",
        without=False,
    ),
    "engine.kvCacheDtype": AbsentKey(
        _FURTHER_FLAG,
        moved_to="engine.extraArgs.kvCacheDtype",
    ),
    "engine.compilationConfig": AbsentKey(_NO_V1),
    "engine.additionalConfig": AbsentKey(
        "it is the setting of the open plugin vllm-ascend, which this image does not have"
    ),
    "graph.mode": AbsentKey(_NO_ACL_GRAPH),
    "graph.captureSizes": AbsentKey(_NO_ACL_GRAPH),
    "multimodal.itemsPerPrompt": AbsentKey(
        "the manual's engine reads pictures only (manual, Step 3)",
        without={},
    ),
    "speculative.config": AbsentKey(
        "vLLM 0.6.3 has a flag for each setting instead (vllm/engine/arg_utils.py)",
        without={},
    ),
    "server.reasoningParser": AbsentKey(_NO_V1),
    "server.toolCallParser": AbsentKey(
        _FURTHER_FLAG,
        moved_to="server.extraArgs.toolCallParser",
        moved_with="write server.extraArgs.enableAutoToolChoice: true",
        moved_values=("hermes", "internlm", "llama3_json", "mistral"),
    ),
}
"""Each key, with what became of it."""

_NOT_IN_063 = "vLLM 0.6.3 does not have it (vllm/config.py)"

ACCEPTED_VALUES = {
    "engine.blockSize": AcceptedValues(
        [64, 128], why="Ascend-vLLM takes blocks of 64 and 128 tokens (manual, Step 3)"
    ),
    "lora.maxRank": AcceptedValues(
        [8, 16, 32, 64], why="vLLM 0.6.3 exits at another rank (vllm/config.py:1355)"
    ),
    "quantization": AcceptedValues(
        ["awq", "smoothquant"],
        why="Ascend-vLLM loads weights of these two methods (manual, Step 3, --quantization)",
    ),
    "speculative.kind": AcceptedValues(
        ["draft", "ngram", "eagle"],
        why=_NOT_IN_063,
        edit="remove speculative",
    ),
}
"""Keys of which 0.6.3 accepts only some values."""
