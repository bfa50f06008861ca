"""The cache of compiled graphs: a restart finds its own, a changed launch never meets a stale one."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from models.launch.graph_cache import graph_cache_lines
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

SERVER = """\
#!/bin/sh
echo graphs >> .torchair_cache
pwd
ls /proc/self/fd | tr '\\n' ' '
echo
[ -z "${SERVES:-}" ] || exec sleep 60
"""
"""Stands in for python: says where it runs and which files it was given, and serves when it is asked to."""

KEY = "0123456789ab"


@dataclass
class Pod:
    """A started launch script."""

    process: subprocess.Popen[str]

    @property
    def directory(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@dataclass
class Node:
    """A node with a volume for the cache, and an image whose python is the stand-in."""

    home: Path
    path: str
    pods: list[Pod] = field(default_factory=list)

    @property
    def volume(self) -> Path:
        return self.home / "graph cache"

    @property
    def workdir(self) -> Path:
        return self.home / "workdir"

    def popen(
        self, key: str, *, service: str = "qwen", volume: str = "", before: str = "", serves: bool = False
    ) -> subprocess.Popen[str]:
        directory = str(ROOT / "models" / "launch" / "scripts")
        lines = graph_cache_lines(volume or str(self.volume), service, key, directory=directory)
        return subprocess.Popen(
            ["/bin/bash", "-c", f"{before}\nset -euo pipefail\n{lines}exec python -m vllm\n"],
            cwd=self.workdir,
            env={"PATH": self.path, "HOSTNAME": "qwen-7f9c", **({"SERVES": "1"} if serves else {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, key: str = KEY, **how: str) -> subprocess.CompletedProcess[str]:
        """A server that starts and ends."""
        with self.popen(key, **how) as process:
            out, err = process.communicate(timeout=20)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def where(self, key: str = KEY, **how: str) -> str:
        """The directory in which a server runs."""
        done = self.run(key, **how)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()[0]

    def serve(self, key: str = KEY) -> Pod:
        """A server that goes on until it is killed."""
        self.pods.append(Pod(self.popen(key, serves=True)))
        return self.pods[-1]

    def age(self, *keys: str) -> None:
        """Let these keys be used last in this order, long ago."""
        for hour, key in enumerate(keys):
            os.utime(self.volume / "qwen" / key, (3600 * hour, 3600 * hour))

    def kept(self) -> set[str]:
        return {path.name for path in (self.volume / "qwen").iterdir() if not path.name.startswith(".")}


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    for name in ("bin", "workdir", "graph cache"):
        (tmp_path / name).mkdir()
    (tmp_path / "bin" / "python").write_text(SERVER)
    (tmp_path / "bin" / "python").chmod(0o755)
    node = Node(tmp_path, f"{tmp_path}/bin:{os.environ['PATH']}")
    yield node
    for pod in node.pods:
        with pod.process:
            pod.kill()


def key_of(letter: str) -> str:
    return letter * 12


def test_a_restart_finds_the_graphs_of_the_run_before(node: Node) -> None:
    first, second = node.where(), node.where()

    assert first == second == f"{node.volume}/qwen/{KEY}/0"
    assert Path(first, ".torchair_cache").read_text() == "graphs\ngraphs\n"


def test_a_changed_launch_meets_no_graphs_and_going_back_finds_them_again(node: Node) -> None:
    old, new, back = node.where(key_of("a")), node.where(key_of("b")), node.where(key_of("a"))

    assert (old, old != new) == (back, True)
    assert Path(new, ".torchair_cache").read_text() == "graphs\n"


def test_two_services_share_nothing(node: Node) -> None:
    assert node.where(service="qwen") != node.where(service="llava")


def test_servers_that_run_side_by_side_write_to_different_directories(node: Node) -> None:
    pods = [node.serve() for _ in range(5)]

    assert {pod.directory for pod in pods} == {f"{node.volume}/qwen/{KEY}/{slot}" for slot in range(5)}


def test_a_server_that_was_killed_gets_its_directory_back(node: Node) -> None:
    first, second = node.serve(), node.serve()
    directory = first.directory
    assert second.directory != directory

    first.kill()
    assert node.serve().directory == directory


def test_a_process_in_the_background_keeps_no_directory_if_it_is_not_given_the_lock(node: Node) -> None:
    lines = graph_cache_lines(str(node.volume), "qwen", KEY, directory=str(ROOT / "models" / "launch" / "scripts"))
    started = subprocess.run(
        ["/bin/bash", "-c", f"set -euo pipefail\n{lines}sleep 60 9>&- > /dev/null 2>&1 &\necho $!\nexec python"],
        env={"PATH": node.path},
        cwd=node.workdir,
        capture_output=True,
        text=True,
        check=True,
    )
    pid, directory, *_ = started.stdout.splitlines()
    try:
        assert node.where() == directory
    finally:
        os.kill(int(pid), signal.SIGKILL)


def test_the_three_keys_that_were_used_last_are_kept(node: Node) -> None:
    for letter in "abc":
        node.where(key_of(letter))
    node.age(key_of("b"), key_of("c"), key_of("a"))
    node.where(key_of("b"))
    node.where(key_of("d"))

    assert node.kept() == {key_of(letter) for letter in "abd"}


def test_an_old_key_stays_as_long_as_a_server_runs_in_it(node: Node) -> None:
    first, second = node.serve(key_of("a")), node.serve(key_of("a"))
    assert first.directory != second.directory
    first.kill()
    for letter in "bcd":
        node.where(key_of(letter))
        node.age(key_of("a"))
    node.where(key_of("e"))
    assert node.kept() == {key_of(letter) for letter in "acde"}, "the second server still runs"

    second.kill()
    node.where(key_of("e"))
    assert key_of("a") not in node.kept()


def test_nothing_but_old_keys_of_the_service_is_removed(node: Node) -> None:
    outside = node.home / "outside"
    others = [node.volume / "llava" / key_of(letter) for letter in "abcd"]
    strange = [node.volume / "qwen" / name for name in ("notes", "ABCDEFABCDEF", "0" * 13, "with space 0")]
    for directory in (outside, *others, *strange):
        (directory / "0").mkdir(parents=True)
    (node.volume / "qwen" / key_of("f")).symlink_to(outside)
    (node.volume / "qwen" / key_of("9")).write_text("a file")
    for letter in "abcde":
        node.where(key_of(letter))

    assert all((directory / "0").is_dir() for directory in (outside, *others, *strange))
    assert {key_of("f"), key_of("9")} < node.kept()
    assert key_of("a") not in node.kept()


@pytest.mark.parametrize(
    "name", ["a b", "it's", 'a "b"', "$(touch pwned)", "`touch pwned`", "-rf", "a;b", "*", "图", "\\"]
)
def test_no_name_reaches_bash_as_code(node: Node, name: str) -> None:
    volume = node.home / name
    volume.mkdir()

    assert node.where(volume=str(volume), service=name) == f"{volume}/{name}/{KEY}/0"
    assert not list(node.home.rglob("pwned"))


def no_directory(node: Node) -> None:
    node.volume.rmdir()
    node.volume.write_text("a file")


def service_is_a_file(node: Node) -> None:
    (node.volume / "qwen").write_text("a file")


def lock_is_a_directory(node: Node) -> None:
    (node.volume / "qwen" / KEY / "0" / ".lock").mkdir(parents=True)


def home_lock_is_a_directory(node: Node) -> None:
    (node.volume / "qwen" / ".lock").mkdir(parents=True)


def full(node: Node) -> None:
    (node.volume / "qwen" / KEY / "0").mkdir(parents=True)
    (node.volume / "qwen" / KEY / "0" / ".pod").symlink_to("/dev/full")


@pytest.mark.parametrize(
    "fault", [no_directory, service_is_a_file, lock_is_a_directory, home_lock_is_a_directory, full]
)
def test_a_volume_that_cannot_be_used_costs_the_cache_and_not_the_pod(
    node: Node, fault: Callable[[Node], None]
) -> None:
    fault(node)
    done = node.run()
    directory, files, *_ = done.stdout.splitlines()

    assert (done.returncode, directory) == (0, str(node.workdir))
    assert done.stderr.splitlines()[-1] == (
        f"graph cache: {node.volume}/qwen cannot be used, so the graphs are compiled again;"
        f" the server runs in {node.workdir}"
    )
    assert not {"8", "9"} & set(files.split())


def test_the_server_is_given_the_lock_of_its_directory_and_no_other(node: Node) -> None:
    done = node.run()
    files = done.stdout.splitlines()[1].split()

    assert "9" in files
    assert "8" not in files
    assert done.stderr == f"graph cache: {node.volume}/qwen/{KEY}/0\n"


def test_options_that_the_images_initialization_file_sets_change_nothing(node: Node) -> None:
    before = "set -o noclobber; shopt -s nullglob; CDPATH=/"

    assert node.where(before=before) == node.where(before=before) == f"{node.volume}/qwen/{KEY}/0"


@pytest.fixture
def no_flock(node: Node) -> Node:
    """A node whose image has no flock."""
    for tool in ("mkdir", "touch", "ls", "rm", "tr", "sleep"):
        (node.home / "bin" / tool).symlink_to(shutil.which(tool) or "")
    node.path = str(node.home / "bin")
    return node


def test_without_flock_each_pod_has_a_directory_of_its_own_and_nothing_is_removed(no_flock: Node) -> None:
    keys = [key_of(letter) for letter in "abcdef"]
    found = [no_flock.where(key) for key in keys]

    assert found == [f"{no_flock.volume}/qwen/{key}/host-qwen-7f9c" for key in keys]
    assert no_flock.kept() == set(keys)
    assert no_flock.where(keys[0]) == found[0]


def test_the_lines_are_two_and_name_what_they_use() -> None:
    lines = graph_cache_lines("/mnt/cache", "qwen2-7b", KEY, directory="/opt/ascend-vllm/launch")

    assert lines == f"source /opt/ascend-vllm/launch/graph_cache.sh\nuse_graph_cache /mnt/cache qwen2-7b {KEY}\n"
    assert shlex.split(lines)[-3:] == ["/mnt/cache", "qwen2-7b", KEY]
