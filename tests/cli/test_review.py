"""`ascend-vllm review` of stacks that share a base file: what a reviewer sees first, and on which lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Console
from tests.cli.repositories import commit, git

pytestmark = pytest.mark.slow

BASE = """\
services:
  chat:
    image: registry.example.com/ascend-vllm:6.3.912
    model: /mnt/models/Qwen2-7B-Instruct
    engine: {maxModelLen: 4096}
  large:
    image: registry.example.com/ascend-vllm:6.3.912
    model: /mnt/models/Qwen2-72B-Instruct
    npus: 8
    engine:
      maxModelLen: 8192
"""
STACK = """\
config:
  ascend-vllm:cluster:
    context: {name}
    pools:
      snt9b: {{nodes: 3, npusPerNode: 8, npuMemory: 64Gi}}
  ascend-vllm:base: services.yaml
  ascend-vllm:services:
    chat:
      replicas: 2
"""
STACKS = ("dev", "prod", "staging")
REFUSED = BASE.replace("maxModelLen: 8192", "maxModelLen: 131072")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose branch main has three stacks over one base file."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    fill(tmp_path)
    commit(tmp_path)
    return tmp_path


def fill(directory: Path) -> None:
    (directory / "Pulumi.yaml").write_text("name: ascend-vllm\nruntime: python\n", encoding="utf-8")
    (directory / "services.yaml").write_text(BASE, encoding="utf-8")
    for name in STACKS:
        (directory / f"Pulumi.{name}.yaml").write_text(STACK.format(name=name), encoding="utf-8")


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def annotations(console: Console) -> list[tuple[str, str, str]]:
    """The level and the position of each annotation, and its text."""
    found = []
    for line in console("review", "--format", "github").out.splitlines():
        head, _, text = line.removeprefix("::").partition("::")
        level, _, properties = head.partition(" ")
        values = dict(pair.split("=", 1) for pair in properties.split(","))
        position = f"{values['file']}:{values['line']}" if "file" in values else ""
        found.append((level, position, text.replace("%0A", "\n")))
    return found


def about(found: list[tuple[str, str, str]], text: str) -> list[tuple[str, str]]:
    return [(level, position) for level, position, message in found if text in message]


def comment(console: Console, directory: Path, stack: str = "prod") -> str:
    console("review", "-o", "out")
    return (directory / "out" / f"{stack}.md").read_text(encoding="utf-8")


def test_the_comment_of_a_refused_stack_begins_with_the_error(project: Path, console: Console) -> None:
    (project / "services.yaml").write_text(REFUSED, encoding="utf-8")

    lines = comment(console, project).splitlines()

    assert lines[:6] == [
        "### `prod` against `main`",
        "",
        "> [!CAUTION]",
        "> **`pulumi up` refuses this stack: 1 error**",
        "> ",
        "> - `large`: `maxModelLen 131072 exceeds the 32768 tokens that Qwen2-72B-Instruct supports` at"
        " `services.yaml:11`, fix: `write engine.maxModelLen: 32768` (`also in dev and staging`)",
    ]
    assert lines[7] == "1 changed, 0 added, 0 removed, 1 unchanged; nothing is deployed because of 1 error"


def test_many_errors_are_counted_behind_the_first_ones(project: Path, console: Console) -> None:
    service = "{image: a:1, model: /m/Qwen2-7B, engine: {maxModelLen: 4096}, npuz: 1}"
    services = "".join(f"  s{number}: {service}\n" for number in range(9))
    (project / "services.yaml").write_text(BASE + services, encoding="utf-8")

    text = comment(console, project)

    assert "refuses this stack: 9 errors**" in text
    assert text.count("> - `s") == 5
    assert "> - and 4 more" in text


def test_an_error_of_the_base_file_is_one_annotation_that_names_its_stacks(project: Path, console: Console) -> None:
    (project / "services.yaml").write_text(REFUSED, encoding="utf-8")

    found = annotations(console)

    assert [(level, position) for level, position, _ in found if level == "error"] == [("error", "services.yaml:11")]
    assert found[0][2].startswith("dev, prod and staging: large: maxModelLen 131072 exceeds")


def test_the_annotation_of_a_change_stands_on_the_changed_line(project: Path, console: Console) -> None:
    change(project / "services.yaml", "maxModelLen: 8192", "maxModelLen: 16384")

    found = annotations(console)

    assert about(found, "large restarts") == [("warning", "services.yaml:11")]
    assert about(found, "dev, prod and staging: large restarts") == [("warning", "services.yaml:11")]


def test_no_annotation_stands_in_a_file_that_the_request_does_not_touch(project: Path, console: Console) -> None:
    for name in STACKS:
        change(
            project / f"Pulumi.{name}.yaml", "replicas: 2", "replicas: 2, expose: NodePort".replace(", ", "\n      ")
        )
    commit(project)
    change(project / "services.yaml", "npus: 8", "npus: 64")

    found = annotations(console)
    warning = [
        (position, text) for level, position, text in found if "exposed-without-key" in text or "NodePort" in text
    ]

    assert {position.partition(":")[0] for _, position, _ in found} <= {"services.yaml", ""}
    assert [position for position, _ in warning] == [""]
    assert "at Pulumi.dev.yaml:10" in warning[0][1]


def test_a_finding_about_all_services_stands_on_the_line_that_causes_it(project: Path, console: Console) -> None:
    change(project / "Pulumi.prod.yaml", "replicas: 2", "replicas: 40")
    change(project / "Pulumi.dev.yaml", "nodes: 3", "nodes: 1")

    found = annotations(console)

    assert about(found, "the services request 48 NPUs, the pools have 24") == [("error", "Pulumi.prod.yaml:9")]
    assert about(found, "the services request 10 NPUs, the pools have 8") == [("error", "Pulumi.dev.yaml:5")]


def test_a_deleted_base_file_is_one_annotation_without_a_position(project: Path, console: Console) -> None:
    (project / "services.yaml").unlink()

    errors = [(position, text) for level, position, text in annotations(console) if level == "error"]

    assert len(errors) == 1
    assert errors[0][0] == ""
    assert errors[0][1].startswith("dev, prod and staging: the base file services.yaml cannot be read")
    assert errors[0][1].endswith("at Pulumi.dev.yaml:6, Pulumi.prod.yaml:6 and Pulumi.staging.yaml:6")


def test_a_removed_service_is_annotated_where_it_was(project: Path, console: Console) -> None:
    (project / "services.yaml").write_text(BASE[: BASE.index("  large:")], encoding="utf-8")

    assert about(annotations(console), "large removed") == [("warning", "services.yaml:5")]


def test_a_removed_key_is_annotated_at_the_line_before_it(project: Path, console: Console) -> None:
    change(project / "Pulumi.prod.yaml", "    chat:\n      replicas: 2\n", "    chat: {}\n")
    commit(project)
    change(project / "services.yaml", "    npus: 8\n", "")

    assert about(annotations(console), "large restarts")[0][1] == "services.yaml:8"


def test_a_base_file_that_breaks_is_one_annotation_on_a_changed_line(project: Path, console: Console) -> None:
    change(project / "services.yaml", "engine: {maxModelLen: 4096}", "engine: {maxModelLen: 4096")

    found = annotations(console)
    errors = [(position, text) for level, position, text in found if level == "error"]

    assert len(errors) == 1
    assert errors[0][0] == "services.yaml:5"
    assert errors[0][1].startswith("dev, prod and staging: ")


def test_a_project_in_a_subdirectory_is_annotated_from_the_top_of_the_repository(
    tmp_path: Path, project: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "deploy"
    inner.mkdir()
    fill(inner)
    commit(project)
    change(inner / "services.yaml", "maxModelLen: 8192", "maxModelLen: 131072")
    monkeypatch.chdir(inner)

    assert about(annotations(console), "exceeds the 32768 tokens") == [("error", "deploy/services.yaml:11")]


def test_a_new_stack_is_annotated_on_its_own_lines(project: Path, console: Console) -> None:
    text = STACK.format(name="test") + "    own: {image: a:1, model: /m/Qwen2-7B, engine: {maxModelLen: 4096}}\n"
    (project / "Pulumi.test.yaml").write_text(text, encoding="utf-8")

    found = annotations(console)

    assert about(found, "test: own new, 1 NPU") == [("notice", "Pulumi.test.yaml:10")]
    assert about(found, "test: large new, 8 NPUs") == [("notice", "Pulumi.test.yaml:2")]


def test_commits_that_main_has_alone_are_no_change_of_the_branch(project: Path, console: Console) -> None:
    git(project, "checkout", "--quiet", "-b", "topic")
    change(project / "Pulumi.prod.yaml", "replicas: 2", "replicas: 3")
    commit(project)
    git(project, "checkout", "--quiet", "main")
    change(project / "services.yaml", "maxModelLen: 8192", "maxModelLen: 16384")
    commit(project)
    git(project, "checkout", "--quiet", "topic")

    alone = console("review", "--against", "main")
    git(project, "merge", "--quiet", "main")
    merged = console("review", "--against", "main")

    for done in (alone, merged):
        assert done.err.startswith("1 stack touched since main (")
        assert "replicas  2 → 3" in done.out
        assert "max-model-len" not in done.out


def test_a_request_that_repairs_a_stack_has_no_finding(project: Path, console: Console) -> None:
    change(project / "Pulumi.prod.yaml", "config:", "config: [")
    commit(project)
    change(project / "Pulumi.prod.yaml", "config: [", "config:")

    done = console("review", "-o", "out")
    text = (project / "out" / "prod.md").read_text(encoding="utf-8")

    assert done.code == 0
    assert "> [!IMPORTANT]\n> Not compared: `stack prod of main cannot be read: Pulumi.prod.yaml:" in text
    assert "CAUTION" not in text


def test_a_service_that_a_request_repairs_is_not_reported_as_broken(project: Path, console: Console) -> None:
    change(project / "services.yaml", "npus: 8", "npus: eight")
    commit(project)
    change(project / "services.yaml", "npus: eight", "npus: 8")

    text = comment(console, project)

    assert "`not compared, because main has schema errors in them: large`" in text
    assert "until their schema errors are fixed" not in text


def test_a_stack_file_that_breaks_is_a_caution_with_its_text(project: Path, console: Console) -> None:
    change(project / "Pulumi.prod.yaml", "config:", "config: [")

    lines = comment(console, project).splitlines()

    assert lines[2:4] == ["> [!CAUTION]", "> **`pulumi up` refuses this stack: 1 error**"]
    assert "Pulumi.prod.yaml:" in lines[5]


def test_a_deleted_stack_file_is_a_caution_because_its_objects_stay(project: Path, console: Console) -> None:
    (project / "Pulumi.prod.yaml").rename(project / "Pulumi.live.yaml")

    text = comment(console, project)
    found = annotations(console)

    assert about(found, "prod: the file of stack prod is deleted, but its objects stay") == [("warning", "")]
    assert about(found, "prod: large removed") == []
    assert "> [!CAUTION]\n> `the file of stack prod is deleted, but its objects stay: run pulumi destroy" in text
    assert "Deleted, or left without pods" not in text
    assert "2 added" in (project / "out" / "live.md").read_text(encoding="utf-8")


def test_the_text_shows_a_finding_of_the_base_file_once(project: Path, console: Console) -> None:
    (project / "services.yaml").write_text(REFUSED, encoding="utf-8")

    out = console("review").out

    assert out.count("error[length-above-model]") == 1
    assert out.index("   = in: dev, prod and staging\n") < out.index("dev, touched by services.yaml:")
    assert out.count("! pulumi up refuses") == 3


def test_the_json_has_each_finding_once_with_its_stacks_and_its_changed_line(project: Path, console: Console) -> None:
    (project / "services.yaml").write_text(REFUSED, encoding="utf-8")

    document = json.loads(console("review", "--format", "json").out)
    (finding,) = document["findings"]

    assert (finding["rule"], finding["stacks"]) == ("length-above-model", ["dev", "prod", "staging"])
    assert finding["changedLine"] == {"file": "services.yaml", "line": 11}
    assert [stack["refused"] for stack in document["stacks"]] == [True, True, True]


def test_the_json_of_a_review_without_a_touched_stack_is_a_whole_document(project: Path, console: Console) -> None:
    done = console("review", "--format", "json")

    assert done.code == 0
    assert json.loads(done.out)["stacks"] == json.loads(done.out)["findings"] == []
