"""The test within blocks: it is right as often as it states, and finds what it has to find."""

from __future__ import annotations

import pytest

from client.comparison.block_test import (
    Block,
    block_of_distances,
    block_of_values,
    fewest_blocks,
    interval,
    mean_effect,
    p_value,
)
from client.comparison.chance import seeded


def blocks(count: int, seed: int, effect: float = 0.0) -> list[Block]:
    """Blocks of three values with heavy tails, of which the last is worse by an effect."""
    chance = seeded(seed)
    values = [[chance.gauss(0, 1) ** 3 for _ in range(3)] for _ in range(count)]
    return [block_of_values(first, again, other + effect) for first, again, other in values]


def test_the_value_of_b_is_compared_with_the_mean_of_a() -> None:
    assert block_of_values(1.0, 3.0, 5.0) == Block(first=-3.0, again=0.0, other=3.0)


def test_the_distance_to_b_is_compared_with_that_of_a_to_itself() -> None:
    assert block_of_distances(0.0, 1.0, 1.0) == Block(first=-0.5, again=-0.5, other=1.0)


def test_equal_measurements_are_no_evidence() -> None:
    same = [block_of_values(2.0, 2.0, 2.0)] * 60

    assert (mean_effect(same), p_value(same, 0.005)) == (0.0, 1.0)


@pytest.mark.parametrize(("alpha", "fewest"), [(0.005, 5), (0.05, 3), (0.0001, 9)])
def test_a_few_blocks_are_enough_if_b_is_the_odd_one_in_all(alpha: float, fewest: int) -> None:
    odd = block_of_values(0.0, 0.0, 1.0)

    assert fewest_blocks(alpha) == fewest
    assert p_value([odd] * fewest, alpha) <= alpha
    assert p_value([odd] * (fewest - 2), alpha) > alpha


def test_a_p_value_is_that_of_all_choices() -> None:
    """Two blocks have nine choices, and one of them is as large as the observation."""
    odd = block_of_values(0.0, 0.0, 1.0)

    assert p_value([odd, odd], 0.001) == pytest.approx(1 / 9, rel=0.2)


@pytest.mark.slow
def test_equal_servers_are_told_apart_no_more_often_than_stated() -> None:
    """With alpha 0.05, 600 pairs of equal servers give 30 false alarms on average, with a deviation of 5.3."""
    alarms = sum(p_value(blocks(12, seed), 0.05) <= 0.05 for seed in range(600))

    assert 14 <= alarms <= 46


@pytest.mark.slow
def test_a_worse_server_is_found() -> None:
    found = sum(p_value(blocks(24, seed, effect=6.0), 0.005) <= 0.005 for seed in range(50))

    assert found >= 40


def test_an_interval_contains_the_mean_and_shrinks_with_more_blocks() -> None:
    few, many = blocks(8, 1), blocks(200, 1)
    low, high = interval(many)

    assert low < mean_effect(many) < high
    assert high - low < interval(few)[1] - interval(few)[0]
