"""`ascend-vllm diff`: a worktree against a revision of a real git repository, two environments, and the matrix."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import GOLDEN, Console

FORMATS = ["text", "json", "markdown", "github"]

CLUSTER = """\
config:
  ascend-vllm:cluster:
    context: prod
    pools:
      snt9b: {nodes: 4, npusPerNode: 8, npuMemory: 64Gi}
"""
BASE = """\
services:
  qwen2-7b:
    image: registry.example.com/ascend-vllm:6.3.912
    model: /mnt/models/Qwen2-7B-Instruct
    engine: {maxModelLen: 4096}
"""
PROD = f"""\
{CLUSTER}  ascend-vllm:base: services.yaml
  ascend-vllm:services:
    qwen2-72b:
      image: registry.example.com/ascend-vllm:6.3.912
      model: /mnt/models/Qwen2-72B-Instruct
      npus: 8
      rollout: recreate
      engine: {{maxModelLen: 8192}}
    old: &old
      image: registry.example.com/ascend-vllm:6.3.912
      model: /mnt/models/llava-1.5-7b-hf
      npus: 2
      multimodal: true
      engine: {{maxModelLen: 4096}}
      server: {{chatTemplate: /t.jinja}}
"""
CHANGED = (
    PROD.replace("maxModelLen: 8192", "maxModelLen: 16384")
    .replace("    old: &old\n", "    llava:\n")
    .replace("npus: 8\n", "npus: 8\n      prefixCaching: true\n")
)


def git(directory: Path, *arguments: str) -> None:
    own = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *own, *arguments], cwd=directory, check=True, capture_output=True)


def write(directory: Path, **texts: str) -> None:
    for name, text in texts.items():
        (directory / ("services.yaml" if name == "base" else f"Pulumi.{name}.yaml")).write_text(text, encoding="utf-8")


def commit(directory: Path) -> None:
    git(directory, "add", "--all")
    git(directory, "commit", "--quiet", "--message", "a")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose branch main has the stack prod over a base file."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "Pulumi.yaml").write_text("name: ascend-vllm\nruntime: python\n", encoding="utf-8")
    write(tmp_path, base=BASE, prod=PROD)
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    commit(tmp_path)
    return tmp_path


@pytest.mark.parametrize("form", FORMATS)
def test_a_format_is_exactly_like_this(
    form: str, repository: Path, console: Console, golden: Callable[[Path, str], None]
) -> None:
    write(repository, prod=CHANGED)

    done = console("diff", "prod", "--format", form)

    assert done.code == 1
    assert done.err.startswith("the worktree against main (")
    golden(GOLDEN / f"diff.{form}", done.out)


@pytest.mark.parametrize("form", FORMATS)
def test_two_environments_are_exactly_like_this(
    form: str, repository: Path, console: Console, golden: Callable[[Path, str], None]
) -> None:
    write(repository, staging=PROD.replace("context: prod", "context: staging").replace("nodes: 4", "nodes: 2"))
    write(repository, prod=CHANGED)

    done = console("diff", "staging", "prod", "--format", form)

    assert (done.code, done.err) == (1, "")
    golden(GOLDEN / f"diff-environments.{form}", done.out)


@pytest.mark.parametrize("form", ["text", "json", "markdown"])
def test_the_matrix_is_exactly_like_this(
    form: str, repository: Path, console: Console, golden: Callable[[Path, str], None]
) -> None:
    write(repository, staging=CHANGED)

    done = console("diff", "--matrix", "--format", form)

    assert (done.code, done.err) == (0, "")
    golden(GOLDEN / f"diff-matrix.{form}", done.out)


@pytest.mark.parametrize("form", FORMATS)
def test_no_change_ends_with_0_in_every_format(form: str, repository: Path, console: Console) -> None:
    done = console("diff", "prod", "--format", form)

    assert done.code == 0
    assert "restarts, because" not in done.out


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
def test_the_revision_is_told(repository: Path, console: Console, argument: list[str], name: str, reason: str) -> None:
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


def test_without_a_name_every_stack_is_compared(repository: Path, console: Console) -> None:
    write(repository, prod=CHANGED, fresh=PROD)

    lines = console("diff").out.splitlines()

    assert [line for line in lines if line.endswith(":")] == ["fresh:", "prod:"]


@pytest.mark.parametrize(
    ("arguments", "message", "reason"),
    [
        (["prod", "prod", "prod"], "one stack and a revision, or two stacks", "three are no pair"),
        (["prod", "prod", "--against", "main"], "one stack and a revision, or two stacks", "a pair has no revision"),
        (["prod", "--against", "nowhere"], "git knows no commit 'nowhere'", "there is no such commit"),
        (["prod", "--against", "--all"], "git knows no commit '--all'", "an option is no commit"),
        (["-"], "standard input has no revision", "stdin is not in git"),
        (["nowhere"], "there is no stack 'nowhere'", "there is no such stack"),
        (["--matrix", "--against", "main"], "a matrix is of the worktree", "a revision is no environment"),
        (["--matrix", "--format", "github"], "a table annotates nothing", "a format that says nothing"),
    ],
)
def test_wrong_usage_ends_with_2(
    repository: Path, console: Console, arguments: list[str], message: str, reason: str
) -> None:
    done = console("diff", *arguments)

    assert (done.code, done.out) == (2, ""), reason
    assert message in done.err, reason


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


def test_a_repository_without_a_commit_says_so(
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

    assert (now.code, now.out) == (1, ""), reason
    assert "stack prod cannot be read: " in now.err, reason
    assert (before.code, before.out) == (1, ""), reason
    assert "stack prod of main cannot be read" in before.err, reason


def test_a_matrix_is_not_made_of_what_cannot_be_read(repository: Path, console: Console) -> None:
    write(repository, prod="config: [\n")

    done = console("diff", "--matrix")

    assert (done.code, done.out) == (1, "")
    assert "stack prod cannot be read: Pulumi.prod.yaml:2: " in done.err


def test_a_broken_service_is_named_and_the_others_are_compared(repository: Path, console: Console) -> None:
    write(repository, prod=CHANGED.replace("npus: 2", "npus: two"))

    out = console("diff", "prod").out

    assert "not compared, since their shape is refused: llava" in out
    assert "~ qwen2-72b  restarts" in out
    assert "1 error in prod, so pulumi up would refuse it: ascend-vllm check prod" in out


def test_a_secret_value_is_never_shown(repository: Path, console: Console) -> None:
    write(
        repository, prod=CHANGED.replace("npus: 8", "npus: 8\n      env: {HF_TOKEN: {secure: c2VjcmV0}, A_TOKEN: hf_1}")
    )

    for form in FORMATS:
        assert "c2VjcmV0" not in console("diff", "prod", "--format", form).out
        assert "hf_1" not in console("diff", "prod", "--format", form).out


def test_a_value_does_not_steer_the_terminal_nor_end_the_block(repository: Path, console: Console) -> None:
    hostile = '"\\e[31mred\\n```\\n</details>@all"'
    write(repository, prod=PROD.replace("npus: 8", f"npus: 8\n      env: {{A: {hostile}}}"))

    assert "\x1b" not in console("diff", "prod").out
    assert "````text" in console("diff", "prod", "--format", "markdown").out


def test_two_files_of_one_name_are_two_states_of_one_stack(repository: Path, console: Console) -> None:
    (repository / "before").mkdir()
    (repository / "before" / "services.yaml").write_text(BASE)
    write(repository / "before", prod=PROD)
    write(repository, prod=CHANGED)

    assert "restarts, because" in console("diff", "before/Pulumi.prod.yaml", "Pulumi.prod.yaml").out


def test_standard_input_is_another_state_of_the_stack(repository: Path, console: Console) -> None:
    after = console("diff", "prod", "-", stdin=CHANGED.encode())
    before = console("diff", "-", "prod", stdin=CHANGED.encode())

    assert (after.code, before.code) == (1, 1)
    assert "--max-model-len                 8192 → 16384  (-:14)" in after.out
    assert "--max-model-len                 16384 → 8192  (Pulumi.prod.yaml:13)" in before.out
    assert console("diff", "-", "-").code == 2


def many(count: int, length: int) -> str:
    service = f"{{image: a:1, model: /m/Qwen2-7B-Instruct, prefixCaching: true, engine: {{maxModelLen: {length}}}}}"
    services = "".join(f"    service-{number}: {service}\n" for number in range(count))
    return f"{CLUSTER.replace('nodes: 4', f'nodes: {count}')}  ascend-vllm:services:\n{services}"


@pytest.mark.parametrize("count", [100, 700])
def test_a_pull_request_comment_is_never_too_long(repository: Path, console: Console, count: int) -> None:
    (repository / "before").mkdir()
    write(repository / "before", many=many(count, 4096))
    write(repository, many=many(count, 16384))

    out = console("diff", "before/Pulumi.many.yaml", "Pulumi.many.yaml", "--format", "markdown").out

    assert len(out) < 60_000
    assert out.count("<details>") == out.count("</details>")
    assert ("left out for their length" in out) == (count > 100)


def test_a_hundred_services_are_compared_in_two_seconds(repository: Path, console: Console) -> None:
    (repository / "before").mkdir()
    write(repository / "before", many=many(100, 4096))
    write(repository, many=many(100, 16384))
    began = time.monotonic()

    done = console("diff", "before/Pulumi.many.yaml", "Pulumi.many.yaml")

    assert done.out.splitlines()[-1].startswith("100 changed, 0 added, 0 removed, 0 unchanged; 100 restarts")
    assert time.monotonic() - began < 2


def test_many_services_that_stay_share_a_line(repository: Path, console: Console) -> None:
    (repository / "before").mkdir()
    write(repository / "before", many=many(20, 4096))
    write(repository, many=many(21, 4096))

    lines = console("diff", "before/Pulumi.many.yaml", "Pulumi.many.yaml").out.splitlines()

    assert "  20 services unchanged" in lines
    assert len(lines) < 8


def test_a_moved_stack_says_so_loudly(repository: Path, console: Console) -> None:
    write(repository, prod=PROD.replace("context: prod", "context: other"))

    text, markdown, github = (console("diff", "prod", "--format", form).out for form in ("text", "markdown", "github"))

    assert text.startswith("! everything is made anew elsewhere")
    assert "qwen2-7b   made anew elsewhere, its address changes" in text
    assert "all made anew elsewhere" in text.splitlines()[-1]
    assert "> [!CAUTION]\n> Everything is made anew elsewhere" in markdown
    assert github.startswith("::warning file=Pulumi.prod.yaml,line=2,")


def test_colours_are_for_terminals(repository: Path, console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    write(repository, prod=CHANGED)
    plain = console("diff", "prod").out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)

    coloured = console("diff", "prod").out

    assert "\x1b" not in plain
    assert "\x1b[33m~ qwen2-72b" in coloured
    monkeypatch.setenv("NO_COLOR", "1")
    assert console("diff", "prod").out == plain
