"""Missing tools are built once, from pinned modules, and an interrupted build goes on where it was."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox import gobuild, paths, pins, toolchain
from sandbox.errors import SandboxError
from sandbox.pins import Tool, key

Program = Callable[..., Path]

ONE = Tool("one", "1.0.0", "first", "example.com/one", "one", 0.01)
TWO = Tool("two", "2.0.0", "first", "example.com/two", "two", 0.01)

GO_BUILD = """
echo "$@" >> {calls}
case "$1" in
  version) echo "go version go{version} linux/amd64" ;;
  build)
    case "$6" in *{broken}) echo "main.go:1: no such thing" >&2; exit 1 ;; esac
    cp /bin/true "$5" ;;
esac
"""


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """What the Go stand-in was called with, a line each."""
    file = tmp_path / "calls"
    file.touch()
    return file


@pytest.fixture(autouse=True)
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One pinned module."""
    folder = tmp_path / "modules"
    (folder / "first").mkdir(parents=True)
    (folder / "first" / "go.mod").write_text("module first")
    monkeypatch.setattr(gobuild, "MODULES", folder)
    return folder


def builds(calls: Path) -> list[str]:
    """The packages that were built, in order."""
    return [line.split()[-1] for line in calls.read_text().splitlines() if line.startswith("build")]


@pytest.fixture
def working_go(program: Program, calls: Path) -> None:
    program("go", GO_BUILD.format(calls=calls, version="1.26.3", broken="nothing"))


def ensure(modules: Path, *tools: Tool, keep: bool = False) -> toolchain.Toolchain:
    return toolchain.ensure(keep, tools or (ONE, TWO), modules)


@pytest.mark.usefixtures("working_go")
def test_each_tool_is_built_once(modules: Path, calls: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = ensure(modules), ensure(modules)

    assert builds(calls) == ["example.com/one", "example.com/two"]
    assert first == second
    assert all(path.is_file() for path in first.programs.values())
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "sandbox   one 1.0.0: building (1/2, under a minute on two cores)",
        "sandbox   one 1.0.0 … built in 0 s",
        "sandbox   two 2.0.0: building (2/2, under a minute on two cores)",
        "sandbox   two 2.0.0 … built in 0 s",
    ]


def test_a_failed_build_keeps_what_was_built_and_goes_on_from_there(
    modules: Path, calls: Path, program: Program
) -> None:
    program("go", GO_BUILD.format(calls=calls, version="1.26.3", broken="/two"))
    with pytest.raises(SandboxError) as failed:
        ensure(modules)
    program("go", GO_BUILD.format(calls=calls, version="1.26.3", broken="nothing"))
    calls.write_text("")

    ensure(modules)

    assert builds(calls) == ["example.com/two"]
    assert "main.go:1: no such thing" in failed.value.message
    assert str(paths.build_dir() / "logs" / "two.log") in failed.value.message
    assert failed.value.exit_code == 3


@pytest.mark.usefixtures("working_go")
def test_gos_caches_are_ours_and_gone_afterwards(modules: Path, cache: Path) -> None:
    environment = gobuild.go_environment({})

    ensure(modules)

    assert environment["GOCACHE"].startswith(str(cache))
    assert environment["GOMODCACHE"].startswith(str(cache))
    assert sorted(entry.name for entry in cache.iterdir()) == ["build.lock", "tools"]


@pytest.mark.usefixtures("working_go")
def test_the_build_cache_stays_when_asked_to(modules: Path) -> None:
    ensure(modules, keep=True)

    assert paths.build_dir().is_dir()


def test_go_caches_of_the_environment_are_used_as_they_are() -> None:
    environment = gobuild.go_environment({"GOCACHE": "/mine", "GOMODCACHE": "/mine/mod", "GOPROXY": "https://proxy"})

    assert (environment["GOCACHE"], environment["GOMODCACHE"]) == ("/mine", "/mine/mod")
    assert environment["GOPROXY"] == "https://proxy"
    assert "-modcacherw" not in environment["GOFLAGS"]


def test_go_keeps_the_users_settings_but_writes_none_of_his_files(cache: Path) -> None:
    environment = gobuild.go_environment({"XDG_CONFIG_HOME": "/u/config"})

    assert environment["GOENV"] == "/u/config/go/env"
    assert environment["XDG_CONFIG_HOME"].startswith(str(cache))


def test_builds_are_reproducible_whatever_the_user_has_set() -> None:
    environment = gobuild.go_environment({"GOFLAGS": "-mod=vendor", "GOOS": "windows", "GOWORK": "/x/go.work"})

    assert environment["GOFLAGS"].split()[0] == "-trimpath"
    assert (environment["GOWORK"], environment["GOTOOLCHAIN"], environment["CGO_ENABLED"]) == ("off", "local", "0")
    assert "GOOS" not in environment


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        (None, "there is no go on PATH"),
        ("echo go version go1.21.4 linux/amd64", "is Go 1.21; the sandbox needs 1.26 or newer"),
        ("echo 'cannot find GOROOT' >&2; exit 2", "cannot find GOROOT"),
    ],
)
def test_without_a_good_go_the_user_is_told_what_to_install(
    script: str | None, complaint: str, modules: Path, program: Program
) -> None:
    if script:
        program("go", script)

    with pytest.raises(SandboxError) as refused:
        ensure(modules)

    assert complaint in refused.value.message
    assert refused.value.fix.startswith("install Go 1.26 or newer")
    assert refused.value.exit_code == 3


