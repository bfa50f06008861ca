"""`ascend-vllm` as a process of its own: pipes, colours, exit codes and standard input as the shell sees them."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import BAD, GOOD
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "cli"]


def environment(**more: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    return {**kept, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **more}


def run(*arguments: str, cwd: Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, *arguments], check=False, cwd=cwd, input=stdin, capture_output=True, env=environment()
    )


def on_a_terminal(*arguments: str, cwd: Path, **more: str) -> str:
    """What a command writes to a terminal."""
    ours, theirs = pty.openpty()
    subprocess.run(
        [*COMMAND, *arguments], check=False, cwd=cwd, stdout=theirs, stderr=subprocess.DEVNULL, env=environment(**more)
    )
    os.close(theirs)
    parts = []
    try:
        while part := os.read(ours, 65536):
            parts.append(part)
    except OSError:  # the end of a terminal on Linux
        pass
    os.close(ours)
    return b"".join(parts).decode()


def test_the_installed_command_is_this_program() -> None:
    scripts = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

    assert 'ascend-vllm = "cli.app:main"' in scripts


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("check", "good.yaml"), 0),
        (("check", "bad.yaml"), 1),
        (("check", "none.yaml"), 2),
        (("check", "."), 2),
        (("check", "./"), 3),
        (("check", "bad.yaml", "--format", "sarif"), 0),
    ],
)
def test_the_shell_sees_the_exit_code(arguments: tuple[str, ...], code: int, tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_text(BAD)
    done = run(*arguments, cwd=tmp_path)

    assert code == done.returncode
    assert b"Traceback" not in done.stderr


def test_an_output_that_nobody_reads_is_no_verdict(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(BAD)
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*COMMAND, "check", "bad.yaml"],
        check=False,
        cwd=tmp_path,
        stdout=writer,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    os.close(writer)

    assert (done.returncode, done.stderr) == (3, b"")


@pytest.mark.parametrize(("stdin", "code"), [(GOOD.encode(), 0), (b"\xff", 1), (GOOD.encode("utf-16"), 1), (b"", 1)])
def test_any_bytes_may_come_from_standard_input(stdin: bytes, code: int, tmp_path: Path) -> None:
    done = run("check", "-", cwd=tmp_path, stdin=stdin)

    assert code == done.returncode
    assert done.stderr == b""


def test_a_terminal_gets_colours_and_a_pipe_none(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(BAD)
    coloured = on_a_terminal("check", "bad.yaml", cwd=tmp_path)
    plain = run("check", "bad.yaml", cwd=tmp_path).stdout.decode()

    assert "\x1b[1;31merror[unknown-key]" in coloured
    assert "\x1b" not in plain


def test_no_color_is_honoured_and_colours_are_all_that_differs(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(BAD)
    uncoloured = on_a_terminal("check", "bad.yaml", cwd=tmp_path, NO_COLOR="1")

    assert "\x1b" not in uncoloured
    assert run("check", "bad.yaml", cwd=tmp_path).stdout.decode() == uncoloured.replace("\r\n", "\n")


def test_colours_can_be_forced_into_a_pipe_unless_they_are_not_wanted(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(BAD)
    command = [*COMMAND, "check", "bad.yaml"]
    forced = environment(FORCE_COLOR="1")
    coloured = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, env=forced).stdout
    unwanted = {**forced, "NO_COLOR": "1"}
    plain = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, env=unwanted).stdout

    assert b"\x1b[1;31merror[" in coloured
    assert b"\x1b" not in plain


def test_a_file_of_errors_has_no_colours_although_the_output_is_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(BAD)
    ours, theirs = pty.openpty()
    with (tmp_path / "errors").open("wb") as errors:
        command = [*COMMAND, "drift", "bad.yaml"]
        subprocess.run(command, check=False, cwd=tmp_path, stdout=theirs, stderr=errors, env=environment())
    os.close(theirs)
    os.close(ours)

    assert (tmp_path / "errors").read_bytes().startswith(b"error[")


def test_lines_are_not_wrapped_when_piped(tmp_path: Path) -> None:
    long = f"/mnt/{'models/' * 60}Qwen"
    (tmp_path / "a.yaml").write_text(
        BAD.replace("/mnt/models/Qwen2-7B-Instruct\n      npus: 2", f"{long}\n      npus: 2")
    )
    done = run("script", "a.yaml", "idle", cwd=tmp_path)
    checked = run("check", "a.yaml", cwd=tmp_path)

    assert done.returncode == 0
    assert checked.returncode == 1
    assert max(map(len, checked.stdout.decode().splitlines())) > 80


@pytest.mark.parametrize("arguments", [["check", "dev"], ["script", "dev", "qwen2-7b"], ["render", "prod"]])
def test_an_output_that_cannot_be_written_ends_with_3(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, *arguments], check=False, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True
        )

    assert done.returncode == 3
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
