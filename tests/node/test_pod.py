"""The pod that the program makes really runs, and is what was asked for."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import Any

from models.manifests.expansion import literal_container
from tests.models.test_expansion import ESCAPED, VARIABLES, expanded
from tests.node import image
from tests.node.conftest import Node, Stack

_ALWAYS_READ_ONLY = ("configMap", "secret", "projected", "downwardAPI")

CAPABILITIES = {
    "CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "FSETID": 4, "KILL": 5, "SETGID": 6, "SETUID": 7, "SETPCAP": 8,
    "NET_BIND_SERVICE": 10, "NET_RAW": 13, "SYS_CHROOT": 18, "MKNOD": 27, "AUDIT_WRITE": 29, "SETFCAP": 31,
}  # fmt: skip
"""What a container has when its manifest says nothing of them, and their bits (capability.h)."""


@dataclass(frozen=True)
class Asked:
    """What a manifest asks for, of what can be seen in a process."""

    user: int
    capabilities: int
    filtered: bool
    may_gain: bool
    token: bool


def asked(container: dict[str, Any], pod: dict[str, Any]) -> Asked:
    own = {**pod.get("securityContext", {}), **container.get("securityContext", {})}
    given = own.get("capabilities", {})
    dropped = CAPABILITIES if "ALL" in given.get("drop", []) else given.get("drop", [])
    kept = ({*CAPABILITIES} - {*dropped}) | {*given.get("add", [])}
    return Asked(
        own.get("runAsUser", 0),
        sum(1 << CAPABILITIES[name] for name in kept),
        own.get("seccompProfile", {}).get("type", "Unconfined") != "Unconfined",
        own.get("allowPrivilegeEscalation", True),
        pod.get("automountServiceAccountToken", True),
    )


def served(pod: dict[str, Any]) -> dict[str, Any]:
    """The container with the server."""
    [container] = [one for one in pod["containers"] if one["name"] == "ascend-vllm"]
    return container


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


def test_an_update_ends_when_a_job_has_asked_the_pod_by_the_name_of_its_service(stack: Stack) -> None:
    """The Job asks for each model by its name. The rule `shell-text` refuses names with `$(…)`, but not with `$$`."""
    node = stack.node
    node.kubectl("create", "namespace", stack.name)
    node.kubectl("create", "secret", "generic", "key", "--namespace", stack.name, "--from-literal=api=sk-rehearsed")
    names = ["tiny", "a$$1", "$模型"]
    engine = {"maxModelLen": 1024, "servedModelName": names, "extraArgs": {"swapSpace": 0}}
    stack.runs(smoke=True, engine=engine, server={"apiKey": {"secret": "key", "key": "api"}})

    job = stack.rendered("Job")["metadata"]["name"]
    lines = node.kubectl("logs", "--namespace", stack.name, f"job/{job}").splitlines()
    answers = [f"answer of {name}" for name in names]
    checks = ["health", "models", *answers, "stream", "wrong key", "unknown model", "too long"]
    assert [line.rpartition(" in ")[0] for line in lines] == [f"smoke: {check}: passed" for check in checks]


def test_the_kubelet_passes_escaped_values_as_they_are_and_expands_others(node: Node) -> None:
    """Beside the escaped container runs one that is not, so the model of the kubelet in tests/models is held, too."""
    variables = [{"name": name, "value": value} for name, value in VARIABLES.items()]
    written = [{"name": f"WRITTEN_{number}", "value": text} for number, text in enumerate(ESCAPED)]
    printed = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ)]))"
    plain: dict[str, Any] = {
        "name": "plain",
        "image": image.NAME,
        "command": ["python", "-c", printed],
        "env": variables + written,
    }
    escaped = literal_container({**plain, "name": "escaped", "args": list(ESCAPED)})
    # With a broken character in its arguments, a container does not start.
    plain["args"] = [text for text in ESCAPED if "$模" not in text]
    plain["env"] = [variable for variable in plain["env"] if "$模" not in variable["value"]]
    spec = {"nodeName": "snt9b-1", "restartPolicy": "Never", "containers": [plain, escaped]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "literal"}, "spec": spec}

    node.project.sandbox.kubectl("create", "-f", "-", stdin=json.dumps(pod))
    node.kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/literal", "--timeout=60s")

    arguments, environment = json.loads(node.kubectl("logs", "literal", "--container=escaped"))
    assert arguments == list(ESCAPED)
    assert [environment[variable["name"]] for variable in written] == list(ESCAPED)
    arguments, environment = json.loads(node.kubectl("logs", "literal", "--container=plain"))
    assert arguments == [expanded(text) for text in plain["args"]]
    for variable in plain["env"]:
        assert environment[variable["name"]] == expanded(variable["value"]), variable


def test_python_is_the_first_process_and_is_told_to_end_by_sigterm(stack: Stack) -> None:
    node = stack.node
    stack.runs(env={"HCCL_IF_IP": {"field": "status.podIP"}, "PATH": {"prepend": "/opt/lib"}})

    first = node.exec(stack.name, "cat", "/proc/1/cmdline").split("\0")
    assert first[:3] == ["python", "-m", "vllm.entrypoints.openai.api_server"]
    variables = node.exec(stack.name, "cat", "/proc/1/environ").split("\0")
    assert f"HCCL_IF_IP={node.pods(stack.name)[0]['status']['podIP']}" in variables
    assert any(variable.startswith("PATH=/opt/lib:/") for variable in variables), "before the image's own"
    follow = ["kubectl", "logs", "--namespace", stack.name, "deploy/tiny", "--follow"]
    with subprocess.Popen(follow, env=node.project.sandbox.env, stdout=subprocess.PIPE, text=True) as following:
        node.kubectl("delete", "pod", "--namespace", stack.name, "--selector", "app=infers")
        said, _ = following.communicate(timeout=60)
    assert said.splitlines()[-1] == "INFO told to end by SIGTERM"


def test_the_container_has_what_the_manifest_asks_for_and_nothing_more(stack: Stack) -> None:
    """User, capabilities, seccomp, further privileges and the token, whatever the program asks for."""
    node = stack.node
    stack.runs()
    [pod] = node.pods(stack.name)
    container, told = served(pod["spec"]), node.exec(stack.name, "cat", "/proc/1/status").splitlines()
    status = dict(line.split(":\t", 1) for line in told if ":\t" in line)

    rendered = stack.rendered("Deployment")["spec"]["template"]["spec"]
    assert asked(served(rendered), rendered) == asked(container, pod["spec"]), "the cluster has what the program made"
    wanted = asked(container, pod["spec"])
    assert status["Uid"].split() == [str(wanted.user)] * 4
    for name in ("CapBnd", "CapEff", "CapPrm"):
        assert int(status[name], 16) == (wanted.capabilities if name == "CapBnd" or wanted.user == 0 else 0), name
    assert status["Seccomp"] == ("2" if wanted.filtered else "0")
    assert status["NoNewPrivs"] == ("0" if wanted.may_gain else "1")
    token = "import os; print(os.path.exists('/var/run/secrets/kubernetes.io/serviceaccount/token'))"
    assert node.exec(stack.name, "python", "-c", token).strip() == str(wanted.token)


def test_the_container_has_the_mounts_that_the_manifest_asks_for(stack: Stack) -> None:
    node = stack.node
    stack.runs(readOnlyRootFilesystem=True)
    [pod] = node.pods(stack.name)
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    fields = [line.split() for line in node.exec(stack.name, "cat", "/proc/1/mountinfo").splitlines()]
    mounts = {field[4]: field[5].split(",")[0] for field in fields}

    # An image may have /var/run as a link.
    linked = {f"/var{place}": mode for place, mode in mounts.items() if place.startswith("/run/")}
    mounts = {place: mode for place, mode in mounts.items() if not place.startswith("/run/")} | linked
    wanted = {
        mount["mountPath"]: "ro" if mount.get("readOnly") or {*_ALWAYS_READ_ONLY} & {*volumes[mount["name"]]} else "rw"
        for mount in served(pod["spec"])["volumeMounts"]
    }
    assert {place: mounts.get(place) for place in wanted} == wanted
    manual = {
        "/usr/local/Ascend/driver", "/usr/local/Ascend/add-ons", "/etc/hccn.conf", "/etc/localtime",
        "/usr/local/sbin/npu-smi", "/opt/ascend-vllm/launch", f"/mnt/models/{stack.name}",
    }  # fmt: skip
    assert {wanted.get(place) for place in manual} == {"ro"}
    assert (mounts["/"], wanted["/tmp"], wanted["/dev/shm"]) == ("ro", "rw", "rw")
    kubelets = {"/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/dev/termination-log", "/"}
    kernels = ("/proc", "/sys", "/dev")
    others = {place for place in mounts if place not in {*wanted, *kubelets} and not place.startswith(kernels)}
    assert others == set(), "nothing is mounted that nobody asked for"
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
