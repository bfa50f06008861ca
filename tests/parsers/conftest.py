"""The argument parsers of real releases of vLLM; `make test-parsers` fetches their wheels."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WHEELS = os.environ.get("VLLM_WHEELS", "")
"""A directory with an unpacked wheel of vLLM for each release."""

collect_ignore_glob = [] if WHEELS else ["test_*.py"]


@dataclass(frozen=True)
class Answer:
    """What a parser says about the words of a command."""

    values: dict[str, Any] | None
    """The values of the flags; None if the parser refuses the words."""
    error: str


def ask_parser(release: str, commands: Sequence[Sequence[str]]) -> list[Answer]:
    """Ask the parser of `vllm serve` of a release about the words after `vllm serve`, in one process."""
    program = [sys.executable, str(Path(__file__).with_name("real_parser.py")), str(Path(WHEELS) / release)]
    done = subprocess.run(program, input=json.dumps(commands), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    answers: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return [Answer(answer["values"], answer["error"]) for answer in answers]
