"""The environment of a server of vllm-ascend, and the lines of the script for the libraries of its images."""

from __future__ import annotations

from collections.abc import Sequence

from models.engines.devices import device_environment
from models.engines.model_server import ModelServer
from models.engines.vllm_ascend.kv_transfer import HASH_SEED

INIT_FILES = (
    "/usr/local/Ascend/ascend-toolkit/set_env.sh",
    "/usr/local/Ascend/nnal/atb/set_env.sh",
)
"""The files that set up CANN in the images (vllm-ascend, Dockerfile and Dockerfile.openEuler)."""

_LIBRARY_LINES = """\
for library in /usr/lib/*-linux-gnu/libjemalloc.so.2 /usr/lib64/libjemalloc.so.2; do
  if [[ -e $library ]]; then
    export LD_PRELOAD="$library${LD_PRELOAD:+:$LD_PRELOAD}"
    break
  fi
done
export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}/usr/local/lib"
"""
"""The images have these lines in the .bashrc of root only, which a script does not read (vllm-ascend, Dockerfile)."""


def library_lines(first: Sequence[str]) -> str:
    """Lines of the script for the libraries of the image.

    Args:
        first: Directories that the image searches before all others.
    """
    if not first:
        return _LIBRARY_LINES
    directories = ":".join(first)
    return f'{_LIBRARY_LINES}export LD_LIBRARY_PATH="{directories}:$LD_LIBRARY_PATH"\n'


def environment(server: ModelServer) -> dict[str, str]:
    """The variables that follow from the keys of the stack file, in the order in which the script exports them."""
    variables = device_environment(server.visible_devices)
    if server.kv_transfer:
        variables[HASH_SEED] = "0"
    if server.multimodal is None:
        return variables
    if "multimodal.imageFetchTimeout" in server.configured:
        variables["VLLM_IMAGE_FETCH_TIMEOUT"] = str(
            server.multimodal.image_fetch_timeout
        )
    if "multimodal.expandableSegments" in server.configured:
        variables["PYTORCH_NPU_ALLOC_CONF"] = (
            f"expandable_segments:{server.multimodal.expandable_segments}"
        )
    return variables
