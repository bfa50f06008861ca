"""A real node's parts that need neither root nor a kubelet: what is asked for, what is written, what is removed."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from cli.errors import CommandError
from cli.sandbox_plan import sandbox_plan
from sandbox import archive, basis, processes
from sandbox.errors import SandboxError
from sandbox.real import cgroups, containerd, door, kubelet, needs, node, root
from tests.sandbox.conftest import Program


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    """The network plugins of a distribution."""
    directory = tmp_path / "cni"
    directory.mkdir()
    for name in ("bridge", "host-local", "loopback"):
        (directory / name).touch()
    return directory


def test_everything_that_is_missing_is_said_at_once_with_how_to_install_it(program: Program, tmp_path: Path) -> None:
    directory = program("runc", "true").parent
    for name in ("ip", "mount", "umount", "pivot_root", "unshare", "nsenter", "iptables", "iptables-restore"):
        program(name, "true")

    with pytest.raises(SandboxError) as refused:
        needs.check(0, str(directory), [tmp_path / "nowhere"])

    assert refused.value.message == (
        "a real node needs these programs, which are not installed: containerd, ctr, containerd-shim-runc-v2,"
        " the network plugins bridge, host-local and loopback"
    )
    assert refused.value.fix.endswith("apt-get install --no-install-recommends containerd containernetworking-plugins")


def test_a_library_that_is_missing_is_told_in_the_same_message(program: Program, tmp_path: Path, plugins: Path) -> None:
    for name in {*needs._PACKAGES} - {"runc"}:
        program(name, "true")
    directory = str(program("ip", "true").parent)
    libraries = {"libno-such.so.1": "libno-such1"}

    with pytest.raises(SandboxError) as refused:
        needs.check(0, directory, [plugins], libraries)

    assert refused.value.message == "a real node needs these programs, which are not installed: runc, libno-such.so.1"
    assert refused.value.fix.endswith("libno-such1 runc")


def test_a_library_that_is_there_is_found(program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "libthere.so.1").touch()
    monkeypatch.setattr(needs, "LIBRARIES", (tmp_path / "nowhere", tmp_path))
    monkeypatch.setattr(needs, "plugin_directory", lambda *_: tmp_path)
    for name in needs._PACKAGES:
        program(name, "true")

    needs.check(0, str(program("ip", "true").parent), libraries={"libthere.so.1": "libthere1"})


def test_whoever_is_not_root_is_told_how_to_be(plugins: Path) -> None:
    with pytest.raises(SandboxError, match="a real node needs root") as refused:
        needs.check(1000, "", [plugins])

    assert "sudo" in refused.value.fix


def test_a_machine_that_has_everything_is_fine(program: Program, plugins: Path) -> None:
    for name in needs._PACKAGES:
        program(name, "true")

    needs.check(0, str(program("true", "true").parent), [plugins])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A sandbox's directory with the programs that are built."""
    home = tmp_path / "box"
    (home / "bin").mkdir(parents=True)
    for name in kubelet.COMPONENTS:
        (home / "bin" / name).touch()
    return home


def test_the_node_has_what_the_manual_says_of_an_ascend_node(home: Path) -> None:
    root.make(home, "snt9b-1")

    there = root.path(home)
    for directory in ("usr/local/Ascend/driver", "usr/local/Ascend/add-ons"):
        assert (there / directory).is_dir()
    for file in ("etc/hccn.conf", "etc/localtime", "usr/local/sbin/npu-smi", "usr/local/bin/npu-smi"):
        assert (there / file).is_file()
    assert os.access(there / "usr/local/sbin/npu-smi", os.X_OK)


def test_the_node_has_the_programs_of_the_machine_but_nothing_of_its_users(home: Path) -> None:
    root.make(home, "snt9b-1")

    mounts = dict(map(reversed, json.loads((home / "node/mounts.json").read_text())))
    assert mounts["usr/bin"] == "/usr/bin"
    assert mounts["usr/local/bin/kubelet"] == str(home / "bin/kubelet")
    assert not {"usr/local", "etc", "home", "root", "var", "mnt"} & {*mounts}
    assert all((root.path(home) / target).exists() for target in mounts if not target.startswith("proc/"))


