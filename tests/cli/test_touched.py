"""`ascend-vllm touched` and `review`: which stacks a change touches in real git repositories, and what is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import GOLDEN, Console
from tests.cli.repositories import BASE, CHANGED, CLUSTER, PROD, commit, git, many, write

pytestmark = pytest.mark.slow

ALONE = (
    f"{CLUSTER}  ascend-vllm:services:\n    own: {{image: a:1, model: /m/Qwen2-7B, engine: {{maxModelLen: 4096}}}}\n"
)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the stacks dev and prod over a base file, one alone, and a program."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "Pulumi.yaml").write_text("name: ascend-vllm\nruntime: python\n", encoding="utf-8")
    (tmp_path / "models" / "launch").mkdir(parents=True)
    (tmp_path / "models" / "launch" / "launch.py").write_text("pass\n", encoding="utf-8")
    (tmp_path / "README.md").write_text("text\n", encoding="utf-8")
    write(tmp_path, base=BASE, prod=PROD, dev=PROD.replace("context: prod", "context: dev"), alone=ALONE)
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    commit(tmp_path)
    return tmp_path


def stacks(console: Console, *arguments: str) -> list[str]:
    done = console("touched", "--format", "github", *arguments)
    assert done.code == 0
    name, _, value = done.out.partition("=")
    assert name == "stacks"
    return [str(one) for one in json.loads(value)]


@pytest.mark.parametrize(
    ("file", "text", "touched", "reason"),
    [
        ("Pulumi.prod.yaml", CHANGED, ["prod"], "its stack file"),
        ("Pulumi.prod.yaml", f"{PROD}# a\n", ["prod"], "a comment of its stack file"),
        ("Pulumi.prod.yaml", None, ["prod"], "it is gone"),
        ("Pulumi.new.yaml", PROD, ["new"], "it is new, and git does not know it yet"),
        ("services.yaml", BASE.replace("4096", "8192"), ["dev", "prod"], "the base of two"),
        ("services.yaml", None, ["dev", "prod"], "the base of two is gone"),
        ("Pulumi.yaml", "name: ascend-vllm\nruntime: nodejs\n", ["alone", "dev", "prod"], "the project of all"),
        ("models/launch/launch.py", "a = 1\n", ["alone", "dev", "prod"], "the program"),
        ("models/rules/new.py", "a = 1\n", ["alone", "dev", "prod"], "a new file of the program"),
        ("models/launch/launch.py", None, ["alone", "dev", "prod"], "a file of the program is gone"),
        ("uv.lock", "a\n", ["alone", "dev", "prod"], "what the program runs with"),
        ("README.md", "other\n", [], "nothing that is deployed"),
        ("models.md", "other\n", [], "a name that only begins like the program"),
        ("other.yaml", BASE, [], "a file that no stack reads"),
        ("Pulumi.prod.yaml", "config: [\n", ["prod"], "a file that cannot be read any more"),
    ],
)
def test_a_change_touches_the_stacks_that_read_it(
    repository: Path, console: Console, file: str, text: str | None, touched: list[str], reason: str
) -> None:
    (repository / file).parent.mkdir(exist_ok=True)
    if text is None:
        (repository / file).unlink()
    else:
        (repository / file).write_text(text, encoding="utf-8")
    assert stacks(console) == touched, reason

    commit(repository)
    assert stacks(console, "--against", "HEAD~1") == touched, f"{reason}, committed"
    assert stacks(console, "--against", "HEAD") == []


def test_a_config_json_touches_the_stack_that_names_it(repository: Path, console: Console) -> None:
    write(repository, alone=ALONE.replace("/m/Qwen2-7B", "{source: /m/a, configJson: own.json}"))
    commit(repository)
    (repository / "own.json").write_text("{}")

    assert stacks(console) == ["alone"]


def test_stack_files_that_move_are_found_where_each_state_has_them(repository: Path, console: Console) -> None:
    (repository / "Pulumi.yaml").write_text("name: ascend-vllm\nruntime: python\nstackConfigDir: stacks\n")
    (repository / "stacks").mkdir()
    (repository / "Pulumi.alone.yaml").rename(repository / "stacks" / "Pulumi.alone.yaml")

    assert stacks(console) == ["alone", "dev", "prod"]


def test_a_project_in_a_hidden_subdirectory_is_looked_at_alone(
    repository: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = repository / ".deploy"
    project.mkdir()
    (project / "Pulumi.yaml").write_text("name: ascend-vllm\nruntime: python\n")
    write(project, inner=PROD.replace("base: services.yaml", "base: ../services.yaml"), gone=ALONE)
    commit(repository)
    (project / "Pulumi.gone.yaml").unlink()
    (repository / "models" / "launch" / "launch.py").write_text("a = 1\n")
    monkeypatch.chdir(project)
    assert stacks(console) == ["gone"], "the program beside it is not its own"

    write(repository, base=BASE.replace("4096", "8192"))
    assert stacks(console) == ["gone", "inner"]


def test_the_changed_files_are_shown(repository: Path, console: Console) -> None:
    write(repository, base=BASE.replace("4096", "8192"), prod=CHANGED)
    text = console("touched").out
    record = json.loads(console("touched", "--format", "json").out)

    assert text == "dev   services.yaml\nprod  Pulumi.prod.yaml, services.yaml\n"
    assert [one["files"] for one in record["stacks"]] == [["services.yaml"], ["Pulumi.prod.yaml", "services.yaml"]]
    assert (record["version"], len(record["against"])) == (1, 40)


def test_many_files_are_counted(repository: Path, console: Console) -> None:
    for number in range(9):
        (repository / "models" / f"{number}.py").write_text("")

    assert "models/0.py, models/1.py, models/2.py and 6 more" in console("touched").out


def test_no_touched_stack_is_reported_on_standard_error(repository: Path, console: Console) -> None:
    done = console("touched")

    assert (done.code, done.out) == (0, "")
    assert done.err.startswith("no stack is touched since main (")


@pytest.mark.parametrize("name", ["touched", "review"])
def test_a_revision_that_there_is_not_is_wrong_usage(repository: Path, console: Console, name: str) -> None:
    done = console(name, "--against", "nowhere")

    assert (done.code, done.out) == (2, "")
    assert "git knows no commit 'nowhere'" in done.err


def test_a_change_alone_is_no_finding(repository: Path, console: Console) -> None:
    write(repository, prod=CHANGED)

    done = console("review")

    assert done.code == 0
    assert done.err.startswith("1 stack touched since main (")
    assert done.out.startswith("prod, touched by Pulumi.prod.yaml:\n\n3 services: 0 errors")
    assert "~ qwen2-72b  restarts, because its launch changed" in done.out


def test_a_comment_is_exactly_like_this(
    repository: Path, console: Console, golden: Callable[[Path, str], None]
) -> None:
    write(repository, prod=CHANGED.replace("npus: 2", "npus: two"))
    (repository / "models" / "launch" / "launch.py").write_text("a = 1\n")

    done = console("review", "-o", "out")

    assert done.code == 1
    golden(GOLDEN / "review.markdown", (repository / "out" / "prod.md").read_text())
    assert sorted(file.name for file in (repository / "out").iterdir()) == [
        "alone.md",
        "dev.md",
        "prod.md",
        "touched.json",
    ]


def test_a_stack_that_cannot_be_read_does_not_hide_the_others(repository: Path, console: Console) -> None:
    write(repository, dev="config: [\n", prod=CHANGED)

    done = console("review", "-o", "out")

    assert done.code == 1
    assert "not compared: stack dev cannot be read" in done.out
    assert "> Not compared: `stack dev cannot be read" in (repository / "out" / "dev.md").read_text()
    assert "1 restart" in (repository / "out" / "prod.md").read_text()


def test_a_stack_whose_file_is_gone_is_all_removed(repository: Path, console: Console) -> None:
    (repository / "Pulumi.prod.yaml").unlink()

    done = console("review", "-o", "out")

    assert done.code == 0
    assert "0 changed, 0 added, 3 removed" in (repository / "out" / "prod.md").read_text()


def test_a_review_without_a_stack_is_still_a_review(repository: Path, console: Console) -> None:
    done = console("review", "-o", "out")

    assert (done.code, done.out) == (0, "")
    assert json.loads((repository / "out" / "touched.json").read_text())["stacks"] == []


def test_what_an_earlier_review_left_is_not_taken_for_this_one(repository: Path, console: Console) -> None:
    console("review", "-o", "out")
    again = console("review", "-o", "out")
    into = console("review", "-o", "README.md")

    assert (again.code, into.code) == (2, 3)
    assert "out is not empty" in again.err
    assert "README.md cannot be written" in into.err


def test_a_comment_is_never_too_long_for_github(repository: Path, console: Console) -> None:
    wrong = many(480, 16384).replace("image: a:1", 'image: "a`b:1", npuz: 1')
    write(repository, many=many(480, 4096))
    commit(repository)
    write(repository, many=wrong)

    console("review", "-o", "out")

    text = (repository / "out" / "many.md").read_text()
    assert len(text) < 65_000
    assert "left out because of their length" in text
    assert text.count("<details>") == text.count("</details>")


PATCHED = f"""{PROD}      podTemplate:
        spec: {{hostPID: true, hostNetwork: true}}
      accept: {{host-namespace: 'the profiler of the node, agreed in SEC-12'}}
