"""The preflight reads stand-in trees of nodes and weights, and names what contradicts the service."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from models.launch.preflight import facts_of_service, preflight_command
from tests.models.preflight_trees import (
    A2,
    DRIVER,
    MODEL,
    OLD,
    Change,
    config,
    device,
    file,
    missing,
    right_tree,
    run,
    service,
    version_info,
    write,
)

FINE = (0, ["preflight: nothing contradicts the service"])


@pytest.mark.slow
@pytest.mark.parametrize("image", [A2, OLD])
@pytest.mark.parametrize("npus", [1, 8])
def test_a_node_and_weights_that_fit_let_the_server_start(tmp_path: Path, image: str, npus: int) -> None:
    wanted = service(tmp_path, image=image, npus=npus, engine={"maxModelLen": 4096, "tensorParallelSize": 1})

    assert run(right_tree(tmp_path / "tree"), wanted) == FINE


CONTRADICTIONS: list[tuple[Change, dict[str, Any], str, str]] = [
    (
        file(f"{DRIVER}/version.info", version_info("24.1.rc3")),
        {},
        "the driver of the node is 24.1.rc3, older than 25.5.1 of vLLM 0.23.0",
        "update the driver of the node to 25.5.1 or later, or write graph: eager",
    ),
    (
        file(f"{DRIVER}/version.info", b"\xef\xbb\xbfVersion = 25.5.rc1\r\npackage_version=25.5.rc1\r\n"),
        {},
        "the driver of the node is 25.5.rc1, older than 25.5.1 of vLLM 0.23.0",
        "update the driver of the node to 25.5.1 or later, or write graph: eager",
    ),
    (
        device("0xd803\n"),
        {},
        "the image is built for a2, and the NPUs of the node are a3",
        f"write image: {A2}-a3, or choose nodes with a2 by cluster.platform.nodeSelector",
    ),
    (
        device("0xD500"),
        {},
        "the image is built for a2, and the NPUs of the node are 310p",
        f"write image: {A2}-310p, or choose nodes with a2 by cluster.platform.nodeSelector",
    ),
    (
        device("0xd801\n"),
        {},
        "the image is built for a2, and the NPUs of the node are 910",
        "choose an image for 910, or choose nodes with a2 by cluster.platform.nodeSelector",
    ),
    (
        file("etc/hccn.conf", b""),
        {"npus": 4},
        "/etc/hccn.conf has no address of an NPU, and 4 NPUs of the service communicate over HCCL",
        "write the addresses on the node with hccn_tool, or correct cluster.platform.hccnConf",
    ),
    (
        file("etc/hccn.conf", b"# address_0=1.2.3.4\n\n \t\r\n\0\0\0=\naddress_0=\n"),
        {"npus": 2, "image": OLD},
        "/etc/hccn.conf has no address of an NPU, and 2 NPUs of the service communicate over HCCL",
        "write the addresses on the node with hccn_tool, or correct cluster.platform.hccnConf",
    ),
    (
        config(quantization_config={"quant_method": "AWQ", "bits": 4}),
        {},
        f"the weights in {MODEL} are quantized with awq: vLLM 0.23.0 cannot load them",
        "use weights that are not quantized, or weights of msModelSlim with quantization: ascend",
    ),
    (
        config(quantization_config={"quant_method": "gptq"}),
        {"image": "quay.io/ascend/vllm-ascend:v0.18.0"},
        f"the weights in {MODEL} are quantized with gptq: vLLM 0.18.0 cannot load them",
        "use weights that are not quantized, or weights of msModelSlim with quantization: ascend",
    ),
    (
        config(),
        {"quantization": "ascend", "model": {"source": MODEL, "facts": {"quantization": "ascend"}}},
        f"quantization is ascend, and {MODEL} has no quant_model_description.json",
        "remove quantization, or use weights that msModelSlim has quantized",
    ),
    (
        config(model_type="qwen3", hidden_size=4096),
        {},
        f"config.json in {MODEL} is not that of Qwen2-7B-Instruct: modelType qwen3 instead of qwen2, hiddenSize 4096"
        " instead of 3584",
        "correct model.source or model.name; if these are the right weights, write model.configJson",
    ),
    (
        config(hidden_size=None, n_embd=1024),
        {"image": OLD},
        f"config.json in {MODEL} is not that of Qwen2-7B-Instruct: hiddenSize 1024 instead of 3584",
        "correct model.source or model.name; if these are the right weights, write model.configJson",
    ),
    (
        config(hidden_size=1, text_config={"hidden_size": 2048}),
        {},
        f"config.json in {MODEL} is not that of Qwen2-7B-Instruct: hiddenSize 2048 instead of 3584",
        "correct model.source or model.name; if these are the right weights, write model.configJson",
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "keys", "message", "fix"), CONTRADICTIONS, ids=[one[2][:60] for one in CONTRADICTIONS]
)
def test_what_contradicts_the_service_ends_the_start_with_one_sentence(
    tmp_path: Path, change: Change, keys: dict[str, Any], message: str, fix: str
) -> None:
    tree = right_tree(tmp_path / "tree")
    change(tree)

    code, (line,) = run(tree, service(tmp_path, **keys))

    assert code == 1
    assert line.startswith(f"preflight: error: {message}; why: ")
    assert line.endswith(f"; fix: {fix}")


SKIPPED: list[tuple[Change, dict[str, Any], str]] = [
    (missing(f"{DRIVER}/version.info"), {}, f"/{DRIVER}/version.info: No such file or directory"),
    (file(f"{DRIVER}/version.info", ""), {}, f"/{DRIVER}/version.info names no release of the driver"),
    (file(f"{DRIVER}/version.info", os.urandom(4000)), {}, f"/{DRIVER}/version.info names no release of the driver"),
    (file(f"{DRIVER}/version.info", version_info("7.0.t9.0.B791")), {}, "names no release of the driver"),
    (file(f"{DRIVER}/version.info", "Version=25\n"), {}, "names no release of the driver"),
    (file(f"{DRIVER}/version.info", "x" * (1 << 20) + "Version=1\n"), {}, "has more than 1048576 bytes"),
    (device("0x1234"), {}, "/sys/bus/pci/devices shows no known type of NPU"),
    (missing("etc/hccn.conf"), {"npus": 8}, "/etc/hccn.conf: No such file or directory"),
    (missing(f"{MODEL[1:]}/config.json"), {}, f"{MODEL}/config.json: No such file or directory"),
    (file(f"{MODEL[1:]}/config.json", "{...}"), {}, f"{MODEL}/config.json is not JSON"),
    (file(f"{MODEL[1:]}/config.json", "[" * 100_000), {}, f"{MODEL}/config.json is not JSON"),
    (file(f"{MODEL[1:]}/config.json", "\xff\xfe".encode("latin-1")), {}, f"{MODEL}/config.json is not JSON"),
    (file(f"{MODEL[1:]}/config.json", "[1]"), {}, f"{MODEL}/config.json is not a JSON object"),
    (file(f"{MODEL[1:]}/config.json", " " * (2 << 20)), {}, f"{MODEL}/config.json has more than 1048576 bytes"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("change", "keys", "fact"), SKIPPED, ids=[one[2][:60] for one in SKIPPED])
def test_a_fact_that_the_tree_does_not_show_is_skipped(
    tmp_path: Path, change: Change, keys: dict[str, Any], fact: str
) -> None:
    tree = right_tree(tmp_path / "tree")
    change(tree)

    code, lines = run(tree, service(tmp_path, **keys))

    assert code == 0
    assert all(line.startswith("preflight: skipped: ") and fact in line for line in lines[:-1]), lines
    assert lines[1:]
    assert lines[-1] == "preflight: nothing contradicts the service"


ACCEPTED: list[tuple[Change, dict[str, Any]]] = [
    (file(f"{DRIVER}/version.info", version_info("25.5.1.2")), {}),
    (file(f"{DRIVER}/version.info", version_info("26.0.rc1")), {}),
    (file(f"{DRIVER}/version.info", version_info("24.1.rc3")), {"graph": "eager"}),
    (file(f"{DRIVER}/version.info", version_info("23.0.6")), {"image": OLD}),
    (file(f"{DRIVER}/version.info", "Version=25.5.1\n".encode("utf-16")), {}),
    (file("etc/hccn.conf", ""), {"npus": 1}),
    (file("etc/hccn.conf", "  address_7 = fe80::1 # rail 7\r\n"), {"npus": 8}),
    (lambda tree: (file("etc/hccn.conf", "")(tree), device("0xd500")(tree)), {"npus": 2, "image": f"{A2}-310p"}),
    (config(quantization_config={"quant_method": "compressed-tensors"}), {}),
    (config(quantization_config={"quant_method": 7}), {}),
    (config(quantization_config="awq"), {}),
    (config(quantization_config={"quant_method": "awq"}), {"image": OLD}),
    (config(quantization_config={"quant_method": "gptq"}), {"image": OLD}),
    (config(quantization_config={"quant_method": "gptq"}), {"image": "quay.io/ascend/vllm-ascend:v0.30.0"}),
    (config(hidden_size="3584", num_hidden_layers=28.5), {}),
    (config(hidden_size=4096), {"model": {"source": MODEL, "name": "mine"}}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("change", "keys"), ACCEPTED, ids=range(len(ACCEPTED)))
def test_what_does_not_contradict_the_service_is_accepted(tmp_path: Path, change: Change, keys: dict[str, Any]) -> None:
    tree = right_tree(tmp_path / "tree")
    change(tree)

    code, lines = run(tree, service(tmp_path, **keys))

    assert code == 0, lines


@pytest.mark.slow
def test_every_contradiction_has_a_line_of_its_own(tmp_path: Path) -> None:
    tree = right_tree(tmp_path / "tree")
    write(tree, f"{DRIVER}/version.info", version_info("24.1.0.3"))
    write(tree, "etc/hccn.conf", "")
    config(hidden_size=1)(tree)

    code, lines = run(tree, service(tmp_path, npus=4))

    assert code == 1
    assert [line.partition(",")[0].partition(" of ")[0] for line in lines] == [
        "preflight: error: the driver",
        "preflight: error: /etc/hccn.conf has no address",
        f"preflight: error: config.json in {MODEL} is not that",
    ]


@pytest.mark.slow
def test_files_behind_links_are_read_and_others_never_hold_the_pod(tmp_path: Path) -> None:
    tree = right_tree(tmp_path / "tree")
    weights = tree / MODEL[1:]
    (weights / "config.json").rename(tree / "blob")
    (weights / "config.json").symlink_to(tree / "blob")
    assert run(tree, service(tmp_path)) == FINE

    (weights / "config.json").unlink()
    (weights / "config.json").symlink_to("config.json")
    (tree / "etc/hccn.conf").unlink()
    os.mkfifo(tree / "etc/hccn.conf")
    (tree / DRIVER / "version.info").unlink()
    (tree / DRIVER / "version.info").mkdir()
    code, lines = run(tree, service(tmp_path, npus=8))

    assert code == 0
    assert f"preflight: skipped: /{DRIVER}/version.info is not a file" in lines
    assert "preflight: skipped: /etc/hccn.conf is not a file" in lines
    assert any(line.startswith(f"preflight: skipped: {MODEL}/config.json: Too many levels") for line in lines)


@pytest.mark.slow
def test_a_file_system_that_does_not_answer_does_not_hold_the_pod(tmp_path: Path) -> None:
    """A pipe that is opened without a writer stands in for it."""
    tree = right_tree(tmp_path / "tree")
    write(tree, f"{DRIVER}/version.info", version_info("24.1.rc3"))
    words = [*preflight_command()]
    words[-1] = words[-1].replace("if not stat.S_ISREG(self.path(path).stat().st_mode)", "if False")
    (tree / "etc/hccn.conf").unlink()
    os.mkfifo(tree / "etc/hccn.conf")
    facts = json.loads(facts_of_service(service(tmp_path, npus=8))) | {"seconds": 0.5}
    done = subprocess.run(
        [*words, json.dumps(facts), str(tree)], capture_output=True, text=True, timeout=30, check=False
    )

    assert done.returncode == 1
    skipped, error = done.stdout.splitlines()
    assert skipped == "preflight: skipped: the rest, because a file system does not answer"
    assert error.startswith("preflight: error: the driver of the node is 24.1.rc3")


@pytest.mark.slow
def test_a_preflight_that_is_killed_anywhere_says_the_same_the_next_time(tmp_path: Path) -> None:
    tree = right_tree(tmp_path / "tree")
    write(tree, f"{DRIVER}/version.info", version_info("24.1.rc3"))
    wanted = service(tmp_path)
    before = sorted(path.relative_to(tree) for path in tree.rglob("*"))
    first = run(tree, wanted)
    instants = random.Random(20)  # noqa: S311  no secret
    words = [*preflight_command(), facts_of_service(wanted), str(tree)]

    for number in range(10):
        with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
            time.sleep(instants.uniform(0, 0.1))
            process.send_signal(signal.SIGTERM if number % 2 else signal.SIGKILL)
        assert process.returncode in (1, 143, -signal.SIGTERM, -signal.SIGKILL)

    assert run(tree, wanted) == first
    assert sorted(path.relative_to(tree) for path in tree.rglob("*")) == before


@pytest.mark.slow
@pytest.mark.parametrize("version", ["", "2", "3.6"])
def test_an_image_without_a_python_that_can_run_it_has_no_preflight(tmp_path: Path, version: str) -> None:
    """A Python 2 does not know the option -I. An old Python 3 knows the option and compares its version."""
    words = [*preflight_command(), facts_of_service(service(tmp_path))]
    if version:
        (tmp_path / "python").write_text(f"#!/bin/bash\necho Python {version} >&2\nexit {version[0]}\n")
        (tmp_path / "python").chmod(0o755)
    done = subprocess.run(words, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)

    skipped = "preflight: skipped: the image has no Python 3.8 or later\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, skipped, "")


@pytest.mark.slow
def test_a_container_that_may_start_no_thread_has_no_preflight(tmp_path: Path) -> None:
    words = [*preflight_command(), facts_of_service(service(tmp_path))]
    refusal = 'def start(self):\n    raise RuntimeError("can\'t start new thread")\nthreading.Thread.start = start\n'
    words[3] = words[3].replace("SECONDS = 8.0\n", f"SECONDS = 8.0\n{refusal}")
    done = subprocess.run(words, capture_output=True, text=True, check=False)

    assert done.returncode == 0
    assert done.stdout == """preflight: skipped: RuntimeError("can't start new thread")\n"""


@pytest.mark.slow
def test_texts_of_files_reach_no_log_but_in_plain_words(tmp_path: Path) -> None:
    tree = right_tree(tmp_path / "tree")
    write(tree, f"{DRIVER}/version.info", "Version=24.1\x1b[31m;password=hunter2\n")
    config(model_type="qwen\n; fix: rm -rf /", quantization_config={"quant_method": "awq; token=abc"})(tree)

    code, lines = run(tree, service(tmp_path))

    assert code == 0
    assert not any(word in "\n".join(lines) for word in ("hunter2", "\x1b", "token", "rm -rf"))


ASCEND = {"quantization": "ascend", "model": {"source": MODEL, "facts": {"quantization": "ascend"}}}
FIXES: list[tuple[Change, dict[str, Any], str, dict[str, Any]]] = [
    (file(f"{DRIVER}/version.info", version_info("24.1.rc3")), {}, "write graph: eager", {"graph": "eager"}),
    (device("0xd803"), {}, f"write image: {A2}-a3", {"image": f"{A2}-a3"}),
    (device("0xd806"), {}, f"write image: {A2}-950dt", {"image": f"{A2}-950dt"}),
    (config(), ASCEND, "remove quantization", {"quantization": None}),
    (config(hidden_size=1), {}, "correct model.name", {"model": {"source": MODEL, "name": "mine"}}),
    (config(hidden_size=4096), {}, "write model.configJson", {"model": {"source": MODEL, "configJson": "copy.json"}}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("change", "keys", "edit", "edited"), FIXES, ids=[one[2] for one in FIXES])
def test_the_fix_of_a_sentence_lets_the_server_start(
    tmp_path: Path, change: Change, keys: dict[str, Any], edit: str, edited: dict[str, Any]
) -> None:
    tree = right_tree(tmp_path / "tree")
    change(tree)
    sizes = {"intermediate_size": 1, "vocab_size": 1, "max_position_embeddings": 4096}
    copied = json.loads((tree / MODEL[1:] / "config.json").read_text())
    (tmp_path / "copy.json").write_text(json.dumps({**copied, **sizes}))

    code, (line,) = run(tree, service(tmp_path, **keys))
    fix = line.rpartition("fix: ")[2].replace("model.source or ", "")

    assert code == 1
    assert edit in fix
    assert run(tree, service(tmp_path, **{**keys, **edited})) == FINE
