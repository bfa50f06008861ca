"""A newcomer who follows the page about the real node sees what it shows."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from tests.conftest import ROOT
from tests.docs.examples import commands, run

PAGE = ROOT / "docs" / "real-node.md"


def test_the_manuals_five_steps_are_walked_on_a_real_node(tmp_path: Path) -> None:
    name, text = f"rehearsal-{os.getpid()}", PAGE.read_text(encoding="utf-8")
    for file in ("Pulumi.yaml", "__main__.py"):
        shutil.copy(ROOT / file, tmp_path / file)
    for package in ("sandbox", "models", "tests", "cli"):
        (tmp_path / package).symlink_to(ROOT / package)
    [stack] = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    stack = stack.replace("kwok-rehearsal", f"kwok-{name}").replace("nodes: 2", "nodes: 1")
    (tmp_path / "Pulumi.rehearsal.yaml").write_text(stack, encoding="utf-8")
    blocks = re.findall(r"^```session\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    try:
        for command in [command for block in blocks for command in commands(block)]:
            actual = run(command.line.replace("sandboxes/rehearsal/", f"sandboxes/{name}/"), tmp_path)

            assert command.matches(actual.replace(name, "rehearsal")), f"$ {command.line}\n{actual}"
    finally:
        run("ascend-vllm sandbox down rehearsal", tmp_path)