"""
RIGHTS = """\
rights of old:
    host-namespace: with hostPID, a pod sees and may signal all processes of its node
      accepted: the profiler of the node, agreed in SEC-12
    host-namespace: with hostNetwork, a pod has the network of its node, where no NetworkPolicy applies to it
      accepted: the profiler of the node, agreed in SEC-12
"""


def test_a_review_lists_the_accepted_rights_of_a_service(repository: Path, console: Console) -> None:
    write(repository, prod=PATCHED)

    done = console("review", "-o", "out")
    comment = (repository / "out" / "prod.md").read_text()

    assert done.code == 0
    assert RIGHTS in done.out
    assert "<details><summary>Rights of services beyond the default: 2 accepted</summary>" in comment
    assert RIGHTS.replace("\n    ", "\n") in comment


def test_an_annotation_shows_each_accepted_right_at_its_line(repository: Path, console: Console) -> None:
    write(repository, prod=PATCHED)

    lines = console("review", "--format", "github").out.splitlines()
    line = PATCHED.splitlines().index("        spec: {hostPID: true, hostNetwork: true}") + 1
    rights = [text for text in lines if "title=right of old" in text]

    assert len(rights) == 2
    assert rights[0].startswith(f"::notice file=Pulumi.prod.yaml,line={line},")
    assert "agreed in SEC-12" in rights[0]


def test_the_json_of_a_review_has_findings_rights_and_changes(repository: Path, console: Console) -> None:
    write(repository, prod=PATCHED, dev="config: [\n")

    document = json.loads(console("review", "--format", "json").out)
    stacks = {stack["name"]: stack for stack in document["stacks"]}
    first, second = stacks["prod"]["rights"]

    assert document["version"] == 1
    assert (first["service"], first["rule"]) == ("old", "host-namespace")
    assert (first["field"], second["field"]) == ("podTemplate.spec.hostPID", "podTemplate.spec.hostNetwork")
    assert first["reason"] == "the profiler of the node, agreed in SEC-12"
    assert stacks["prod"]["check"] == json.loads(console("check", "prod", "--format", "json").out)
    assert [waived["right"] for waived in stacks["prod"]["check"]["accepted"]] == [True, True]
    assert [stacks["prod"]["diff"]] == json.loads(console("diff", "prod", "--format", "json").out)["stacks"]
    assert (stacks["dev"]["diff"], stacks["dev"]["rights"]) == (None, [])
    assert "cannot be read" in stacks["dev"]["notCompared"]


def test_another_accepted_warning_is_no_right(repository: Path, console: Console) -> None:
    write(repository, prod=PROD + "      expose: NodePort\n      accept: {exposed-without-key: behind a gateway}\n")

    assert "rights of" not in console("review").out
