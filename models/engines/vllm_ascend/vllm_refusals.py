"""Settings that vLLM itself refuses when it creates the configuration of its engine, with the line of each release.

These refusals do not depend on the plugin. They hold for releases whose plugin is not known too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

from models.engines.edits import extra_argument_key, extra_argument_mark
from models.engines.model_server import ModelServer
from models.engines.vllm_ascend.refusals import Problem
from models.finding import Finding, error

_FILE = Path(__file__).parent / "vllm_refusals.json"

Check = Callable[[ModelServer], Iterator[Problem]]


def refused_flag(server: ModelServer, flag: str, refusal: str, because: str) -> Problem:
    """A flag under `extraArgs` that the release refuses, and whose removal is the fix.

    Args:
        server: The server.
        flag: The flag.
        refusal: The id of the refusal in the tables.
        because: The reason, as the end of a sentence that begins with the flag.
    """
    return Problem(
        refusal=refusal,
        message=f"--{flag} {because}",
        fix=f"remove {extra_argument_key(server, flag)}",
        marks=[extra_argument_mark(server, flag)],
    )


def refused_by_vllm(server: ModelServer, *checks: Check) -> Iterator[Finding]:
    """An error for each problem that the release refuses."""
    version = server.release.version
    for check in checks:
        for problem in check(server):
            place = places()[problem.refusal].get(version)
            if place is None:
                continue
            yield error(
                problem.message,
                why=f"vLLM {version} exits at start ({place})",
                fix=problem.fix,
                marks=problem.marks,
            )


@cache
def places() -> Mapping[str, Mapping[str, str]]:
    """File and line of each refusal, by its id and by the release. A release that is missing does not refuse it."""
    table: dict[str, dict[str, str]] = json.loads(_FILE.read_text(encoding="utf-8"))[
        "places"
    ]
    return table
