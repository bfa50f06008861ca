"""The parameters of a request to vLLM 0.18.0 and later, with their ranges."""

from __future__ import annotations

from pydantic import Field

from models.engines.parameters import Parameters


class VllmAscendParameters(Parameters):
    """The parameters that these releases check. They ignore `best_of`."""

    top_k: int = Field(default=-1, ge=-1, examples=[50])
    """Choose from this number of most likely tokens. -1 and 0 mean all tokens."""

    min_p: float = Field(default=0.0, ge=0, le=1, examples=[0.05])
    """Leave out tokens below this share of the probability of the most likely token."""

    repetition_penalty: float = Field(default=1.0, gt=0, examples=[1.1])
    """Above 1, tokens that already occurred become less likely; below 1, more likely."""

    min_tokens: int = Field(default=0, ge=0, examples=[1])
    """Fewest tokens of each answer."""

    max_completion_tokens: int | None = Field(default=None, ge=1, examples=[100])
    """Most tokens of each answer in a chat. It wins over `max_tokens`."""

    @property
    def answers(self) -> int:
        """Number of answers that the engine generates."""
        return self.n

    @property
    def answer_tokens(self) -> int | None:
        """Most tokens of each answer. None: as many as fit."""
        if self.max_completion_tokens is None:
            return self.max_tokens
        return self.max_completion_tokens