def test_a_tool_on_path_is_taken_and_needs_no_go(
    modules: Path, program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    path = program("one", "echo v1.5.0")

    found = ensure(modules, replace(ONE, minimum="1.0.0", ask=("version",)))

    assert found.programs == {"one": path}
    assert capsys.readouterr().err == f"sandbox   one 1.5.0 taken from PATH: {path}\n"


@pytest.mark.usefixtures("working_go")
def test_an_old_tool_on_path_is_named_with_the_reason(
    modules: Path, program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    path = program("one", "echo v0.5.0")

    found = ensure(modules, replace(ONE, minimum="1.0.0", ask=("version",)))

    assert found.programs["one"] != path
    assert capsys.readouterr().err.startswith(
        f"sandbox   one 0.5.0 ({path}) is older than 1.0.0: using our own 1.0.0\n"
    )


@pytest.mark.usefixtures("working_go")
def test_a_second_build_waits_for_the_first_and_says_so(
    modules: Path, calls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = paths.cache_root() / "build.lock"
    lock.parent.mkdir(parents=True)
    hold = f"import fcntl, time; f = open({str(lock)!r}, 'w'); fcntl.flock(f, fcntl.LOCK_EX); f.write('77'); f.flush()"
    holder = subprocess.Popen(
        [sys.executable, "-c", f"{hold}; print(flush=True); time.sleep(0.3)"], stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout
        holder.stdout.readline()
        ensure(modules)

    assert "sandbox   waiting: process 77 is building the sandbox's tools\n" in capsys.readouterr().err
    assert builds(calls) == ["example.com/one", "example.com/two"]


@pytest.mark.usefixtures("working_go")
def test_a_disk_without_room_is_said_before_the_first_build(modules: Path, calls: Path) -> None:
    with pytest.raises(SandboxError, match="GB are free"):
        ensure(modules, replace(ONE, minutes=10**9))

    assert builds(calls) == []


def test_other_pins_are_other_tools(modules: Path) -> None:
    before = key((ONE,), modules)
    (modules / "first" / "go.sum").write_text("other sums")

    assert before != key((ONE,), modules)
    assert key((ONE,), modules) != key((replace(ONE, flags="-X a=b"),), modules)
    assert key((ONE,), modules) == key((replace(ONE, minutes=5),), modules)


def test_tools_are_not_built_again_because_others_have_other_pins(modules: Path) -> None:
    before = key((ONE,), modules)
    (modules / "another").mkdir()
    (modules / "another" / "go.mod").write_text("module example.com/another")

    assert before == key((ONE,), modules)


def test_every_tool_has_a_pinned_module_with_its_sums() -> None:
    for tool in (*pins.TOOLS, *pins.NODE_TOOLS, *pins.GROUP_TOOLS):
        assert (pins.MODULES / tool.module / "go.mod").is_file()
        assert (pins.MODULES / tool.module / "go.sum").is_file()


def test_the_version_of_each_tool_is_the_one_of_its_module() -> None:
    pinned = {
        module: (pins.MODULES / module / "go.mod").read_text()
        for module in {t.module for t in (*pins.TOOLS, *pins.NODE_TOOLS, *pins.GROUP_TOOLS)}
    }

    assert "github.com/pulumi/pulumi/pkg/v3 v3.259.0" in pinned["pulumi"]
    assert "github.com/pulumi/pulumi/sdk/v3 v3.78.0" in pinned["language-python"]
    assert "k8s.io/kubernetes v1.34.1" in pinned["cluster"]
    assert "k8s.io/kubernetes v1.34.1" in pinned["node"]
    assert f"volcano.sh/volcano v{pins.VOLCANO}" in pinned["cluster"]
    assert "go.etcd.io/etcd/server/v3 v3.6.4" in pinned["cluster"]
    assert "sigs.k8s.io/kwok v0.8.0" in pinned["kwok"]
    assert f"github.com/coredns/coredns v{pins._COREDNS}" in pinned["coredns"]
    assert f"sigs.k8s.io/lws v{pins.LEADER_WORKER_SET}" in pinned["lws"]


def test_the_controller_of_groups_is_built_without_the_other_tools() -> None:
    others = {tool.module for tool in (*pins.TOOLS, *pins.NODE_TOOLS)}

    for tool in pins.GROUP_TOOLS:
        assert tool.module not in others
        assert all(asset.module == tool.module for asset in tool.assets)
