"""When `ascend-vllm compare` promotes another server in place of a service."""

from __future__ import annotations

from pydantic import Field

from models.record import Record, Text


class Compare(Record):
    """Limits of `ascend-vllm compare`, for a server that is to replace the service."""

    questions: Text = Field(default="", examples=["questions.yaml"])
    """File with your own questions, relative to the stack file. Without it, the built-in questions are asked."""

    min_equal: float = Field(default=0.9, ge=0, le=1, examples=[0.5])
    """Smallest share of answers that are equal, of those that the service repeats itself. An answer counts as equal if
    its first other token was nearly as likely."""

    max_logprob_distance: float = Field(default=0.1, ge=0, le=10, examples=[0.3])
    """Largest mean difference of the logprobs of the same tokens, in nats, beyond that of the service to itself."""

    max_worse: float = Field(default=0.05, ge=0, le=1, examples=[0.1])
    """Largest increase of the share of wrong answers, of refusals, of repetitions, and of answers without text."""

    max_length_change: float = Field(default=0.5, ge=0, le=100, examples=[1])
    """Largest mean change of the length of answers, as a share: 0.5 is half as long again."""

    same_prompts: bool = True
    """Whether a question has to have the same number of tokens: another number means another chat template or
    tokenizer."""

    min_cosine: float = Field(default=0.99, ge=-1, le=1, examples=[0.95])
    """Smallest mean cosine of the vectors of a model that embeds texts."""

    max_score_change: float = Field(default=0.05, ge=0, le=1, examples=[0.1])
    """Largest mean change of the scores of a model that scores documents."""

    max_slowdown: float = Field(default=0.1, ge=0, le=10, examples=[0.2])
    """Largest increase of the time to the first token, of the time for each further token, and of the time for the load
    as a whole: 0.1 is 10 % slower."""

    error_probability: float = Field(default=0.05, ge=0.001, le=0.5, examples=[0.01])
    """Largest probability of `hold` for an equal server, over all measures together."""
