"""Make the image of the stand-in server: python -m tests.node.image ARCHIVE."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

from sandbox import archive, basis
from tests.conftest import ROOT

NAME = "registry.example.com/ascend-vllm:stand-in"

_PACKAGES = ("pydantic", "pydantic_core", "annotated_types", "typing_extensions.py", "typing_inspection")
_BASHRC = b"# What the image's own start file sets.\nexport FROM_BASHRC=yes\n"


def build(target: Path, name: str = NAME) -> None:
    """Write the archive, with bash, its tools, this Python, and the server where vLLM has its own."""
    installed = Path(sysconfig.get_path("purelib"))
    server = ROOT / "tests" / "node" / "stand_in.py"
    files: dict[str, Path | str | bytes] = {
        **basis.programs(),
        **basis.python(installed / package for package in _PACKAGES),
        "opt/packages/vllm/entrypoints/openai/api_server.py": server,
        "tmp/.keep": b"",
        "home/ma-user/.bashrc": _BASHRC,
        "etc/passwd": b"root:x:0:0:root:/root:/bin/bash\nma-user:x:1000:1000::/home/ma-user:/bin/bash\n",
    }
    for module in ("client/vllm_server.py", "client/protocol.py"):
        files[f"opt/packages/tests/{module}"] = ROOT / "tests" / module
    archive.write(target, name, files, environment={"PYTHONPATH": "/opt/packages"})


if __name__ == "__main__":
    build(Path(sys.argv[1]))
