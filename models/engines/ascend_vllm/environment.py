"""The environment variables that Ascend-vLLM reads (manual, Step 3)."""

from __future__ import annotations

from models.engines.ascend_vllm.precision import needs_precise_prefix
from models.engines.devices import device_environment
from models.engines.model_server import ModelServer


def environment(server: ModelServer) -> dict[str, str]:
    """The variables that follow from the keys of the stack file, in the order in which the script exports them."""
    variables = device_environment(server.visible_devices)
    timeouts = []
    if server.multimodal:
        variables["VLLM_IMAGE_FETCH_TIMEOUT"] = str(
            server.multimodal.image_fetch_timeout
        )
        variables["PYTORCH_NPU_ALLOC_CONF"] = (
            f"expandable_segments:{server.multimodal.expandable_segments}"
        )
        timeouts.append(server.multimodal.iteration_timeout)
    if server.precision.prefill is False:
        variables["USE_PFA_HIGH_PRECISION_MODE"] = "0"
    if server.precision.decode:
        variables["USE_IFA_HIGH_PRECISION_MODE"] = "1"
    if server.prefix_caching and needs_precise_prefix(server):
        variables["USE_PREFIX_HIGH_PRECISION_MODE"] = "1"
    if server.pta_graph:
        gears = server.pta_graph.gears
        variables["INFER_MODE"] = "PTA"
        variables["PTA_TORCHAIR_DECODE_GEAR_ENABLE"] = "1"
        variables["PTA_TORCHAIR_DECODE_GEAR_LIST"] = ",".join(map(str, gears))
        variables["HCCL_OP_EXPANSION_MODE"] = "AIV"
        timeouts.append(server.pta_graph.iteration_timeout)
    if timeouts:
        variables["VLLM_ENGINE_ITERATION_TIMEOUT_S"] = str(max(timeouts))
    if server.speculative:
        variables["ENABLE_SPEC_METRIC"] = "0"
        if server.speculative.kind == "eagle":
            variables["EAGLE_USE_SAFE_AI_LAB_STYLE"] = "1"
    return variables
