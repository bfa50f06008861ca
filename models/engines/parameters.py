"""The parameters of a request: the manual's tables 1 and 3 (Step 5), with types, ranges and defaults."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from models.record import Record

GREEDY = 1e-5
"""A lower temperature means greedy sampling: always the most likely token (vllm/sampling_params.py:20)."""


def one_or_more(value: Any) -> Any:
    """Convert a single text to a list with one item, and null to an empty list."""
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    return value


def not_zero(value: int) -> int:
    """Refuse 0 tokens to choose from (vllm/sampling_params.py:358)."""
    if value == 0:
        raise ValueError("must be -1 or at least 1")
    return value


NonEmptyText = Annotated[str, Field(min_length=1)]
Texts = Annotated[list[NonEmptyText], BeforeValidator(one_or_more)]
TokenCount = Annotated[int, AfterValidator(not_zero)]


class Parameters(Record):
    """The parameters of a request, without the question, by vLLM's names.

    The server accepts further fields in a raw body; see `RequestFields`.
    """

    model_config = ConfigDict(alias_generator=None)

    max_tokens: int | None = Field(default=16, ge=1, examples=[100])
    """Most tokens of each answer. In a raw chat body without it: as many as fit into `maxModelLen`."""

    temperature: float = Field(default=1.0, ge=0, allow_inf_nan=False, examples=[0])
    """Randomness of the answer. 0 always takes the most likely token."""

    top_p: float = Field(default=1.0, gt=0, le=1, examples=[0.9])
    """Choose from the most likely tokens that together have this probability. 1 means all tokens."""

    top_k: TokenCount = Field(default=-1, ge=-1, examples=[50])
    """Choose from this number of most likely tokens. -1 means all tokens."""

    n: int = Field(default=1, ge=1, examples=[2])
    """Number of answers. The manual recommends at most 10."""

    best_of: int | None = Field(default=None, ge=1, examples=[2])
    """Number of answers to generate. The best `n` of them are returned."""

    use_beam_search: bool = False
    """Search for the most likely answer as a whole instead of sampling token by token."""

    presence_penalty: float = Field(default=0.0, ge=-2, le=2, examples=[0.5])
    """Above 0, tokens that already occurred become less likely; below 0, more likely."""

    frequency_penalty: float = Field(default=0.0, ge=-2, le=2, examples=[0.5])
    """Above 0, tokens become less likely the more often they occurred; below 0, more likely."""

    length_penalty: float = Field(default=1.0, allow_inf_nan=False, examples=[2])
    """Above 1, beam search prefers long answers; below 1, short answers."""

    stop: Texts = Field(default=[], examples=["。"])
    """Texts that end the answer. They are not part of it. The option can be repeated."""

    ignore_eos: bool = False
    """Continue after the end-of-sequence token, up to `max_tokens`."""

    guided_json: str | dict[str, Any] | None = Field(
        default=None, examples=[{"type": "object"}]
    )
    """JSON Schema of the answer: as text, as an object or, on the command line, as a file."""

    stream: bool = False
    """Stream the answer."""

    @property
    def greedy(self) -> bool:
        """Whether sampling is greedy: it always takes the most likely token."""
        return self.temperature < GREEDY

    @property
    def answers(self) -> int:
        """Number of answers that the engine generates."""
        return max(self.n, self.best_of or 1)

    @property
    def answer_tokens(self) -> int | None:
        """Most tokens of each answer. None: as many as fit."""
        return self.max_tokens


def schema_problem(schema: Any) -> str | None:
    """Why a value is not a JSON Schema. None: it is one, or there is no value.

    Args:
        schema: An object, or a text that contains an object.
    """
    if not isinstance(schema, str):
        return None
    try:
        value = json.loads(schema)
    except ValueError as problem:
        return str(problem)
    if isinstance(value, dict):
        return None
    return "not an object"
