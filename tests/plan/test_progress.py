"""The file with the progress of an upgrade."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from plan.progress import Progress, progress_file, read_progress, write_progress

PROGRESS = Progress(version=1, stack="prod", revision="abc", digest="def", steps=(), before={"qwen": 1})


def test_a_written_progress_is_read_again_and_leaves_no_other_file(tmp_path: Path) -> None:
    file = progress_file(tmp_path, "prod")

    write_progress(file, PROGRESS)

    assert read_progress(file) == PROGRESS
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("name", ["Pulumi.prod.upgrade.json", "Pulumi.prod.upgrade.new"])
def test_the_progress_is_not_written_through_a_link(name: str, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("kept")
    project = tmp_path / "project"
    project.mkdir()
    (project / name).symlink_to(victim)

    write_progress(progress_file(project, "prod"), PROGRESS)

    assert victim.read_text() == "kept"
    assert read_progress(progress_file(project, "prod")) == PROGRESS


def test_a_pipe_in_place_of_the_progress_is_refused(tmp_path: Path) -> None:
    file = progress_file(tmp_path, "prod")
    os.mkfifo(file)

    with pytest.raises(OSError, match="it is a pipe or a device"):
        read_progress(file)