def test_a_kubelet_finds_the_settings_of_the_machine_as_it_wants_them(home: Path) -> None:
    """It would change them otherwise, for the whole machine."""
    root.make(home, "snt9b-1")

    mounts = dict(map(reversed, json.loads((home / "node/mounts.json").read_text())))
    told = {name: Path(mounts[f"proc/sys/{name}"]).read_text() for name in root.TUNABLES}
    assert told == {
        "vm/overcommit_memory": "1\n", "vm/panic_on_oom": "0\n", "kernel/panic": "10\n", "kernel/panic_on_oops": "1\n"
    }  # fmt: skip


def test_the_programs_of_the_node_agree_on_their_socket_cgroup_and_addresses(home: Path) -> None:
    root.make(home, "snt9b-1")

    there = root.path(home)
    written = json.loads((there / "etc/kubernetes/kubelet.json").read_text())
    network = json.loads((there / "etc/cni/net.d/10-pods.conflist").read_text())["plugins"][0]
    assert written["containerRuntimeEndpoint"] == f"unix://{containerd.SOCKET}"
    assert containerd.SOCKET in (there / "etc/containerd/config.toml").read_text()
    assert written["cgroupRoot"] == f"/{cgroups.name(home)}"
    assert network["ipam"]["ranges"] == [[{"subnet": containerd.PODS, "gateway": containerd.ADDRESS}]]
    assert f"--node-ip={containerd.ADDRESS}" in kubelet.commands("snt9b-1")["kubelet"]


def test_sandboxes_of_one_name_in_two_caches_have_cgroups_of_their_own() -> None:
    assert cgroups.name(Path("/a/box")) != cgroups.name(Path("/b/box"))


