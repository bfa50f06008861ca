"""`ascend-vllm github`: one comment a stack, one issue a stack, and nothing of anybody else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.conftest import Console, Done
from tests.cli.hub import BOT, REPOSITORY, Hub, hub

pytestmark = pytest.mark.slow

HEAD = {"head_repository": "me/fork", "head_branch": "topic/1", "head_commit": "a" * 40}
PROD = "<!-- ascend-vllm review: prod -->"
DRIFT = "<!-- ascend-vllm drift: prod -->"


@pytest.fixture
def github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("GH_TOKEN", "t")
    monkeypatch.setenv("GITHUB_REPOSITORY", REPOSITORY)
    (tmp_path / "comments").mkdir()
    return hub(tmp_path / "bin")


def post(console: Console, **changed: str) -> Done:
    options = [word for name, value in {**HEAD, **changed}.items() for word in (f"--{name.replace('_', '-')}", value)]
    return console("github", "comment", "comments", *options)


def review(tmp_path: Path, **texts: str) -> None:
    for file in (tmp_path / "comments").iterdir():
        file.unlink()
    for name, text in texts.items():
        (tmp_path / "comments" / f"{name}.md").write_text(text)


def test_every_stack_has_one_comment_that_is_updated_in_place(tmp_path: Path, github: Hub, console: Console) -> None:
    review(tmp_path, dev="1 changed\n", prod="2 changed\n", staging="3 changed\n")
    first = post(console)
    review(tmp_path, dev="1 changed\n", prod="none changed\n", staging="3 changed\n")
    second = post(console)

    assert (first.code, first.out, second.code, second.out) == (0, "", 0, "")
    bodies = github.bodies()
    assert [body.partition("\n")[2] for body in bodies] == ["1 changed", "none changed", "3 changed"]
    assert [method for method, _ in github.state["writes"]] == ["POST"] * 3 + ["PATCH"], "what is the same stays"


def test_the_comment_of_a_stack_that_is_no_longer_touched_reports_this(
    tmp_path: Path, github: Hub, console: Console
) -> None:
    review(tmp_path, prod="2 changed\n")
    post(console)
    review(tmp_path)
    post(console)

    assert github.bodies() == [f"{PROD}\nThis pull request no longer touches the stack."]


def test_a_comment_of_another_author_is_never_changed(tmp_path: Path, github: Hub, console: Console) -> None:
    stolen, quoted = f"{PROD}\nmine", f"see {PROD}"
    github.put("comments", body=stolen, user={"login": "mallory"})
    github.put("comments", body=quoted, user=BOT)
    github.put("comments", body=None, user=None)
    review(tmp_path, prod="2 changed\n")
    post(console)

    assert github.bodies() == [stolen, quoted, None, f"{PROD}\n2 changed"]


def test_a_comment_without_an_end_in_sight_is_cut_off(tmp_path: Path, github: Hub, console: Console) -> None:
    review(tmp_path, prod=PROD)
    os.truncate(tmp_path / "comments" / "prod.md", 1 << 40)

    done = post(console)

    assert done.code == 0
    (body,) = github.bodies()
    assert len(body) < 65_100
    assert body.endswith("(cut off)")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"head_commit": "b" * 40}, "there is a newer commit, with a run of its own"),
        ({"head_branch": "topic"}, "another branch"),
        ({"head_repository": "me/other"}, "another repository of the same owner"),
        ({"head_repository": "you/fork"}, "another owner"),
        ({"base": "release"}, "the pull request goes elsewhere"),
        ({"head_branch": "topic/1&head=x:y"}, "a branch's name is no part of the question"),
    ],
)
def test_only_the_pull_request_of_the_run_gets_comments(
    tmp_path: Path, github: Hub, console: Console, changed: dict[str, str], reason: str
) -> None:
    review(tmp_path, prod="2 changed\n")

    done = post(console, **changed)

    assert (done.code, github.state["writes"]) == (0, []), reason
    assert "no open pull request" in done.err, reason


def test_a_link_in_the_review_shows_nothing_of_the_job(tmp_path: Path, github: Hub, console: Console) -> None:
    (tmp_path / "token").write_text("s3cret")
    (tmp_path / "comments" / "prod.md").symlink_to(tmp_path / "token")

    done = post(console)

    assert (done.code, github.state["writes"]) == (2, [])
    assert "prod.md is not a file" in done.err


@pytest.mark.parametrize("name", ["a --> <b>", "-x", "模型", "a" * 101])
def test_a_name_that_is_none_of_a_stack_is_refused(tmp_path: Path, github: Hub, console: Console, name: str) -> None:
    review(tmp_path, **{name: "text"})

    done = post(console)

    assert (done.code, github.state["writes"]) == (2, [])
    assert "is not the comment of a stack" in done.err


def test_too_many_and_too_long_comments_are_cut(tmp_path: Path, github: Hub, console: Console) -> None:
    review(tmp_path, prod="x" * 100_000)
    assert post(console).code == 0
    assert github.bodies()[0].endswith("\n\n(cut off)")

    review(tmp_path, **{f"stack-{number}": "x" for number in range(51)})
    assert "51 comments are too many" in post(console).err


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ("GH_TOKEN=", "error: GitHub refuses: gh: To use GitHub CLI"),
        ("GITHUB_REPOSITORY=team/other", "error: GitHub refuses: gh: Not Found (HTTP 404)"),
        ("PATH=/nowhere", "error: gh is not installed"),
    ],
)
def test_an_error_of_github_is_reported(
    tmp_path: Path, github: Hub, console: Console, monkeypatch: pytest.MonkeyPatch, variable: str, message: str
) -> None:
    review(tmp_path, prod="x")
    monkeypatch.setenv(*variable.split("=", 1))

    done = post(console)

    assert (done.code, done.out) == (3, "")
    assert done.err.startswith(message)


def test_a_path_that_is_not_a_directory_is_reported(github: Hub, console: Console, tmp_path: Path) -> None:
    (tmp_path / "comments").rmdir()

    assert post(console).code == 2


def drift(console: Console, tmp_path: Path, text: str, code: int) -> Done:
    (tmp_path / "drift.txt").write_text(text)
    return console("github", "drift", "prod", "drift.txt", "--code", str(code))


def test_drift_opens_one_issue_updates_it_and_closes_it(tmp_path: Path, github: Hub, console: Console) -> None:
    ends = [drift(console, tmp_path, text, 1).code for text in ("3 → 5", "3 → 5", "3 → 7")]

    (issue,) = github.state["issues"]
    assert ends == [0, 0, 0]
    assert issue["title"] == "Drift in stack prod"
    assert issue["body"].startswith(f"{DRIFT}\n")
    assert "```text\n3 → 7\n```" in issue["body"]
    assert [method for method, _ in github.state["writes"]] == ["POST", "PATCH"]

    assert drift(console, tmp_path, "no drift", 0).code == 0
    assert github.state["issues"][0]["state"] == "closed"
    drift(console, tmp_path, "3 → 9", 1)
    assert [one["state"] for one in github.state["issues"]] == ["closed", "open"]


@pytest.mark.parametrize(
    ("text", "code", "reason"),
    [
        ("", 3, "the cluster could not be read"),
        ("", 1, "the stack file has errors, so nothing was compared"),
        ("half", 2, "wrong usage"),
        ("half", 143, "the command was ended"),
    ],
)
def test_unknown_drift_does_not_change_the_issue(
    tmp_path: Path, github: Hub, console: Console, text: str, code: int, reason: str
) -> None:
    drift(console, tmp_path, "3 → 5", 1)

    done = drift(console, tmp_path, text, code)

    assert (done.code, len(github.state["writes"])) == (3, 1), reason
    assert "the drift of prod is unknown" in done.err


def test_issues_of_others_and_of_other_stacks_are_left(tmp_path: Path, github: Hub, console: Console) -> None:
    github.put("issues", body=f"{DRIFT}\n", user={"login": "mallory"}, state="open")
    github.put("issues", body=f"{DRIFT}\n", user=BOT, state="open", pull_request={})
    github.put("issues", body="<!-- ascend-vllm drift: prod-2 -->\n", user=BOT, state="open")

    drift(console, tmp_path, "no drift", 0)

    assert github.state["writes"] == []


def test_a_long_drift_with_fences_stays_in_its_block(tmp_path: Path, github: Hub, console: Console) -> None:
    assert drift(console, tmp_path, "```\n@all\n" + "x" * 100_000, 1).code == 0
    assert "````text\n```\n@all" in github.bodies("issues")[0]
