"""An exact test of whether one of three measurements differs from the other two, repeated over many blocks.

In each block, server A is measured twice and server B once. If both servers are equal, each of the three measurements
is the odd one with the same probability: the noise of A against itself is the yardstick for B. So the observed mean is
compared with those of random choices of the odd one (a permutation test within blocks). It needs no assumption about
the distribution of the noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from client.comparison.chance import seeded

_SEED = 20
"""The random choices are the same in each run, so the same measurements have the same result."""

_ENOUGH = 20
"""Choices at least as extreme as the observation, after which no more are drawn (Besag and Clifford, 1991)."""

_RESAMPLES = 1_999
"""Of an interval. With one more, its ends are whole positions."""


@dataclass(frozen=True)
class Block:
    """How far each of three measurements is from the other two. A positive number is worse."""

    first: float
    """Of the first measurement of A."""
    again: float
    """Of the second measurement of A."""
    other: float
    """Of the measurement of B."""

    @property
    def is_constant(self) -> bool:
        """Whether all three are equally far, so that the block says nothing."""
        return self.first == self.again == self.other


def block_of_values(first: float, again: float, other: float) -> Block:
    """The block of three values, such as times: the difference of each to the mean of the other two."""
    return Block(
        first=first - (again + other) / 2,
        again=again - (first + other) / 2,
        other=other - (first + again) / 2,
    )


def block_of_distances(
    first_again: float, first_other: float, again_other: float
) -> Block:
    """The block of the distances between three answers: how far each is from the others, less the distance of these."""
    return Block(
        first=(first_again + first_other) / 2 - again_other,
        again=(first_again + again_other) / 2 - first_other,
        other=(first_other + again_other) / 2 - first_again,
    )


def mean_effect(blocks: Sequence[Block]) -> float:
    """How much worse B is than A, in the mean of all blocks."""
    return math.fsum(block.other for block in blocks) / len(blocks)


def p_value(blocks: Sequence[Block], alpha: float) -> float:
    """The probability of an effect of at least this size if A and B are equal.

    Args:
        blocks: The blocks.
        alpha: The probability that it will be compared with, which decides how many choices are drawn.
    """
    telling = [block for block in blocks if not block.is_constant]
    if not telling:
        return 1.0
    choices = [(block.first, block.again, block.other) for block in telling]
    observed = math.fsum(block.other for block in telling)
    almost = observed - 1e-9 * max(1.0, abs(observed))
    chance = seeded(_SEED)
    most = math.ceil(10 / alpha) - 1
    extreme = 0
    for drawn in range(1, most + 1):
        total = math.fsum(chance.choice(choice) for choice in choices)
        if total >= almost:
            extreme += 1
        if extreme == _ENOUGH:
            return extreme / drawn
    return (extreme + 1) / (most + 1)


def fewest_blocks(alpha: float) -> int:
    """The number of blocks that a result below a probability needs, if B is the odd one in all of them."""
    return math.ceil(math.log(1 / alpha) / math.log(3))


def interval(blocks: Sequence[Block]) -> tuple[float, float]:
    """Where the mean effect is with a probability of 95 %: a bootstrap over the blocks."""
    chance = seeded(_SEED)
    effects = [block.other for block in blocks]
    if len(set(effects)) == 1:
        return effects[0], effects[0]
    means = []
    for _ in range(_RESAMPLES):
        sample = chance.choices(effects, k=len(effects))
        means.append(math.fsum(sample) / len(sample))
    means.sort()
    tail = (_RESAMPLES + 1) // 40
    return means[tail - 1], means[-tail]
