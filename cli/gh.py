"""GitHub's API through its command line `gh`, which knows the token and the host."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any

from cli.errors import CommandError, ExitCode

BOT = "github-actions[bot]"
"""Who a workflow's own token writes as. What others wrote is never changed, whatever marker it has."""


def pages(path: str) -> list[dict[str, Any]]:
    """All entries of a list.

    Raises:
        CommandError: There is no gh, or GitHub refuses.
    """
    return [entry for page in json.loads(_gh("--paginate", "--slurp", path)) for entry in page]


def send(method: str, path: str, fields: Mapping[str, Any]) -> None:
    """Make or change something.

    Raises:
        CommandError: There is no gh, or GitHub refuses.
    """
    _gh("--method", method, path, "--input", "-", stdin=json.dumps(fields))


def is_ours(entry: Mapping[str, Any], marker: str) -> bool:
    """Whether a comment or an issue is one that we wrote with this marker at its beginning."""
    return (entry.get("user") or {}).get("login") == BOT and str(entry.get("body") or "").startswith(marker)


def _gh(*arguments: str, stdin: str = "") -> str:
    try:
        done = subprocess.run(
            ["gh", "api", *arguments], input=stdin, capture_output=True, encoding="utf-8", check=False
        )
    except FileNotFoundError:
        raise CommandError("gh is not installed", "install GitHub's command line", ExitCode.COULD_NOT_RUN) from None
    if done.returncode:
        said = done.stderr.strip().partition("\n")[0] or f"gh ended with {done.returncode}"
        fix = "give the job the permission, and its token as GH_TOKEN"
        raise CommandError(f"GitHub refuses: {said}", fix, ExitCode.COULD_NOT_RUN)
    return done.stdout
