"""Two pods of a group, for each test."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.models.groups.member_pods import Pods


@pytest.fixture
def pods(tmp_path: Path) -> Iterator[Pods]:
    group = Pods(tmp_path)
    yield group
    for process in group.processes.values():
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
            process.send_signal(signal.SIGCONT)
        process.wait(30)