def test_cgroups_are_found_in_both_versions_of_the_kernels_interface(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "proc /proc proc rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n"
    )

    assert cgroups.hierarchies(mounts) == [Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")]


def test_what_is_in_a_cgroup_is_ended_before_it_is_removed(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel's directories vanish with their files; here a process removes its file when it is killed."""
    monkeypatch.setattr(cgroups, "hierarchies", lambda: [tmp_path / "cpu", tmp_path / "memory"])
    cgroups.make(home)
    pod = tmp_path / "cpu" / cgroups.name(home) / "kubepods" / "pod1"
    pod.mkdir(parents=True)
    killed: list[int] = []

    def kill(pid: int, _: int) -> None:
        killed.append(pid)
        (pod / "cgroup.procs").unlink()

    monkeypatch.setattr(os, "kill", kill)
    (pod / "cgroup.procs").write_text("0\n4711\n")

    assert cgroups.remove(home)
    assert killed == [4711]
    assert list(tmp_path.glob("*/ascend-vllm")) == []
    assert not cgroups.remove(home)


@pytest.fixture
def unified(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with version 2 alone, whose kernel offers a cgroup what is in its file."""
    top = tmp_path / "unified"
    monkeypatch.setattr(cgroups, "hierarchies", lambda: [top])
    (top / cgroups.name(home)).mkdir(parents=True)
    (top / "cgroup.controllers").write_text("cpuset cpu io memory pids rdma\n")
    return top


def test_a_cgroup_of_version_2_gets_the_controllers_that_a_kubelet_wants(unified: Path, home: Path) -> None:
    (unified / cgroups.name(home) / "cgroup.controllers").write_text("cpuset cpu memory pids\n")

    cgroups.make(home)

    handed_on = [unified / "cgroup.subtree_control", unified / cgroups.PARENT / "cgroup.subtree_control"]
    assert [file.read_text() for file in handed_on] == ["+pids", "+pids"], "one at a time, and the last one is seen"


def test_a_machine_that_hands_no_controllers_on_is_told_so(unified: Path, home: Path) -> None:
    """As in a container whose processes are in the uppermost cgroup; the kubelet would only die."""
    (unified / cgroups.name(home) / "cgroup.controllers").write_text("pids\n")

    with pytest.raises(SandboxError, match=r"has no controllers cpu, cpuset, memory: .*unified does not delegate them"):
        cgroups.make(home)


def test_files_are_not_removed_while_something_is_mounted_among_them(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Path.read_text
    mounted = f"/dev/vda {home}/node/root/usr/bin ext4 ro 0 0\n"
    monkeypatch.setattr(
        Path, "read_text", lambda self, *a, **k: mounted if str(self) == "/proc/self/mounts" else read(self, *a, **k)
    )

    with pytest.raises(SandboxError, match="something is mounted below"):
        node.clear(home)


def test_images_are_loaded_onto_a_real_node_only(home: Path) -> None:
    with pytest.raises(SandboxError, match="sandbox box has no real node"):
        node.load(home, home / "image.tar")


def test_an_archive_that_is_not_there_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "check", lambda _: None)

    with pytest.raises(SandboxError, match=r"there is no file .*image\.tar") as refused:
        node.load(home, home / "image.tar")

    assert refused.value.exit_code == 2


def test_the_door_leads_from_one_port_to_the_other(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as inner, socket.create_server(("127.0.0.1", 0)) as outer:
        outer.set_inheritable(True)
        words = [sys.executable, "-I", "-S", door.__file__, str(outer.fileno()), str(inner.getsockname()[1])]
        with subprocess.Popen(words, pass_fds=[outer.fileno()]) as process:
            try:
                with socket.create_connection(outer.getsockname()) as asking:
                    asking.sendall(b"question")
                    asking.shutdown(socket.SHUT_WR)
                    answering, _ = inner.accept()
                    with answering:
                        assert answering.recv(100) == b"question"
                        assert answering.recv(100) == b""
                        answering.sendall(b"answer")
                    assert asking.recv(100) == b"answer"
            finally:
                process.kill()


def test_a_door_to_nowhere_closes(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        nobody = gone.getsockname()[1]
    with socket.create_server(("127.0.0.1", 0)) as outer:
        outer.set_inheritable(True)
        words = [sys.executable, "-I", "-S", door.__file__, str(outer.fileno()), str(nobody)]
        with subprocess.Popen(words, pass_fds=[outer.fileno()]) as process:
            try:
                with socket.create_connection(outer.getsockname()) as asking:
                    assert asking.recv(100) == b""
            finally:
                process.kill()


def test_an_image_has_what_was_put_into_it(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    target = tmp_path / "image.tar"

    archive.write(
        target,
        "localhost/one:1",
        {"usr/bin/program": program, "bin": "usr/bin", "tmp/.keep": b""},
        entrypoint=("/bin/program",),
        environment={"A": "b"},
    )

    with tarfile.open(target) as image:
        manifest = json.load(image.extractfile("manifest.json"))[0]
        configuration = json.load(image.extractfile(manifest["Config"]))
        with tarfile.open(fileobj=image.extractfile("layer.tar")) as layer:
            entries = {entry.name: entry for entry in layer}
    assert manifest["RepoTags"] == ["localhost/one:1"]
    assert configuration["config"]["Entrypoint"] == ["/bin/program"]
    assert "A=b" in configuration["config"]["Env"]
    assert entries["usr/bin/program"].mode == 0o755
    assert (entries["usr/bin/program"].uid, entries["bin"].linkname, entries["tmp"].isdir()) == (0, "usr/bin", True)
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []


def test_an_image_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        archive.write(tmp_path / "image.tar", "one:1", {"program": tmp_path / "nowhere"})

    assert list(tmp_path.iterdir()) == []


def test_a_program_comes_with_its_libraries() -> None:
    files = basis.programs(["bash"])

    assert files["usr/bin/bash"] == Path("/bin/bash").resolve()
    assert any(Path(name).name.startswith("libc.so") for name in files)
    assert all(isinstance(file, str) or file.is_file() for file in files.values())


def test_a_program_that_is_not_here_is_said() -> None:
    with pytest.raises(SandboxError, match="there is no program 'no-such-program'"):
        basis.programs(["no-such-program"])


@pytest.mark.slow
def test_this_python_runs_out_of_its_files_alone(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("NAME = 'ours'\n")

    files = basis.python([tmp_path / "package"])

    assert files["opt/packages/package/__init__.py"] == tmp_path / "package" / "__init__.py"
    interpreter = files[str(files["usr/bin/python"]).lstrip("/")]
    assert isinstance(interpreter, Path)
    assert interpreter.is_file()
    assert any(name.endswith("/json/__init__.py") for name in files)
    assert not any("/site-packages/" in name or "/test/" in name for name in files)


STACK = """\
config:
  ascend-vllm:cluster:
    context: kwok-box
    pools:
      snt9b: {nodes: 2, npusPerNode: 8, npuMemory: 64Gi}
  ascend-vllm:services: {}
"""


def test_the_first_node_of_the_first_pool_is_the_real_one(tmp_path: Path) -> None:
    stack = tmp_path / "Pulumi.box.yaml"
    stack.write_text(STACK)

    assert [one.real for one in sandbox_plan(str(stack), real=True).nodes] == [True, False]
    assert sandbox_plan(str(stack)).real is None


def test_a_stack_of_another_cluster_gets_no_node_at_all(tmp_path: Path) -> None:
    stack = tmp_path / "Pulumi.box.yaml"
    stack.write_text(STACK.replace("kwok-box", "prod"))

    with pytest.raises(CommandError, match="which is not a sandbox"):
        sandbox_plan(str(stack), real=True)


def test_the_first_process_of_a_namespace_is_told_from_others(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    pids = {11: "NSpid:\t11\n", 12: "NSpid:\t12\t1\n", 13: "NSpid:\t13\t7\n", 14: "NSpid:\t14\t9\t1\n"}
    read = Path.read_text

    def status(self: Path, *arguments: object, **named: object) -> str:
        pid = self.parent.name
        return pids[int(pid)] if pid.isdigit() and self.name == "status" else read(self, *arguments, **named)

    monkeypatch.setattr(Path, "read_text", status)
    monkeypatch.setattr(processes, "marked", lambda _: [processes.Process(pid, "x") for pid in pids])

    assert node.first_process(home) == 12


def test_a_kubelet_gets_the_certificates_and_not_their_paths(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root.make(home, "snt9b-1")
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(kubelet.kubectl, "kubectl", lambda _, *words: asked.append(words) or "certificates")

    kubelet.admit(home, root.path(home))

    file = root.path(home) / "etc/kubernetes/kubeconfig"
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("certificates", 0o600)
    assert asked == [("config", "view", "--raw", "--flatten")]


def test_pods_ask_the_nodes_own_dns_for_names_of_services_and_no_question_leaves_the_node(home: Path) -> None:
    root.make(home, "snt9b-1")
    written = kubelet._kubelet(home)
    corefile = (root.path(home) / "etc/kubernetes/Corefile").read_text()

    assert written["clusterDNS"] == [containerd.ADDRESS]
    assert f"kubernetes {written['clusterDomain']} {{" in corefile
    assert "forward" not in corefile


def test_pods_reach_services_and_their_answers_come_back_through_the_node(home: Path) -> None:
    root.make(home, "snt9b-1")
    network = json.loads((root.path(home) / "etc/cni/net.d/10-pods.conflist").read_text())["plugins"][0]

    assert network["ipam"]["routes"] == [{"dst": "0.0.0.0/0"}]
    assert kubelet._proxy("snt9b-1")["iptables"] == {"masqueradeAll": True}


def test_the_limits_of_the_machine_for_connections_stay() -> None:
    assert set(kubelet._proxy("snt9b-1")["conntrack"].values()) == {0, "0s"}
