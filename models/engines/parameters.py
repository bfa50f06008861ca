"""The parameters of a request: the manual's tables 1 and 3 (Step 5), with types, ranges and defaults."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from models.record import Record

GREEDY = 1e-5
"""Temperatures below are none: the likeliest token is taken (vllm/sampling_params.py:20)."""


def one_or_more(value: Any) -> Any:
    """A single text is shorthand for a list of one, and nothing for an empty list."""
    if value is None:
        return []
    return [value] if isinstance(value, str) else value


def not_zero(value: int) -> int:
    """A number of tokens to choose among; 0 is none (vllm/sampling_params.py:358)."""
    if value == 0:
        raise ValueError("must be -1, or 1 at least")
    return value


class Parameters(Record):
    """What a request says about its answer, beside the question, under vLLM's names. The server has more
    (`RequestFields`), which a raw body may give."""

    model_config = ConfigDict(alias_generator=None)

    max_tokens: int | None = Field(default=16, ge=1, examples=[100])
    """Most tokens of each answer; a chat whose body leaves it out may fill `maxModelLen`."""

    temperature: float = Field(default=1.0, ge=0, allow_inf_nan=False, examples=[0])
    """How much chance there is in an answer; 0 always takes the likeliest token."""

    top_p: float = Field(default=1.0, gt=0, le=1, examples=[0.9])
    """Choose among the likeliest tokens that together have this probability; 1 is all."""

    top_k: Annotated[int, AfterValidator(not_zero)] = Field(default=-1, ge=-1, examples=[50])
    """Choose among this many likeliest tokens; -1 is all."""

    n: int = Field(default=1, ge=1, examples=[2])
    """Answers to one question; the manual advises 10 at most."""

    best_of: int | None = Field(default=None, ge=1, examples=[2])
    """Answers that are made, of which the best `n` come back."""

    use_beam_search: bool = False
    """Search the likeliest whole answer instead of drawing token by token."""

    presence_penalty: float = Field(default=0.0, ge=-2, le=2, examples=[0.5])
    """Above 0, tokens that were there already become less likely, and below 0 likelier."""

    frequency_penalty: float = Field(default=0.0, ge=-2, le=2, examples=[0.5])
    """The same by how often a token was there."""

    length_penalty: float = Field(default=1.0, allow_inf_nan=False, examples=[2])
    """Above 1, beam search prefers long answers, and below 1 short ones."""

    stop: Annotated[list[Annotated[str, Field(min_length=1)]], BeforeValidator(one_or_more)] = Field(
        default=[], examples=["。"]
    )
    """Texts that end an answer and do not stand in it; the option may be given several times."""

    ignore_eos: bool = False
    """Go on when the model would end, up to `max_tokens`."""

    guided_json: str | dict[str, Any] | None = Field(default=None, examples=[{"type": "object"}])
    """JSON Schema of the answer: as text, as an object or, on the command line, as a file."""

    stream: bool = False
    """Have the answer piece by piece."""

    @property
    def greedy(self) -> bool:
        """Whether the likeliest token is always taken."""
        return self.temperature < GREEDY

    @property
    def answers(self) -> int:
        """Answers that the engine makes of one question."""
        return max(self.n, self.best_of or 1)
