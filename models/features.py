"""What a service may do beyond serving text: each a small typed key of its own."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from models.typed import Duration, Typed

Graph = Literal["eager", "cann"]
"""`eager` runs operator by operator; `cann` leaves the engine's own choice of CANN graphs on."""


class Multimodal(Typed):
    """Pictures in requests (manual, Step 3, way 1, part 2). `true` is shorthand for all defaults."""

    image_fetch_timeout: Duration = Field(default=100, examples=["100s"])
    """Longest wait for a picture that a request names by address (`VLLM_IMAGE_FETCH_TIMEOUT`)."""

    iteration_timeout: Duration = Field(default=600, examples=["600s"])
    """Longest step of the engine before it counts as dead (`VLLM_ENGINE_ITERATION_TIMEOUT_S`)."""

    expandable_segments: bool = True
    """Let the NPU's allocator grow its segments (`PYTORCH_NPU_ALLOC_CONF`); false when virtual memory errors show."""

    @model_validator(mode="before")
    @classmethod
    def _from_scalar(cls, value: Any) -> Any:
        return {} if value is True else value
