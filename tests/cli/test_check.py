"""`ascend-vllm check`: which stacks it judges, and how it ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.cli.conftest import BAD, GOOD, Console


def test_a_stack_without_findings_ends_with_0_and_its_summary(console: Console, project: Path) -> None:
    done = console("check", "good")

    assert (done.code, done.out, done.err) == (0, "1 service: 0 errors, 0 warnings, 0 accepted\n", "")


def test_a_stack_with_findings_ends_with_1_and_says_them_on_stdout(console: Console, project: Path) -> None:
    done = console("check", "bad")

    assert (done.code, done.err) == (1, "")
    assert done.out.count("error[") == 4
    assert done.out.count("warning[") == 1


def test_a_warning_alone_ends_with_1(console: Console, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD.replace("engine: {", "npus: 2, engine: {tensorParallelSize: 1, "))
    done = console("check", "a.yaml")

    assert done.code == 1
    assert "0 errors, 1 warning" in done.out


def test_an_accepted_warning_ends_with_0_and_stays_visible(console: Console, tmp_path: Path) -> None:
    service = "npus: 2, accept: {idle-npus: spare}, engine: {tensorParallelSize: 1, "
    (tmp_path / "a.yaml").write_text(GOOD.replace("engine: {", service))
    done = console("check", "a.yaml")

    assert done.code == 0
    assert '1 accepted (idle-npus on qwen: "spare")' in done.out


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("good",), "the name of a stack"),
        (("Pulumi.good.yaml",), "its file"),
        (("./Pulumi.good.yaml",), "a path to it"),
        (("other/stack.yml",), "a file of any name"),
        (("good", "Pulumi.good.yaml"), "several at once"),
    ],
)
def test_a_stack_is_named_by_its_name_or_its_file(
    arguments: tuple[str, ...], reason: str, console: Console, project: Path
) -> None:
    (project / "other").mkdir()
    (project / "other" / "stack.yml").write_text(GOOD)
    done = console("check", *arguments)

    assert (done.code, done.err) == (0, ""), reason
    assert done.out.count("1 service:") == len(arguments), reason


def test_a_stack_comes_from_standard_input(console: Console) -> None:
    assert console("check", "-", stdin=GOOD.encode()).code == 0
    done = console("check", "-", stdin=BAD.encode())

    assert done.code == 1
    assert "  --> -:11:7   qwen · visibleDevices" in done.out


def test_no_stack_means_all_of_the_project(console: Console, project: Path) -> None:
    done = console("check")

    assert done.code == 1
    assert "bad: 4 services: 4 errors, 1 warning, 1 accepted" in done.out
    assert "good: 1 service: 0 errors, 0 warnings, 0 accepted" in done.out


def test_several_stacks_are_judged_in_the_order_of_their_naming(console: Console, project: Path) -> None:
    done = console("check", "good", "bad")

    assert done.code == 1
    assert done.out.index("good: ") < done.out.index("bad: ")


def test_another_directory_is_named_with_c(console: Console, project: Path) -> None:
    (project / "elsewhere").mkdir()
    (project / "elsewhere" / "Pulumi.yaml").write_text("name: ascend-vllm\nruntime: python\n")
    (project / "elsewhere" / "Pulumi.dev.yaml").write_text(GOOD)

    assert console("-C", "elsewhere", "check", "dev").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message", "reason"),
    [
        (("check", "prod"), 2, "there is no stack 'prod'", "no such stack"),
        (("check", "prod.yaml"), 2, "there is no file 'prod.yaml'", "no such file"),
        (("check", "good/prod.yaml"), 2, "there is no file 'good/prod.yaml'", "no such directory"),
        (("check", ""), 2, "there is no stack ''", "an empty name"),
        (("check", "directory.yaml"), 3, "directory.yaml cannot be read: Is a directory", "a directory"),
        (
            ("check", "./directory.yaml/"),
            3,
            "directory.yaml/ cannot be read: Is a directory",
            "a directory by its path",
        ),
        (("check", "loop.yaml"), 3, "loop.yaml cannot be read: Too many levels of symbolic links", "unreadable"),
        (("-C", "nowhere", "check"), 2, "nowhere: No such file or directory", "no such directory"),
        (("-C", "/", "check"), 2, "there is no stack file here", "no project"),
        (("check", "good", "--format", "xml"), 2, "--format xml: expected text, concise, json", "no such format"),
        (("check", "--unknown"), 2, "no such option: --unknown", "no such option"),
        (("judge",), 2, "no such command 'judge'", "no such command"),
    ],
)
def test_what_cannot_be_checked_ends_with_2_or_3_and_a_remedy_on_stderr(
    arguments: tuple[str, ...], code: int, message: str, reason: str, console: Console, project: Path
) -> None:
    (project / "directory.yaml").mkdir()
    (project / "loop.yaml").symlink_to("loop.yaml")
    done = console(*arguments)

    assert code == done.code, reason
    assert done.out == "", reason
    assert message in done.err, reason
    assert "Traceback" not in done.err, reason


def test_an_unknown_stack_is_answered_with_the_known_ones(console: Console, project: Path) -> None:
    done = console("check", "prod")

    assert done.err.splitlines() == [
        "error: there is no stack 'prod'",
        "fix: name a stack of this project (bad, good) or a file",
    ]


@pytest.mark.parametrize(
    ("content", "rule", "reason"),
    [
        (b"\xff\xfe\x00", "yaml-syntax", "bytes that are no text"),
        ("# 千问\nconfig: {}\n".encode("gb18030"), "yaml-syntax", "GB18030 instead of UTF-8"),
        (b"config: {\n", "yaml-syntax", "no YAML"),
        (b"\x00", "yaml-syntax", "a NUL character"),
        (b"", "missing-key", "nothing"),
        (b"5\n", "bad-value", "a number"),
        (b"a: " + b"[" * 500 + b"]" * 500, "yaml-value", "nested without end"),
    ],
)
@pytest.mark.parametrize("way", ["file", "stdin"])
def test_a_file_that_is_no_stack_is_a_finding(
    content: bytes, rule: str, reason: str, way: str, console: Console, tmp_path: Path
) -> None:
    (tmp_path / "a.yaml").write_bytes(content)
    done = console("check", "a.yaml" if way == "file" else "-", "--format", "concise", stdin=content)

    assert (done.code, done.err) == (1, ""), reason
    assert f"error[{rule}]" in done.out, reason


def test_verbose_prints_every_value_and_its_origin(console: Console, project: Path) -> None:
    done = console("check", "good", "--verbose")
    text = " ".join(done.out.split())

    assert done.code == 0
    assert " image a:1 Pulumi.good.yaml:4 " in text
    assert " replicas 1 default " in text
    assert " engine.maxNumBatchedTokens 4096 the largest of maxModelLen, maxNumSeqs and 2048 " in text


def test_verbose_fits_a_terminal_of_80_columns(console: Console, project: Path) -> None:
    lines = console("check", "bad", "--verbose").out.partition("error[")[0].splitlines()

    assert len(lines) > 100
    assert max(cell_len(line) for line in lines) <= 80


def test_one_service_is_enough(console: Console, project: Path) -> None:
    done = console("check", "bad", "-v", "--service", "spare")

    assert done.code == 0
    assert done.out.startswith("spare\n")
    assert "\nidle\n" not in done.out
    assert done.out.endswith("1 service: 0 errors, 0 warnings, 1 accepted (idle-npus on spare: "
        '"cards reserved for the second adapter")\n')  # fmt: skip


def test_the_findings_of_other_services_are_left_out(console: Console, project: Path) -> None:
    done = console("check", "bad", "-s", "idle", "-s", "spare", "--format", "concise")

    assert done.code == 1
    assert "idle-npus" in done.out
    assert "visible-devices" not in done.out
    assert "unknown-key" not in done.out


def test_an_unknown_service_is_wrong_usage(console: Console, project: Path) -> None:
    done = console("check", "good", "--service", "qwem")

    assert (done.code, done.out) == (2, "")
    assert done.err == "error: no checked stack has a service 'qwem'\nfix: name one of: qwen\n"


def test_the_project_is_found_from_a_directory_below_it(
    console: Console, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = project / "docs" / "deep"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    of_name = console("check", "bad", "--format", "concise")
    of_file = console("check", "../../Pulumi.bad.yaml", "--format", "concise")

    assert console("check", "good").code == 0
    assert of_name.out.startswith("../../Pulumi.bad.yaml:")
    assert of_name.out == of_file.out


def test_a_file_of_another_project_is_read_with_the_name_of_its_project(console: Console, project: Path) -> None:
    team = project / "team"
    team.mkdir()
    (team / "Pulumi.yaml").write_text("name: team\nruntime: python\n")
    (team / "Pulumi.dev.yaml").write_text(GOOD.replace("ascend-vllm:", "team:"))

    assert console("check", "team/Pulumi.dev.yaml").code == 0


def test_verbose_shows_how_the_model_fits_term_by_term(console: Console, project: Path) -> None:
    pools = "{context: prod, pools: {snt9b: {nodes: 1, npusPerNode: 8, npuMemory: 64Gi}}}"
    file = project / "Pulumi.good.yaml"
    unknown = console("check", "good", "-v").out
    file.write_text(file.read_text().replace("{context: prod}", pools))
    known = console("check", "good", "-v").out

    assert "fit: unknown without cluster.pools" in unknown
    for term in ("57.6 GiB  budget of the engine", "14.2 GiB  weights", "tokens of 56.0 KiB", "concurrent requests of"):
        assert term in known


def test_verbose_leaves_other_formats_clean(console: Console, project: Path) -> None:
    done = console("check", "good", "--verbose", "--format", "json")

    assert done.out.startswith("{")
    assert "engine.maxNumBatchedTokens" in done.err


def test_a_project_of_another_name_is_read_by_its_prefix(console: Console, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: inference\nruntime: python\nstackConfigDir: stacks\n")
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.dev.yaml").write_text(GOOD.replace("ascend-vllm:", "inference:"))

    assert console("check").code == 0
    assert console("check", "dev").code == 0


def test_a_cluster_that_cannot_be_reached_is_a_finding_of_check_live(
    console: Console, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(project / "nowhere"))
    done = console("check", "good", "--live")

    assert done.code == 1
    assert done.out.startswith("error[cluster-unreachable]: the kubeconfig has no context")
    assert "1 service: 1 error, 0 warnings, 0 accepted" in done.out


def test_check_live_leaves_a_cluster_alone_that_the_stack_file_does_not_say(console: Console, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD.replace("context:", "contxt:"))
    done = console("check", "a.yaml", "--live")

    assert done.code == 1
    assert "cluster-unreachable" not in done.out
    assert "not read: the cluster of a: its section in the stack file has errors" in done.err
