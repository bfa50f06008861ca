"""NPUs of pools against those of services: where pods find a place, and where one more surely does."""

from __future__ import annotations

from collections import Counter
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.service.capacity import Node, is_exact, pack, sure_to_fit

SIZES = st.sampled_from([1, 2, 4, 8])


def nodes(*npus: int) -> list[Node]:
    return [Node(f"n-{number}", "n", size) for number, size in enumerate(npus, 1)]


@pytest.mark.parametrize(
    ("pods", "sizes", "held", "homeless", "reason"),
    [
        ([("a", 8), ("b", 1)], (8, 8), [["a"], ["b"]], [], "the large one first, or the small one hides a node"),
        ([("b", 1), ("c", 1), ("a", 8)], (8, 8), [["a"], ["b", "c"]], [], "small ones share a node"),
        ([("a", 4), ("b", 4), ("c", 4)], (8, 4), [["b", "c"], ["a"]], [], "the tightest place is taken"),
        ([("a", 8)], (4, 4), [[], []], ["a"], "what is free on two nodes does not add up"),
        ([("a", 2), ("a", 2), ("b", 1)], (4,), [["a", "a"]], ["b"], "what is left over is said"),
        ([], (8,), [[]], [], "no pods"),
    ],
)
def test_each_pod_gets_all_its_npus_on_one_node(
    pods: list[tuple[str, int]], sizes: tuple[int, ...], held: list[list[str]], homeless: list[str], reason: str
) -> None:
    packed = pack(pods, nodes(*sizes))

    assert [[name for name, _ in node.pods] for node in packed.nodes] == held, reason
    assert [name for name, _ in packed.homeless] == homeless, reason


def placements(pods: list[int], sizes: list[int]) -> list[list[int]]:
    """What is free on each node in every way to place all pods."""
    free = []
    for places in product(range(len(sizes)), repeat=len(pods)):
        left = [*sizes]
        for npus, place in zip(pods, places, strict=True):
            left[place] -= npus
        if min(left) >= 0:
            free.append(left)
    return free


@given(st.lists(SIZES, max_size=5), st.lists(st.sampled_from([8, 8, 16]), min_size=1, max_size=3))
def test_nothing_is_left_over_that_another_packing_would_hold(pods: list[int], sizes: list[int]) -> None:
    packed = pack([("a", npus) for npus in pods], nodes(*sizes))

    assert bool(packed.homeless) == (not placements(pods, sizes))


@given(
    st.integers(1, 8),
    st.lists(st.integers(1, 8), max_size=5),
    st.lists(st.sampled_from([4, 8, 16]), min_size=1, max_size=3),
)
def test_what_is_sure_to_fit_fits_wherever_the_others_are(npus: int, pods: list[int], sizes: list[int]) -> None:
    if sure_to_fit(npus, Counter(pods), Counter(sizes)):
        assert all(max(free) >= npus for free in placements(pods, sizes))


@pytest.mark.parametrize(
    ("npus", "pods", "sizes", "sure", "reason"),
    [
        (8, {8: 1}, {8: 2}, True, "a whole node is free"),
        (8, {8: 2}, {8: 2}, False, "both are taken"),
        (8, {8: 1, 1: 1}, {8: 2}, False, "the small one can only be on the other node"),
        (8, {8: 1, 1: 2}, {8: 4}, True, "three pods close three of four nodes"),
        (8, {1: 4}, {8: 4}, False, "four small pods may be on four nodes"),
        (1, {1: 15}, {8: 2}, True, "the last NPU"),
        (1, {1: 16}, {8: 2}, False, "none is left"),
        (2, {2: 7}, {8: 2}, True, "pods of two leave no single NPU over"),
        (2, {2: 6, 1: 2}, {8: 2}, False, "single ones do"),
        (4, {8: 1, 4: 1}, {8: 2}, True, "half a node is left wherever the others are"),
        (16, {1: 1}, {8: 4}, False, "no node is large enough"),
        (16, {8: 2}, {8: 8, 16: 1}, False, "only the large node counts"),
    ],
)
def test_a_pod_more_is_counted_on_only_where_it_surely_fits(
    npus: int, pods: dict[int, int], sizes: dict[int, int], sure: bool, reason: str
) -> None:
    assert sure_to_fit(npus, pods, sizes) == sure, reason


@pytest.mark.parametrize(("sizes", "exact"), [([1, 2, 8, 8], True), ([3, 8], False), ([8], True), ([], True)])
def test_sizes_that_divide_each_other_are_packed_exactly(sizes: list[int], exact: bool) -> None:
    assert is_exact(sizes) == exact
