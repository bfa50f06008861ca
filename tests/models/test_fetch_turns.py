"""Pods that fetch the same weights: killed, side by side, on one node or on a claim of several."""

from __future__ import annotations

import contextlib
import random
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.models.bucket_server import FILES, ONE, SHARD, Content, Node, came, serving, until

pytestmark = pytest.mark.slow

KILLS = 10
"""How often a fetch is killed, at another instant each time."""


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_a_fetch_that_was_killed_goes_on_where_it_was_and_shows_nothing_before(node: Node) -> None:
    content = Content(dict(FILES), pace=0.02)
    with serving(content) as endpoint:
        for least in (500_000, 1_200_000, 2_500_000):
            with node.start(endpoint, FILES) as pod:
                until(lambda: came(node) > least)  # noqa: B023  called at once
                pod.kill()
            assert not node.final.exists()
        content.pace = 0
        code, said = node.fetch(endpoint, FILES)

    assert (code, node.fetched()) == (0, FILES), said
    assert max(one.start for one in content.asked if one.path == SHARD) > 0
    assert "goes on at" in "\n".join(said)
    assert content.sent < 2 * sum(map(len, FILES.values()))


def test_a_fetch_that_is_killed_anywhere_is_completed_by_the_next_one(node: Node) -> None:
    instants = random.Random(18)  # noqa: S311  no secret
    with serving(Content(dict(FILES), pace=0.005)) as endpoint:
        for _ in range(KILLS):
            shutil.rmtree(node.store, ignore_errors=True)
            with node.start(endpoint, FILES) as pod:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    pod.wait(instants.uniform(0, 1))
                pod.kill()
            code, said = node.fetch(endpoint, FILES)

            assert (code, node.fetched()) == (0, FILES), said


def test_a_part_that_is_bad_or_too_long_on_the_disk_does_not_survive(node: Node) -> None:
    part = node.store / f"{node.name}.partial" / "parts" / SHARD
    for bad in (b"x" * 2_000_000, b"x" * 4_000_000):
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(bad)
        with serving(Content(dict(ONE))) as endpoint:
            code, said = node.fetch(endpoint, ONE)

        assert (code, node.fetched()) == (0, ONE), said
        (node.final / SHARD).unlink()


def test_sigterm_ends_the_download_immediately_and_keeps_the_fetched_part(node: Node) -> None:
    with serving(Content(dict(ONE), pace=0.05)) as endpoint, node.start(endpoint, ONE) as pod:
        until(lambda: came(node) > 1_000_000)
        pod.send_signal(signal.SIGTERM)

        assert pod.wait(10) == 143
    assert came(node) > 1_000_000


@pytest.mark.parametrize("more", [(), ("--shared", "--beat", 0.1)])
def test_pods_that_start_side_by_side_fetch_once_and_say_whose_turn_it_is(node: Node, more: tuple[object, ...]) -> None:
    content = Content(dict(FILES), pace=0.01)
    with serving(content) as endpoint:
        pods = [node.start(endpoint, FILES, *more) for _ in range(4)]
        said = [pod.communicate(timeout=60)[0] for pod in pods]

    assert [pod.returncode for pod in pods] == [0, 0, 0, 0], said
    assert node.fetched() == FILES
    assert len(content.asked) == len(FILES) - 1  # nobody asks for an empty file
    waited = [text for text in said if "whose turn it is to fetch qwen-0123456789" in text]
    assert 1 <= len(waited) <= 3  # on a busy machine, a pod may start after the end


def test_another_pod_takes_over_from_one_that_was_killed(node: Node) -> None:
    content = Content(dict(ONE), pace=0.05)
    with serving(content) as endpoint, node.start(endpoint, ONE) as first:
        until(lambda: came(node) > 1_000_000)
        with node.start(endpoint, ONE) as second:
            assert second.stdout
            assert "whose turn it is" in second.stdout.readline()
            first.kill()
            content.pace = 0
            said, _ = second.communicate(timeout=60)

    assert (second.returncode, node.fetched()) == (0, ONE), said
    assert "goes on at" in said


def another_node(node: Node) -> Node:
    """A node that sees the same store and knows nothing of the locks of the first, as without a lock manager."""
    (node.root / "other").mkdir(exist_ok=True)
    (node.root / "other" / "store").symlink_to(node.store)
    return Node(node.root / "other", node.name)


def unlocked(node: Node) -> None:
    """Let go of the lock as another node would not see it."""
    (node.store / f".{node.name}.lock").unlink()


def test_on_a_claim_without_locks_the_signs_of_life_tell_whose_turn_it_is(node: Node) -> None:
    content, beat = Content(dict(ONE), pace=0.05), ("--shared", "--beat", 0.1)
    other = another_node(node)
    with serving(content) as endpoint, node.start(endpoint, ONE, *beat) as first:
        until(lambda: came(node) > 1_000_000)
        unlocked(node)
        with other.start(endpoint, ONE, *beat) as second:
            said = [pod.communicate(timeout=60)[0] for pod in (first, second)]

    assert (first.returncode, second.returncode) == (0, 0), said
    assert "whose turn it is" in said[1]
    assert (len(content.asked), node.fetched()) == (1, ONE)


def test_on_a_claim_without_locks_a_node_that_died_is_not_waited_for(node: Node) -> None:
    content, beat = Content(dict(ONE), pace=0.05), ("--shared", "--beat", 0.05)
    other = another_node(node)
    with serving(content) as endpoint, node.start(endpoint, ONE, *beat) as first:
        until(lambda: came(node) > 1_000_000)
        first.kill()
        unlocked(node)
        content.pace = 0
        code, said = other.fetch(endpoint, ONE, *beat)

    assert (code, node.fetched()) == (0, ONE), said
    assert "gives no sign of life; taking over" in "\n".join(said)
    assert "goes on at" in "\n".join(said)


def test_who_lost_its_turn_shows_nothing(node: Node) -> None:
    content = Content(dict(ONE), pace=0.05)
    with serving(content) as endpoint, node.start(endpoint, ONE, "--shared", "--beat", 0.1) as pod:
        until(lambda: came(node) > 1_000_000)
        (node.store / f".{node.name}.lease").write_text("somebody else\n")
        said, _ = pod.communicate(timeout=60)

    assert (pod.returncode, node.final.exists()) == (1, False)
    assert "another pod has taken over" in said
    assert (node.store / f".{node.name}.lease").exists()
