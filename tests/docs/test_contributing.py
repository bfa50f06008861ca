"""CONTRIBUTING.md names files, functions and make targets that exist, and its walk-through works as written."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
RULE = "one-request-at-a-time"
PACKAGES = (
    "cli",
    "client",
    "cluster",
    "components",
    "convert",
    "docs",
    "models",
    "review",
    "sandbox",
    "schema",
    "tests",
)


def code_spans() -> list[str]:
    """The texts between single backticks, without blocks of code."""
    prose = re.sub(r"^```.*?^```", "", PAGE, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([^`\n]+)`", prose)


def blocks(language: str) -> list[str]:
    """The texts of the blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def is_defined(file: str, name: str = "") -> bool:
    """Whether a file exists and defines a name: a class, a function or a constant."""
    path = ROOT / file
    if not path.exists() or not name:
        return path.exists()
    definition = re.compile(rf"^(class |(async )?def )?{name}\b", re.MULTILINE)
    return definition.search(path.read_text(encoding="utf-8")) is not None


def test_every_path_exists_and_defines_the_name_after_it() -> None:
    paths = [span for span in code_spans() if re.match(r"[\w-]+/[\w.-]", span) and " " not in span and RULE not in span]
    missing = [path for path in paths if not is_defined(*path.split("::"))]

    assert len(paths) > 30
    assert missing == []


def test_every_folder_of_the_code_is_in_a_table() -> None:
    rows = re.findall(r"^\| (.+?) \|", PAGE, re.MULTILINE)
    named = set(re.findall(r"`([\w.]+)/?`", " ".join(rows)))
    stages = {path.name for path in (ROOT / "models").iterdir() if not path.name.startswith("__")}
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"bench"}

    assert stages <= named
    assert packages <= named


def test_every_folder_of_rules_has_a_subject_in_the_table() -> None:
    folders = {f"models/rules/{file.parent.name}/" for file in (ROOT / "models" / "rules").glob("*/__init__.py")}

    assert folders <= set(re.findall(r"\| `(models/rules/\w+/)` \|$", PAGE, re.MULTILINE))


def test_the_stages_are_listed_in_the_order_that_import_linter_checks() -> None:
    layers = (ROOT / "pyproject.toml").read_text("utf-8").partition('containers = ["models"]')[2]
    packages = [
        name for name in re.findall(r"\w+", layers.partition("exhaustive")[0]) if (ROOT / "models" / name).is_dir()
    ]
    rows = re.findall(r"^\| `(\w+)/`.* \| `models/", PAGE, re.MULTILINE)

    assert rows[::-1] == packages


def test_the_table_of_make_targets_is_complete() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert phony is not None
    table = PAGE.partition("## Make targets")[2].partition("\n\n|")[2].partition("\n\n")[0]

    assert set(re.findall(r"`make ([a-z-]+)`", table)) == set(phony[1].split())


def run(directory: Path, *arguments: str) -> str:
    """What a command of this Python prints in a directory."""
    done = subprocess.run([sys.executable, *arguments], cwd=directory, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the code in which a test may change files."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "e2e", "node"))
    for file in ("conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / file, tmp_path)
    return tmp_path


@pytest.mark.slow
def test_the_change_from_beginning_to_end_gives_what_the_page_shows(copy: Path) -> None:
    (function,) = blocks("python")
    refused, session = blocks("text")
    command, output = session.split("\n", 1)
    folder = copy / "tests" / "rules" / RULE
    folder.mkdir()
    rules = re.search(r"append it to `([\w/]+\.py)`", PAGE)
    assert rules is not None
    with (copy / rules[1]).open("a", encoding="utf-8") as module:
        module.write(f"\n\n{function}")
    (folder / "refused.yaml").write_text(refused, encoding="utf-8")
    (folder / "accepted.yaml").write_text("".join(refused.splitlines(keepends=True)[:-1]), encoding="utf-8")

    assert run(copy, "-m", "cli", *command.split()[2:]) == output

    tests = ("tests/rules/test_rules.py", "tests/docs/test_reference.py", "-k", f"{RULE} or page_of_the_rules")
    pytest_command = ("-m", "pytest", "-p", "no:cacheprovider", "--timeout", "100")
    run(copy, *pytest_command, "--update", *tests)
    result = run(copy, *pytest_command, *tests)

    assert "passed" in result
    assert "failed" not in result
    assert RULE in (folder / "refused.out").read_text("utf-8")
    assert f"## {RULE}" in (copy / "docs" / "rules.md").read_text("utf-8")
