"""GitHub's API through its command line `gh`, which knows the token and the host."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any

from cli.errors import CommandError, ExitCode

BOT = "github-actions[bot]"
"""The author of what a workflow writes. Texts of other authors are never changed, whatever their marker."""


def pages(path: str) -> list[dict[str, Any]]:
    """All entries of a list, from all of its pages.

    Raises:
        CommandError: There is no gh, or GitHub refuses.
    """
    entries: list[dict[str, Any]] = []
    for page in json.loads(_gh("--paginate", "--slurp", path)):
        entries += page
    return entries


def send(method: str, path: str, fields: Mapping[str, Any]) -> None:
    """Create or change something.

    Raises:
        CommandError: There is no gh, or GitHub refuses.
    """
    _gh("--method", method, path, "--input", "-", stdin=json.dumps(fields))


def is_ours(entry: Mapping[str, Any], marker: str) -> bool:
    """Whether a workflow wrote a comment or an issue that begins with this marker."""
    author = entry.get("user") or {}
    body = str(entry.get("body") or "")
    return author.get("login") == BOT and body.startswith(marker)


def _gh(*arguments: str, stdin: str = "") -> str:
    command = ["gh", "api", *arguments]
    try:
        done = subprocess.run(
            command, input=stdin, capture_output=True, encoding="utf-8", check=False
        )
    except FileNotFoundError:
        raise CommandError(
            "gh is not installed",
            "install GitHub's command line",
            ExitCode.COULD_NOT_RUN,
        ) from None
    if done.returncode:
        first_line = done.stderr.strip().partition("\n")[0]
        reason = first_line or f"gh ended with {done.returncode}"
        fix = "give the job the permission, and its token as GH_TOKEN"
        raise CommandError(f"GitHub refuses: {reason}", fix, ExitCode.COULD_NOT_RUN)
    return done.stdout
