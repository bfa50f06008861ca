"""Files that the command line names: none makes a command wait or fills the memory, and no text follows a link."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli.inputs.named_files import write_named
from tests.cli.conftest import GOOD, Console
from tests.convert.pairs import CONFIG, FILLED, SCRIPT

pytestmark = pytest.mark.slow

READERS = [
    ("convert", "odd"),
    ("request", "good", "qwen", "chat", "--json", "odd"),
    ("request", "guarded", "qwen", "chat", "hello", "--api-key-file", "odd", "--url", "http://127.0.0.1:9"),
    ("request", "good", "qwen", "chat", "hello", "--guided-json", "odd", "--curl"),
]


@pytest.fixture(autouse=True)
def guarded(project: Path) -> None:
    """A stack whose service needs an API key."""
    server = "server: {apiKey: {secret: keys, key: k}}, engine:"
    (project / "Pulumi.guarded.yaml").write_text(GOOD.replace("engine:", server))


@pytest.mark.parametrize("arguments", READERS)
@pytest.mark.parametrize("target", ["pipe", "/dev/zero"])
def test_a_pipe_or_a_device_is_an_error_and_nobody_waits_for_it(
    arguments: tuple[str, ...], target: str, project: Path, console: Console
) -> None:
    os.mkfifo(project / "pipe")
    (project / "odd").symlink_to(target)

    done = console(*arguments)

    assert done.code in (2, 3)
    assert "it is a pipe or a device, not a file" in " ".join(done.err.split())


@pytest.mark.parametrize("arguments", READERS)
def test_a_file_without_an_end_in_sight_is_an_error(
    arguments: tuple[str, ...], project: Path, console: Console
) -> None:
    with (project / "odd").open("wb") as file:
        file.truncate(1 << 40)

    done = console(*arguments)

    assert done.code in (2, 3)
    assert ": it has more than " in " ".join(done.err.split())


def test_the_output_of_a_command_is_read_as_shells_name_it(project: Path, console: Console) -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(b"nothing\n")

    done = console("convert", f"/dev/fd/{reading}")
    os.close(reading)

    assert "cannot be read" not in done.err
    assert f"/dev/fd/{reading} has no Kubernetes object" in done.err


def test_standard_input_has_a_bound_too(project: Path, console: Console) -> None:
    done = console("convert", "-", stdin=b" " * 10_000_001)

    assert done.code == 3
    assert "standard input cannot be read: it has more than 10000000 bytes" in done.err


SETS = [word for name, value in FILLED.items() for word in ("--set", f"{name}={value}")]
WRITERS = [
    (("manifest", "weights", "-o", "planted"), "planted", "it is a link to"),
    (
        ("convert", "config.yaml", "run_vllm.sh", "-o", "planted", "--context", "prod", "--force", *SETS),
        "planted",
        "it is a link to",
    ),
    (("lock", "good", "--offline"), "ascend-vllm.lock", "it is outside of the project"),
    (("migrate", "good", "--to", "0.23.0", "-o", "planted"), "planted", "planted exists already"),
]


@pytest.mark.parametrize(("arguments", "name", "message"), WRITERS)
@pytest.mark.parametrize("target", ["outside.txt", "missing.txt"])
def test_no_command_writes_through_a_planted_link(
    arguments: tuple[str, ...], name: str, message: str, target: str, project: Path, console: Console
) -> None:
    (project / "weights").mkdir()
    (project / "weights" / "config.json").write_text("{}")
    (project / "config.yaml").write_text(CONFIG)
    (project / "run_vllm.sh").write_text(SCRIPT)
    outside = project.parent / f"{project.name}-{target}"
    if target == "outside.txt":
        outside.write_text("theirs\n")
    (project / name).symlink_to(outside)

    done = console(*arguments)

    assert message in " ".join(done.err.split())
    assert done.code != 0
    assert outside.exists() == (target == "outside.txt")
    if outside.exists():
        assert outside.read_text() == "theirs\n"


def test_a_stack_file_that_is_a_link_is_not_migrated_in_place(project: Path, console: Console) -> None:
    (project / "Pulumi.linked.yaml").symlink_to("Pulumi.good.yaml")
    before = (project / "Pulumi.good.yaml").read_text()

    done = console("migrate", "linked", "--to", "0.23.0")

    assert "it is a link to Pulumi.good.yaml" in " ".join(done.err.split())
    assert (project / "Pulumi.good.yaml").read_text() == before
    assert not list(project.glob("Pulumi.linked.yaml.*"))


ELSEWHERE = [
    (("checksums", "weights", "-o", "planted/new.json"), 3),
    (("convert", "config.yaml", "run_vllm.sh", "-o", "planted/new.yaml", "--context", "prod", *SETS), 3),
    (("render", "good", "-o", "planted"), 3),
    (("render", "good", "-o", "planted/below"), 3),
    (("migrate", "good", "--to", "0.23.0", "-o", "planted/new.yaml"), 3),
]


@pytest.mark.parametrize(("arguments", "code"), ELSEWHERE)
def test_no_command_writes_into_a_directory_outside_through_a_planted_link(
    arguments: tuple[str, ...], code: int, project: Path, console: Console
) -> None:
    (project / "weights").mkdir()
    (project / "weights" / "config.json").write_text("{}")
    (project / "config.yaml").write_text(CONFIG)
    (project / "run_vllm.sh").write_text(SCRIPT)
    outside = project.parent / f"{project.name}-outside"
    outside.mkdir()
    (project / "planted").symlink_to(outside)

    done = console(*arguments)

    assert f"a link leads to {outside}" in " ".join(done.err.split())
    assert done.code == code
    assert not list(outside.iterdir())


def test_whoever_names_a_path_elsewhere_gets_it(project: Path, console: Console) -> None:
    outside = project.parent / f"{project.name}-outside"
    (project / "named").symlink_to(outside)

    done = console("render", "good", "-o", f"../{outside.name}")

    assert done.code == 0
    assert list(outside.glob("*.yaml"))


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("checksums", "weights", "-o", "planted"), "planted"),
        (("lock", "good", "--offline"), "ascend-vllm.lock"),
        (("migrate", "good", "--to", "0.23.0"), "Pulumi.good.yaml"),
    ],
)
def test_no_command_writes_through_a_hard_link(
    arguments: tuple[str, ...], name: str, project: Path, console: Console
) -> None:
    (project / "weights").mkdir()
    (project / "weights" / "config.json").write_text("{}")
    text = "version: 1\nstacks: {}\n"
    if name == "Pulumi.good.yaml":
        text = GOOD
    outside = project.parent / f"{project.name}-outside.txt"
    outside.write_text(text)
    (project / name).unlink(missing_ok=True)
    (project / name).hardlink_to(outside)

    done = console(*arguments)

    assert "it is a hard link, and the other file would change, too" in " ".join(done.err.split())
    assert done.code == 3
    assert outside.read_text() == text


@pytest.mark.parametrize("target", ["pipe", "/dev/zero", "directory", "huge"])
def test_the_progress_of_an_upgrade_that_is_no_file_is_explained(target: str, project: Path, console: Console) -> None:
    os.mkfifo(project / "pipe")
    (project / "directory").mkdir()
    with (project / "huge").open("wb") as file:
        file.truncate(1 << 40)
    (project / "Pulumi.good.upgrade.json").symlink_to(target)

    done = console("upgrade", "good")

    assert done.code == 3
    assert "Pulumi.good.upgrade.json cannot be read: " in done.err
    assert "Errno" not in done.err


ODD_KUBECONFIGS = ["users: [{name: a, user: {token: mine}}\n", "mine", "users: mine", "contexts: [mine]", "\xff"]


@pytest.mark.parametrize("content", ODD_KUBECONFIGS)
def test_a_broken_kubeconfig_is_explained_without_its_content(
    content: str, project: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "odd").write_text(content, encoding="latin-1")
    monkeypatch.setenv("KUBECONFIG", "odd")

    done = console("status", "good")

    assert done.code == 3
    assert "kubeconfig" in done.err
    assert "mine" not in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("target", ["pipe", "/dev/zero"])
@pytest.mark.parametrize("arguments", [("status", "good"), ("init", "--stack", "new")])
def test_nobody_waits_for_a_kubeconfig_that_is_a_pipe_or_a_device(
    arguments: tuple[str, ...], target: str, project: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in project.iterdir():
        if arguments[0] == "init":
            file.unlink()
    os.mkfifo(project / "pipe")
    (project / "odd").symlink_to(target)
    monkeypatch.setenv("KUBECONFIG", "odd")

    done = console(*arguments)

    assert "Traceback" not in done.err
    if arguments[0] == "status":
        assert "kubeconfig odd cannot be read: it is a pipe or a device" in " ".join(done.err.split())


def test_a_pipe_is_not_written(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="No such device or address"):
        write_named(pipe, "text")


def test_a_shorter_text_replaces_a_longer_one(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("a long text")

    write_named(file, "\udcffnew\n")

    assert file.read_bytes() == b"\xffnew\n"
