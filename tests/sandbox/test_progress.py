"""Progress is talk on stderr: whole lines when piped, a spinner on a terminal only."""

from __future__ import annotations

import sys
import time

import pytest

from sandbox.progress import announced, duration, say, working


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (4.4, "4 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s"), (660, "11 min 00 s")],
)
def test_durations_are_written_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_pipe_gets_whole_lines_only(capsys: pytest.CaptureFixture[str]) -> None:
    with working("building") as clock:
        say(f"built in {clock}", "pulumi")

    assert capsys.readouterr() == ("", "pulumi    built in 0 s\n")


def test_a_terminal_gets_a_spinner_that_goes_away(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    with working("building"):
        time.sleep(0.3)

    shown = capsys.readouterr().err
    assert "sandbox   building … 0 s |" in shown
    assert shown.endswith("\r\x1b[2K")


def test_a_pipe_is_told_at_the_beginning_what_takes_long(capsys: pytest.CaptureFixture[str]) -> None:
    with announced("importing", "sandbox"):
        assert capsys.readouterr().err == "sandbox   importing …\n"

    assert capsys.readouterr().err == ""
