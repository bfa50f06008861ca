"""A stack file comes out of the sandbox as its author wrote it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox import stackfile

WRITTEN = """\
# the dev stack
config:
    a:list: [1,   2]     # two
"""
BY_PULUMI = """\
# the dev stack
config:
  a:list: [1, 2] # two
encryptionsalt: v1:abc=
"""


@dataclass(frozen=True)
class Case:
    reason: str
    before: str
    after: str
    expected: str


CASES = [
    Case("the salt and the new format are taken back", WRITTEN, BY_PULUMI, WRITTEN),
    Case("a salt of one's own stays", BY_PULUMI, BY_PULUMI, BY_PULUMI),
    Case("a new setting stays, as Pulumi wrote it", WRITTEN, BY_PULUMI + "x: 1\n", BY_PULUMI + "x: 1\n"),
    Case("a setting that was removed stays removed", WRITTEN, "encryptionsalt: v1:a\n", "encryptionsalt: v1:a\n"),
    Case("an edit by hand meanwhile stays", WRITTEN, WRITTEN + "# new\n", WRITTEN + "# new\n"),
    Case("what is no YAML is not touched", WRITTEN, "a: [", "a: ["),
    Case("an empty file stays empty", "", "encryptionsalt: v1:a\n", ""),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
def test_a_stack_file_is_kept(case: Case, tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text(case.before)

    with stackfile.kept(tmp_path, "dev"):
        file.write_text(case.after)

    assert file.read_text() == case.expected


def test_a_stack_file_is_kept_when_pulumi_fails(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text(WRITTEN)

    def fail() -> None:
        with stackfile.kept(tmp_path, "dev"):
            file.write_text(BY_PULUMI)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert file.read_text() == WRITTEN


def test_a_stack_without_a_file_gets_none(tmp_path: Path) -> None:
    with stackfile.kept(tmp_path, "dev"):
        (tmp_path / "Pulumi.dev.yaml").write_text("encryptionsalt: v1:a\n")

    assert list(tmp_path.iterdir()) == []


def test_stack_files_in_a_directory_of_their_own_are_kept_too(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: x\nstackConfigDir: stacks\n")
    (tmp_path / "stacks").mkdir()
    file = tmp_path / "stacks" / "Pulumi.dev.yaml"
    file.write_text(WRITTEN)

    with stackfile.kept(tmp_path, "dev"):
        file.write_text(BY_PULUMI)

    assert file.read_text() == WRITTEN
