"""The commands that a newcomer copies: the command line accepts each, and none meets a file that is shipped."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.test_help import PATHS, help_text, parse, simple_commands
from tests.conftest import ROOT

PAGES = [
    ROOT / "README.md",
    *(ROOT / "docs" / name for name in ("first-deployment.md", "first-deployment.zh.md", "ci.md", "convert.md")),
    ROOT / "cli" / "project_files" / "README.md",
]


def copied_lines(page: Path) -> list[str]:
    """The lines of indented blocks, with continued lines joined and without comments."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ").replace("@stack@", "prod")
    lines = re.findall(r"^    (?! )(.*)$", text, re.MULTILINE)
    return [line.partition(" # ")[0].strip() for line in lines]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_command_line_accepts_every_command_of_a_page(page: Path) -> None:
    commands = [
        words
        for line in copied_lines(page)
        if line.startswith("ascend-vllm ")
        for words in simple_commands(line)
        if words[0] == "ascend-vllm"
    ]

    assert commands
    for words in commands:
        parse(words[1:])


@pytest.mark.parametrize("page", ["first-deployment.md", "first-deployment.zh.md"])
def test_the_first_deployment_leaves_no_step_out(page: str) -> None:
    lines = [line.partition(" #")[0].strip() for line in copied_lines(ROOT / "docs" / page)]
    steps = (
        "make setup",
        "ascend-vllm init --stack prod --context prod-guiyang",
        "ascend-vllm check",
        "pulumi login file://~",
        "export PULUMI_CONFIG_PASSPHRASE_FILE=~/.our-models-passphrase",
        ".venv/bin/python -m pip install -r requirements.txt",
        "pulumi stack init prod",
        "pulumi preview",
        "pulumi up",
        "ascend-vllm smoke prod",
    )

    assert [line for line in lines if line in steps] == list(steps)


def test_no_example_writes_a_stack_file_that_is_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = {file.name for file in ROOT.glob("Pulumi*.yaml")}
    texts = [page.read_text(encoding="utf-8") for page in (ROOT / "docs").rglob("*.md")]
    texts += [(ROOT / "README.md").read_text(encoding="utf-8")]
    texts += [help_text(path, monkeypatch) for path in PATHS]
    written = {name for text in texts for name in re.findall(r"(?:-o|--output) (Pulumi\.\S+\.yaml)", text)}

    assert "Pulumi.guiyang.yaml" in written
    assert written & shipped == set()
