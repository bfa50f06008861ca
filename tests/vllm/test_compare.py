"""`compare` between real servers: the verdict is right for equal ones, for other number formats and for broken models.

OTHER_VLLM and OTHER_VLLM_RELEASE name the environment of another release; without them, there is no pair of releases.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from client.comparison.questions import Question, built_in
from client.comparison.run import compare
from client.comparison.side import Side, described
from client.comparison.speed import SpeedLoad
from client.http import linked
from models.engines.requests import Kind
from models.stack_file.keys.comparison import Compare
from tests.conftest import ROOT
from tests.vllm import compared_model
from tests.vllm.conftest import ENVIRONMENT, RELEASE, Served, running

KEY = "sk-tiny"
PAIRS = 50
OTHER = os.environ.get("OTHER_VLLM", "")
OTHER_RELEASE = os.environ.get("OTHER_VLLM_RELEASE", "")


@dataclass(frozen=True)
class Change:
    """How a server differs from the one that it is compared with, and what the verdict has to be."""

    name: str
    reasons: frozenset[str] = frozenset()
    """Measures of which at least one has to hold the server. None: it is promoted."""
    change: Callable[[Path], None] = lambda _: None
    dtype: str = "float32"
    environment: str = ENVIRONMENT
    release: str = RELEASE


CHANGES = [
    Change("equal"),
    Change("other number format", dtype="bfloat16"),
    Change("end of weights lost", frozenset({"logprobs"}), compared_model.lose_end_of_weights),
    Change("weights of another sign", frozenset({"logprobs"}), compared_model.flip_bits_of_weights),
    Change(
        "longer template",
        frozenset({"prompts"}),
        lambda model: compared_model.change_template(
            model, "{% for message in messages %}Q: {{ message.content }}\\nA:{% endfor %}"
        ),
    ),
    Change(
        "template of the same length",
        frozenset({"logprobs"}),
        lambda model: compared_model.change_template(
            model, "{% for message in messages %}x{{ message.content }}{% endfor %}"
        ),
    ),
]
if OTHER:
    CHANGES.append(Change("other release", environment=OTHER, release=OTHER_RELEASE))


class NoProgress:
    """Shows nothing."""

    def begin(self, things: str, total: int) -> None:
        pass

    def tick(self) -> None:
        pass


@pytest.fixture(scope="module")
def a(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The server that others are compared with."""
    directory = tmp_path_factory.mktemp("a")
    compared_model.write(directory / "model")
    with running(directory) as server:
        yield server


def compared(a: Served, b: Served, *options: str) -> tuple[int, dict[str, Any]]:
    """The exit code and the JSON of a comparison of two addresses."""
    done = subprocess.run(
        [sys.executable, "-m", "cli", "compare", a.url, b.url, *options, "--format", "json"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "VLLM_API_KEY": KEY},
    )
    assert done.returncode in (0, 1), done.stderr
    assert KEY not in done.stdout + done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_the_verdict_is_right(change: Change, a: Served, tmp_path: Path) -> None:
    compared_model.write(tmp_path / "model")
    change.change(tmp_path / "model")
    with running(tmp_path, change.environment, change.release, change.dtype) as b:
        code, record = compared(a, b, "--rounds", "0")

    reasons = {reason["name"] for reason in record["reasons"]}
    print(change.name, record["verdict"], json.dumps(record["measures"]), record["reasons"])
    if change.reasons:
        assert (code, record["verdict"]) == (1, "hold")
        assert change.reasons & reasons
    else:
        assert (code, record["verdict"], reasons) == (0, "promote", set())
    states = {question["state"] for question in record["questions"]}
    assert "failed" not in states


@pytest.mark.timeout(3600)
def test_equal_pairs_are_held_no_more_often_than_stated(a: Served) -> None:
    """With an error probability of 0.05, more than 6 of 50 have a probability of 0.01."""
    questions = [question.model_copy(update={"max_tokens": 16}) for question in built_in("en")[:20]]
    verdicts = [asyncio.run(_verdict(a, questions, seed)) for seed in range(PAIRS)]
    held = [reasons for word, reasons in verdicts if word == "hold"]
    print("held", len(held), "of", PAIRS, held)

    assert len(held) <= 6


async def _verdict(server: Served, questions: list[Question], seed: int) -> tuple[str, list[str]]:
    """The verdict about a server compared with itself, answers and speed."""
    load = SpeedLoad(rounds=6, requests=4, concurrency=2, seed=seed)
    async with linked(server.url, KEY, timeout=600) as link:
        service = await described(link)
        a, b = (Side(name, service, link, Kind.CHAT) for name in ("a", "b"))
        found = await compare(a, b, questions, load, Compare(), NoProgress())
    return found.verdict.word, [reason.text for reason in found.verdict.reasons]
