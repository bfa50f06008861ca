"""The real configuration of an engine: vLLM 0.23.0 with the plugin; `make test-configs` installs both."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

ENVIRONMENT = os.environ.get("REAL_VLLM", "")
"""The virtual environment with the wheel of vLLM."""

PLUGIN = os.environ.get("REAL_PLUGIN", "")
"""The directory with the files of the wheel of vllm-ascend."""

collect_ignore_glob = [] if PLUGIN else ["test_*.py"]


def refusals(commands: Sequence[Sequence[str]]) -> list[str]:
    """Why the engine refuses the words after `vllm serve`, or an empty text, for each command."""
    program = [f"{ENVIRONMENT}/bin/python", str(Path(__file__).with_name("real_config.py")), PLUGIN]
    done = subprocess.run(program, input=json.dumps(commands), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    answers: list[str] = json.loads(done.stdout.splitlines()[-1])
    return answers
