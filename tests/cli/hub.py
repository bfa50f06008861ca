"""GitHub as far as our workflows see it: a `gh` whose pull requests, comments and issues are kept in a file.

It refuses what GitHub refuses: no token, an address that there is not, a text that is too long.
"""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.conftest import ROOT

REPOSITORY = "team/models"
BOT = {"login": "github-actions[bot]", "type": "Bot"}
_PAGE = 2
"""Entries of a page; few, so that two pages are soon read."""


@dataclass(frozen=True)
class Hub:
    """A repository on GitHub, and the directory with the `gh` that leads there."""

    bin: Path

    @property
    def file(self) -> Path:
        return self.bin / "hub.json"

    @property
    def state(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads(self.file.read_text())
        return loaded

    def put(self, kind: str, **entry: Any) -> None:
        state = self.state
        state[kind].append({"id": 100 + len(state[kind]), "number": 100 + len(state[kind]), **entry})
        self.file.write_text(json.dumps(state))

    def bodies(self, kind: str = "comments") -> list[str]:
        return [entry["body"] for entry in self.state[kind]]


def hub(directory: Path) -> Hub:
    """Make a repository with one open pull request, number 7, from a fork."""
    directory.mkdir()
    made = Hub(directory)
    pull = {
        "number": 7,
        "state": "open",
        "base": "main",
        "head": {"sha": "a" * 40, "ref": "topic/1", "repo": {"full_name": "me/fork"}},
    }
    made.file.write_text(json.dumps({"pulls": [pull], "comments": [], "issues": [], "writes": []}))
    program = directory / "gh"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom tests.cli.hub import main\nmain()\n"
    )
    program.chmod(0o755)
    return made


def main() -> None:
    """Answer as `gh api` does."""
    if not os.environ.get("GH_TOKEN"):
        sys.exit("gh: To use GitHub CLI in a GitHub Actions workflow, set the GH_TOKEN environment variable.")
    here = Hub(Path(sys.argv[0]).parent)
    state = here.state
    if sys.argv[1:4] == ["api", "--paginate", "--slurp"] and len(sys.argv) == 5:
        entries = _list(state, sys.argv[4])
        print(json.dumps([entries[at : at + _PAGE] for at in range(0, max(len(entries), 1), _PAGE)]))
        return
    if [sys.argv[1:3], sys.argv[5:]] != [["api", "--method"], ["--input", "-"]]:
        sys.exit(f"unknown arguments: {sys.argv[1:]}")
    method, path, fields = sys.argv[3], sys.argv[4], json.load(sys.stdin)
    if len(fields.get("body", "")) > 65_536:
        sys.exit("gh: Validation Failed (HTTP 422)")
    state["writes"].append([method, path])
    _write(state, method, path, fields)
    here.file.write_text(json.dumps(state))


def _list(state: dict[str, Any], path: str) -> list[dict[str, Any]]:
    parts = urlsplit(path)
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    if parts.path == f"repos/{REPOSITORY}/pulls":
        return [one for one in state["pulls"] if _matches(one, query)]
    if parts.path == f"repos/{REPOSITORY}/issues/7/comments":
        return list(state["comments"])
    if parts.path == f"repos/{REPOSITORY}/issues":
        return [one for one in state["issues"] if one["state"] == query["state"]]
    sys.exit("gh: Not Found (HTTP 404)")


def _matches(pull: dict[str, Any], query: dict[str, str]) -> bool:
    owner = (pull["head"]["repo"] or {"full_name": "gone/"})["full_name"].partition("/")[0]
    head = f"{owner}:{pull['head']['ref']}"
    return (pull["state"], pull["base"], head) == (query["state"], query["base"], query["head"])


def _write(state: dict[str, Any], method: str, path: str, fields: dict[str, Any]) -> None:
    made = {"user": BOT, "state": "open", **fields}
    if (method, path) == ("POST", f"repos/{REPOSITORY}/issues/7/comments"):
        state["comments"].append({"id": 100 + len(state["comments"]), **made})
    elif (method, path) == ("POST", f"repos/{REPOSITORY}/issues"):
        state["issues"].append({"number": 100 + len(state["issues"]), **made})
    elif found := re.fullmatch(rf"repos/{REPOSITORY}/issues/(comments/)?(\d+)", path):
        kind, key = ("comments", "id") if found[1] else ("issues", "number")
        entry = next((one for one in state[kind] if str(one[key]) == found[2]), None)
        if method != "PATCH" or entry is None:
            sys.exit("gh: Not Found (HTTP 404)")
        entry.update(fields)
    else:
        sys.exit("gh: Not Found (HTTP 404)")
