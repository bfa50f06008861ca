"""The pod that the program makes really runs, and is what was asked for."""

from __future__ import annotations

import json
import subprocess
import time

from tests.node.conftest import Stack


def test_up_ends_with_a_pod_that_answers(stack: Stack) -> None:
    node = stack.node
    node.model(stack.name, load=3)

    stack.runs()

    assert "1/1     Running" in node.kubectl("get", "pods", "--namespace", stack.name)
    assert "INFO:     Application startup complete." in node.logs(stack.name)
    assert node.exec(stack.name, "cat", "/home/ma-user/.bashrc").startswith("# What the image's own")
    assert stack.ascend_vllm("status").returncode == 0
    smoked = stack.ascend_vllm("smoke", "--format", "json")
    assert smoked.returncode == 0, smoked.stdout + smoked.stderr
    checks = {one["name"]: one["state"] for one in json.loads(smoked.stdout)["services"][0]["checks"]}
    assert checks["chat"] == checks["stream"] == checks["unknown model → 404"] == "passed", checks
    asked = stack.ascend_vllm("request", "tiny", "chat", "hello", "--max-tokens", "3")
    assert (asked.returncode, asked.stdout) == (0, "word1 word2 word3\n"), asked.stderr


def test_python_is_the_first_process_and_is_told_to_end_by_sigterm(stack: Stack) -> None:
    node = stack.node
    stack.runs()

    first = node.exec(stack.name, "cat", "/proc/1/cmdline").split("\0")
    assert first[:3] == ["python", "-m", "vllm.entrypoints.openai.api_server"]
    follow = ["kubectl", "logs", "--namespace", stack.name, "deploy/tiny", "--follow"]
    with subprocess.Popen(follow, env=node.project.sandbox.env, stdout=subprocess.PIPE, text=True) as following:
        began = time.monotonic()
        node.kubectl("delete", "pod", "--namespace", stack.name, "--selector", "app=infers")
        took = time.monotonic() - began
        said, _ = following.communicate(timeout=60)
    assert said.splitlines()[-1] == "INFO told to end by SIGTERM"
    assert took < 30, "nobody was asked anything, so draining ends long before the grace period"


def test_the_container_has_the_user_capabilities_and_mounts_that_were_asked_for(stack: Stack) -> None:
    node = stack.node
    stack.runs()

    status = dict(
        line.split(":\t", 1) for line in node.exec(stack.name, "cat", "/proc/1/status").splitlines() if ":\t" in line
    )
    assert status["Uid"].split() == ["0"] * 4
    # Docker's usual fourteen: nothing is added, nothing is privileged.
    assert status["CapEff"] == status["CapBnd"] == "00000000a80425fb"
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("0", "0"), "neither is asked for, nor by the manual"
    mounts = {
        fields[4]: fields[5].split(",")[0]
        for fields in map(str.split, node.exec(stack.name, "cat", "/proc/1/mountinfo").splitlines())
    }
    read_only = {
        "/usr/local/Ascend/driver", "/usr/local/Ascend/add-ons", "/etc/hccn.conf", "/etc/localtime",
        "/usr/local/sbin/npu-smi", "/opt/ascend-vllm/launch", f"/mnt/models/{stack.name}",
    }  # fmt: skip
    assert {mounts.get(place) for place in read_only} == {"ro"}
    assert mounts["/dev/shm"] == "rw"
    assert "stand-in" in node.exec(stack.name, "npu-smi")
    assert node.exec(stack.name, "ls", "-l", "/opt/ascend-vllm/launch/..data/run_vllm.sh").startswith("-r-xr-xr-x")
    shm = node.exec(stack.name, "python", "-c", "import os; print(os.statvfs('/dev/shm').f_blocks * 4096)")
    assert int(shm) == 64 * 2**20


def test_the_pod_reaches_nothing_but_its_own_network(stack: Stack) -> None:
    stack.runs()

    names = "import socket; print([name for _, name in socket.if_nameindex()])"
    assert stack.node.exec(stack.name, "python", "-c", names).strip() == "['lo', 'eth0']"
    there = subprocess.run(
        stack.node.inside("ip", "-brief", "link"), capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert all(line.startswith(("lo ", "sandbox0 ", "veth")) for line in there), there
