"""The pages with commands for the sandbox, walked from the top in a copy of the repository."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.docs.examples import ONLINE, commands, run, wanted_code

PAGES = [
    page
    for page in sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
    if page.stem != "real-node"  # tests/node/test_docs.py, as it takes root
    if any(f"$ {word}" in page.read_text(encoding="utf-8") for word in ONLINE)
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_newcomer_who_follows_the_page_sees_what_it_shows(page: Path, tmp_path: Path) -> None:
    copy = tmp_path / "checkout"
    shutil.copytree(
        ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv*", ".*_cache", ".hypothesis", "__pycache__")
    )
    (copy / ".venv").symlink_to(ROOT / ".venv")
    for file in ("pyproject.toml", "uv.lock"):
        os.utime(copy / file, (0, 0))  # the environment is this checkout's: make must not install the copy into it
    stack = copy / "Pulumi.dev.yaml"
    stack.write_text(stack.read_text().replace("kwok-ascend-sandbox", f"kwok-docs-{os.getpid()}"))
    before = {file: file.read_bytes() for file in copy.glob("*.yaml")}
    blocks = re.findall(r"^```console\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    try:
        for command in [command for block in blocks for command in commands(block)]:
            actual = run(command.line, copy, wanted_code(command))

            assert command.matches(actual), f"$ {command.line}\n{actual}"
    finally:
        run("ascend-vllm sandbox down dev", copy)

    assert {file: file.read_bytes() for file in copy.glob("*.yaml")} == before
