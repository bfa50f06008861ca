"""Reads a unit of systemd as the script that it runs."""

from __future__ import annotations

import re

UNIT_FILE = "EnvironmentFile"
"""The command that stands for a file of variables."""
_SECTION = re.compile(r"^\[Service\]\s*$", re.MULTILINE)
_START = re.compile(r"^ExecStart=", re.MULTILINE)
_COMMAND = re.compile(r"ExecStart(?:Pre|Post)?=[-@:+!|]*(?P<command>.*)")
_VARIABLES = re.compile(r"Environment=(?P<settings>.*)")
_FILE = re.compile(r"EnvironmentFile=-?(?P<path>.*)")


def is_unit(text: str) -> bool:
    """Whether a text is a unit of systemd that starts something."""
    return bool(_SECTION.search(text) and _START.search(text))


def script_of_unit(text: str) -> str:
    """The commands and the variables of a unit as bash has them, each on its own line."""
    lines = []
    continues = False
    for line in text.split("\n"):
        script_line = line if continues else _as_bash(line.strip())
        lines.append(script_line)
        continues = bool(script_line) and line.rstrip().endswith("\\")
    return "\n".join(lines)


def _as_bash(line: str) -> str:
    """A line of a unit as bash has it; empty for settings that concern systemd only."""
    command = _COMMAND.fullmatch(line)
    if command:
        return command["command"]
    variables = _VARIABLES.fullmatch(line)
    if variables:
        return f"export {variables['settings']}"
    file = _FILE.fullmatch(line)
    if file:
        return f"{UNIT_FILE} {file['path']}"
    return ""
