"""`ascend-vllm diff` of a worktree against a revision of a real git repository."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Console
from tests.cli.repositories import BASE, CHANGED, CLUSTER, PROD, commit, git, repository, write

pytestmark = pytest.mark.slow

__all__ = ["repository"]


def test_the_base_file_is_that_of_the_revision(repository: Path, console: Console) -> None:
    write(repository, base=BASE.replace("4096", "8192"))

    out = console("diff", "prod").out

    assert "~ qwen2-7b   restarts, because its launch changed" in out
    assert "4096 → 8192  (services.yaml:5)" in out


def test_the_config_json_is_that_of_the_revision(repository: Path, console: Console) -> None:
    own: dict[str, Any] = {
        "num_attention_heads": 28,
        "hidden_size": 3584,
        "vocab_size": 1000,
        "max_position_embeddings": 32768,
    }
    own |= {"model_type": "qwen2", "num_hidden_layers": 28, "intermediate_size": 18944, "num_key_value_heads": 4}
    model = "{name: our-own, source: /mnt/models/our-own, configJson: own.json}"
    stack = (
        f"{CLUSTER}  ascend-vllm:services:\n    own: {{image: a:1, model: {model}, engine: {{maxModelLen: 4096}}}}\n"
    )
    (repository / "own.json").write_text(json.dumps(own))
    write(repository, own=stack)
    commit(repository)
    (repository / "own.json").write_text(json.dumps({**own, "num_hidden_layers": 80}))

    out = console("diff", "own").out

    assert "startup" in out
    assert "(derived: the size of the weights)" in out


def test_a_file_of_the_revision_that_fills_the_memory_is_not_read(repository: Path, console: Console) -> None:
    (repository / "services.yaml").write_bytes(b"# " + b"\0" * (64 << 20))
    commit(repository)
    write(repository, base=BASE)

    tracemalloc.start()
    done = console("diff", "prod")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert "the file has more than 1048576 bytes" in done.out + done.err
    assert most < 32 << 20


def test_the_project_name_of_the_revision_counts(repository: Path, console: Console) -> None:
    (repository / "Pulumi.yaml").write_text("name: models\nruntime: python\n", encoding="utf-8")
    write(repository, prod=PROD.replace("ascend-vllm:", "models:").replace("com/models:", "com/ascend-vllm:"))

    assert console("diff", "prod").code == 0


def test_the_worktree_and_the_index_are_left_alone(repository: Path, console: Console) -> None:
    write(repository, prod=CHANGED)
    before = {file: file.read_bytes() for file in repository.rglob("*") if file.is_file()}

    console("diff", "prod")

    assert before == {file: file.read_bytes() for file in repository.rglob("*") if file.is_file()}


def test_a_project_in_a_subdirectory_is_compared_too(
    repository: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = repository / "deploy"
    project.mkdir()
    (project / "Pulumi.yaml").write_text("name: ascend-vllm\nruntime: python\n")
    write(project, prod=PROD.replace("base: services.yaml", "base: ../services.yaml"))
    commit(repository)
    write(repository, base=BASE.replace("4096", "8192"))
    monkeypatch.chdir(project)

    assert "4096 → 8192  (../services.yaml:5)" in console("diff", "prod").out
    assert "4096 → 8192  (../services.yaml:5)" in console("diff", "./Pulumi.prod.yaml").out


def test_a_file_is_compared_in_its_own_repository(
    repository: Path, console: Console, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    write(repository, prod=CHANGED)
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))

    assert "8192 → 16384" in console("diff", str(repository / "Pulumi.prod.yaml")).out


def test_a_stack_file_that_is_a_link_is_followed_in_the_revision_too(repository: Path, console: Console) -> None:
    (repository / "Pulumi.linked.yaml").symlink_to("Pulumi.prod.yaml")
    commit(repository)
    write(repository, prod=CHANGED)

    assert "8192 → 16384" in console("diff", "linked").out


@pytest.mark.parametrize(
    ("argument", "name", "reason"),
    [
        ([], "main", "main is there"),
        (["--against", "HEAD"], "HEAD", "a name that always is"),
        (["--against", "v1"], "v1", "a tag"),
    ],
)
def test_the_revision_is_shown(repository: Path, console: Console, argument: list[str], name: str, reason: str) -> None:
    git(repository, "tag", "v1")

    assert console("diff", "prod", *argument).err.startswith(f"the worktree against {name} ("), reason


@pytest.mark.parametrize(
    ("prepare", "name"),
    [
        (["branch", "--move", "other"], "HEAD"),
        (["update-ref", "refs/remotes/origin/main", "HEAD"], "main"),
    ],
)
def test_without_main_another_is_taken(repository: Path, console: Console, prepare: list[str], name: str) -> None:
    git(repository, *prepare)

    assert console("diff", "prod").err.startswith(f"the worktree against {name} (")


def test_a_clone_without_main_takes_that_of_its_origin(repository: Path, console: Console) -> None:
    git(repository, "update-ref", "refs/remotes/origin/main", "HEAD")
    git(repository, "branch", "--move", "other")

    assert console("diff", "prod").err.startswith("the worktree against origin/main (")


def test_a_new_stack_is_all_added(repository: Path, console: Console) -> None:
    write(repository, fresh=PROD)

    done = console("diff", "fresh")

    assert done.code == 1
    assert "0 changed, 3 added, 0 removed, 0 unchanged" in done.out


def test_a_stack_whose_file_is_gone_is_all_removed(repository: Path, console: Console) -> None:
    (repository / "Pulumi.prod.yaml").unlink()

    assert "0 changed, 0 added, 3 removed, 0 unchanged" in console("diff", "prod").out


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_a_deleted_file_is_shown_with_the_note_that_its_objects_stay(
    repository: Path, console: Console, form: str
) -> None:
    write(repository, fresh=PROD)
    (repository / "Pulumi.prod.yaml").unlink()
    said = " ".join(console("diff", "prod", "--format", form).out.split())

    assert "the file of stack prod is deleted, but its objects stay: run pulumi destroy --stack prod first" in said
    assert "is gone" not in console("diff", "fresh", "--format", form).out


def test_a_directory_that_is_named_like_a_stack_file_is_none(repository: Path, console: Console) -> None:
    (repository / "Pulumi.folder.yaml").mkdir()

    assert console("diff").code == 0


def test_without_a_name_every_stack_is_compared(repository: Path, console: Console) -> None:
    write(repository, prod=CHANGED, fresh=PROD)

    lines = console("diff").out.splitlines()

    assert [line for line in lines if line.endswith(":")] == ["fresh:", "prod:"]


def test_outside_of_a_repository_two_stacks_are_to_be_named(
    project: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(project.parent))

    done = console("diff", "good")

    assert done.code == 2
    assert "there is no git repository here" in done.err
    assert "fix: name two stacks or two files" in done.err


def test_without_git_two_stacks_are_to_be_named(
    repository: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(repository))

    assert console("diff", "prod").code == 3
    assert console("diff", "prod", "prod").code == 0


def test_a_repository_without_a_commit_is_reported(
    project: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(project, "init", "--quiet")

    done = console("diff", "good")

    assert (done.code, "the repository has no commit yet" in done.err) == (2, True)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("config: [\n", "the file is no YAML"),
        (PROD.replace("services.yaml", "gone.yaml"), "the base file is gone"),
        (PROD.replace("context: prod", "contxt: prod"), "the cluster is refused"),
    ],
)
def test_a_stack_that_cannot_be_read_is_not_taken_for_an_empty_one(
    repository: Path, console: Console, text: str, reason: str
) -> None:
    write(repository, prod=text)
    now = console("diff", "prod")
    commit(repository)
    write(repository, prod=PROD)
    before = console("diff", "prod")

    assert (now.code, now.out) == (3, ""), reason
    assert "stack prod cannot be read: " in now.err, reason
    assert (before.code, before.out) == (3, ""), reason
    assert "stack prod of main cannot be read" in before.err, reason
