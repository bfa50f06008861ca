"""A newcomer who follows the page about the real node sees what it shows."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.docs.examples import commands, run

PAGE = ROOT / "docs" / "real-node.md"
LEFT_OUT = (".git", ".venv*", ".*_cache", ".hypothesis", "__pycache__")


@pytest.mark.timeout(1800)  # the image is made the first time
def test_the_manuals_five_steps_are_walked_on_a_real_node(tmp_path: Path) -> None:
    name, copy = f"rehearsal-{os.getpid()}", tmp_path / "checkout"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_OUT), symlinks=True)
    (copy / ".venv").symlink_to(ROOT / ".venv")
    for file in ("pyproject.toml", "uv.lock"):
        os.utime(copy / file, (0, 0))  # the environment is this checkout's: make must not install the copy into it
    stack = copy / "rehearsal" / "Pulumi.rehearsal.yaml"
    stack.write_text(stack.read_text(encoding="utf-8").replace("kwok-rehearsal", f"kwok-{name}"), encoding="utf-8")
    before = stack.read_bytes()
    blocks = re.findall(r"^```session\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    try:
        for command in [command for block in blocks for command in commands(block)]:
            actual = run(command.line.replace("sandboxes/rehearsal/", f"sandboxes/{name}/"), copy)

            assert command.matches(actual.replace(name, "rehearsal")), f"$ {command.line}\n{actual}"
    finally:
        run("make rehearse-down", copy)

    assert stack.read_bytes() == before
