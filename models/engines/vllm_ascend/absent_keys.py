"""Keys of the stack file that only the manual's engine has a setting for (vLLM 0.6.3)."""

from __future__ import annotations

from models.engines.release import AbsentKey

_NO_MULTI_STEP = (
    "the V1 engine has no multi-step scheduling; engine.asyncScheduling, which is on by default, replaces it "
    "(vllm/config/scheduler.py)"
)
_NO_PRECISION = "it is a switch of Huawei's closed Ascend-vLLM (manual, Step 3), which vllm-ascend does not have"
_NO_MIND_SPEED = "vllm-ascend has its own MoE operators and does not need MindSpeed"

ABSENT_KEYS = {
    "engine.numSchedulerSteps": AbsentKey(_NO_MULTI_STEP, without=1),
    "engine.multiStepStreamOutputs": AbsentKey(_NO_MULTI_STEP),
    "engine.disableAsyncOutputProc": AbsentKey(
        "the V1 engine always handles outputs asynchronously (vllm/v1/engine/async_llm.py)",
        without=False,
    ),
    "precision.prefill": AbsentKey(_NO_PRECISION),
    "precision.decode": AbsentKey(_NO_PRECISION),
    "mindSpeed.repository": AbsentKey(_NO_MIND_SPEED),
    "mindSpeed.commit": AbsentKey(_NO_MIND_SPEED),
    "mindSpeed.kind": AbsentKey(
        _NO_MIND_SPEED, instead="remove mindSpeed", without="image"
    ),
    "speculative.convert": AbsentKey(
        "the conversion is a tool of Huawei's closed Ascend-vLLM (manual, Step 3, eagle)"
    ),
    "multimodal.iterationTimeout": AbsentKey(
        "the V1 engine does not read VLLM_ENGINE_ITERATION_TIMEOUT_S (vllm/envs.py)"
    ),
}
"""Each key, with what became of it."""
