"""`ascend-vllm checksums`: made of a directory, taken by a pod."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.app import app
from models.stack_file.load import disk
from models.stack_file.named_files import read_named
from tests.models.stand_in_server import run as run_script


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["checksums", *map(str, arguments)])


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    directory = tmp_path / "Qwen2-7B"
    (directory / "adapters").mkdir(parents=True)
    (directory / "config.json").write_text("{}")
    (directory / "模型.safetensors").write_bytes(b"x" * 3_000_000)
    (directory / "adapters" / "a.bin").write_bytes(b"")
    (directory / ".gitattributes").touch()
    (directory / ".cache").mkdir()
    (directory / ".cache" / "lock").touch()
    return directory


def test_every_file_is_listed_with_its_size_and_checksum_but_hidden_ones(weights: Path) -> None:
    done = run(weights)
    files = json.loads(done.stdout)["files"]

    assert done.exit_code == 0
    assert list(files) == ["adapters/a.bin", "config.json", "模型.safetensors"]
    assert files["config.json"] == {
        "size": 2,
        "sha256": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    }


def test_a_stack_reads_the_checksums_and_a_pod_verifies_it(weights: Path, tmp_path: Path) -> None:
    file = tmp_path / "checksums" / "qwen.json"
    done = run(weights, "-o", file)
    found, wrong = read_named("weight-files", file, ("services", "qwen", "model", "verify"), disk)

    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.splitlines()[-1] == f"{file}: 3 files, 2.9 MiB"
    assert found is not None
    assert (wrong, found.total) == ([], 3_000_002)
    assert run_script("verify.py", "--directory", weights, "--manifest", file).returncode == 0


def test_the_old_name_of_the_command_still_works_and_is_not_listed(weights: Path) -> None:
    old = CliRunner().invoke(app, ["manifest", str(weights)])
    listed = CliRunner().invoke(app, ["--help"]).stdout

    assert old.exit_code == 0
    assert old.stdout == run(weights).stdout
    assert "  checksums " in listed
    assert "  manifest " not in listed


def test_the_same_directory_gives_the_same_checksums(weights: Path) -> None:
    assert run(weights).stdout == run(weights).stdout


def test_what_is_no_directory_with_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".hidden").touch()
    for directory, message in ((tmp_path / "no", "there is no directory"), (tmp_path, "has no files")):
        done = run(directory)

        assert isinstance(done.exception, Exception)
        assert message in str(done.exception)


def test_more_files_than_a_pod_takes_are_refused(tmp_path: Path) -> None:
    for number in range(900):
        (tmp_path / f"{number:0200}").touch()

    assert "more than 180000 bytes" in str(run(tmp_path).exception)


def test_a_pipe_or_a_device_among_the_weights_is_refused_and_nobody_waits_for_it(weights: Path) -> None:
    pipe = weights / "b.safetensors"
    os.mkfifo(pipe)
    of_pipe = run(weights)
    pipe.unlink()
    pipe.symlink_to("/dev/zero")
    of_device = run(weights)

    for done in (of_pipe, of_device):
        assert (done.exit_code, str(done.exception)) == (
            1,
            f"{pipe} cannot be read: it is a pipe or a device, not a file",
        )


def test_a_file_that_cannot_be_written_is_reported(weights: Path) -> None:
    assert "cannot be written" in str(run(weights, "-o", weights).exception)


def test_a_file_that_the_disk_cannot_read_is_named(weights: Path) -> None:
    (weights / "config.json").unlink()
    (weights / "config.json").symlink_to("/proc/self/mem")  # opens, and fails to be read, for root too

    assert str(run(weights).exception).startswith(f"{weights}/config.json cannot be read: Input/output error")
