"""One measure of a comparison: what it shows of both servers, and whether B exceeds its limit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from client.comparison.block_test import Block, interval, mean_effect, p_value

Unit = Literal["share", "nats", "time", "distance"]


@dataclass(frozen=True)
class Aspect:
    """What a measure is about."""

    name: str
    title: str
    unit: Unit
    sentence: str
    """What it means for B to exceed the limit."""


@dataclass(frozen=True)
class Observation:
    """A measure before it is judged."""

    aspect: Aspect
    same: float
    """The value of A, or of A compared with itself."""
    other: float
    """The value of B, or of B compared with A. Of times: seconds."""
    limit: float
    """Largest effect that is promoted. Of times: as a share, 0.1 is 10 % slower."""
    blocks: tuple[Block, ...]
    """One for each question or round. Of times: of their logarithms."""


@dataclass(frozen=True)
class Measure:
    """A measure with its result."""

    observation: Observation
    effect: float
    """How much worse B is than A, in the unit of the limit."""
    low: float
    high: float
    """Where the effect is with a probability of 95 %."""
    p: float
    """The probability of this effect if both servers are equal. Of times: if B is slower by just the limit."""
    is_exceeded: bool
    """Whether the effect is above the limit, and more than noise."""

    @property
    def aspect(self) -> Aspect:
        """What the measure is about."""
        return self.observation.aspect

    @property
    def limit(self) -> float:
        """Largest effect that is promoted."""
        return self.observation.limit

    @property
    def is_unclear(self) -> bool:
        """Whether the noise hides whether the effect is within the limit."""
        return not self.is_exceeded and self.high > self.limit


def judged(observation: Observation, alpha: float) -> Measure:
    """Judge a measure.

    Args:
        observation: What is measured.
        alpha: Largest probability to exceed the limit if both servers are equal.
    """
    blocks = observation.blocks
    effect = mean_effect(blocks)
    low, high = interval(blocks)
    tested: Sequence[Block] = blocks
    if observation.aspect.unit == "time":
        tested = without_effect(blocks, math.log(1 + observation.limit))
        effect, low, high = _share(effect), _share(low), _share(high)
    p = p_value(tested, alpha)
    return Measure(
        observation=observation,
        effect=effect,
        low=low,
        high=high,
        p=p,
        is_exceeded=effect > observation.limit and p <= alpha,
    )


def without_effect(blocks: Sequence[Block], effect: float) -> list[Block]:
    """The blocks as if B were better by an effect. If B is worse by just that, they are those of equal servers."""
    moved = []
    for block in blocks:
        of_a = effect / 2
        moved.append(
            Block(block.first + of_a, block.again + of_a, block.other - effect)
        )
    return moved


def _share(logarithm: float) -> float:
    """A difference of logarithms as a share: 0.1 is 10 % more."""
    return math.expm1(logarithm)
