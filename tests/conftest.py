"""What all tests share: stack files made of text, and the manual's own pod and scripts."""

from __future__ import annotations

import functools
import os
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import typer.main

from models.service.resolve import resolve
from models.service.resolved import ResolvedStack
from models.stack_file.load import Read, disk, load_text

ROOT = Path(__file__).parent.parent

HEAD = """\
config:
  ascend-vllm:cluster:
    context: kwok-test
    pools:
      snt9b: {nodes: 2, npusPerNode: 8, npuMemory: 64Gi}
  ascend-vllm:services:
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update", action="store_true", help="write goldens and generated files again; other tests do not run"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--update"):
        items[:] = [item for item in items if "updating" in getattr(item, "fixturenames", ())]
    for item in items:
        if "e2e" in item.path.parts:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.timeout(900))  # several updates of Pulumi, with other tests at the same time
        is_example = item.path.suffix == ".md"
        is_property = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
        if is_example or is_property:
            item.add_marker(pytest.mark.slow)
    if os.geteuid() != 0:
        items[:] = [item for item in items if item.get_closest_marker("root") is None]


@pytest.fixture(autouse=True, scope="session")
def command_line_is_built_once() -> Iterator[None]:
    """Typer builds all commands for each call, which takes longer than most commands run."""
    build_once = functools.cache(typer.main.get_command)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.main.get_command", build_once)
        patch.setattr("typer.testing._get_command", build_once)
        yield


class FailedSubtests:
    """Subtests of which only the failed ones are reported: a report takes longer than most subtests."""

    def __init__(self, subtests: pytest.Subtests) -> None:
        self._subtests = subtests

    @contextmanager
    def test(self, msg: str | None = None, **values: Any) -> Iterator[None]:
        """Run the block as a subtest. The test continues after a failure and fails at its end."""
        try:
            yield
        except (Exception, pytest.fail.Exception):
            with self._subtests.test(msg, **values):
                raise


@pytest.fixture
def subtests(subtests: pytest.Subtests) -> FailedSubtests:
    """Pytest's own fixture, without reports of subtests that pass."""
    return FailedSubtests(subtests)


@pytest.fixture
def updating(request: pytest.FixtureRequest) -> bool:
    """Whether goldens are to be written instead of compared."""
    return bool(request.config.getoption("--update"))


@pytest.fixture
def golden(updating: bool) -> Callable[[Path, str], None]:
    """Compare a text with its golden file, or write it with --update."""

    def compare(file: Path, actual: str) -> None:
        if updating:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(actual, encoding="utf-8")

        assert file.read_text(encoding="utf-8") == actual, f"{file.name} differs; after a look: make generate"

    return compare


def stack_of(services: str, head: str = HEAD, read: Read = disk) -> ResolvedStack:
    """A stack with these services, written as in a stack file from the first column."""
    text = head + textwrap.indent(textwrap.dedent(services), "    ")
    return resolve(load_text("test", "Pulumi.test.yaml", text, read=read))
