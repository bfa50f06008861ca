"""What is done in a pod before its server starts, each step once: the scripts of its init containers."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from models.features import EagleConversion, MindSpeed
from models.resolve import ResolvedService

MIND_SPEED_DIRECTORY = "/opt/ascend-vllm/MindSpeed"
"""Where the containers see MindSpeed when it is installed."""


@dataclass(frozen=True)
class InitStep:
    """A step before the server's start; its script lies beside the launch script."""

    name: str
    """Name of the init container."""
    script: str
    """What bash runs."""
    writes: str
    """The directory that the step may write to."""

    @property
    def file(self) -> str:
        """Name of the script."""
        return f"{self.name}.sh"


def init_steps(service: ResolvedService) -> Iterator[InitStep]:
    """The steps of a service (manual, Step 3: MoE models, and eagle)."""
    preamble = script_preamble(service.cluster.platform.init_file)
    if service.mind_speed.kind == "install":
        yield InitStep("install-mindspeed", preamble + _mind_speed(service.mind_speed), MIND_SPEED_DIRECTORY)
    eagle = service.speculative
    if eagle and eagle.source and eagle.convert:
        conversion = _eagle_conversion(service.model.source, eagle.source, eagle.convert)
        yield InitStep("convert-eagle", preamble + conversion, eagle.source)


def script_preamble(init_file: str) -> str:
    """How every script begins.

    The image's initialization file is not ours: what fails or is unset in it must not end the script.
    """
    return f"#!/usr/bin/env bash\nsource {shlex.quote(init_file)} || true\nset -euo pipefail\n\n"


def _mind_speed(wanted: MindSpeed) -> str:
    """MindSpeed at its commit, in a directory of the pod's; a container that starts again finds it there."""
    where = shlex.quote(MIND_SPEED_DIRECTORY)
    return (
        f"cd {where}\n"
        f"[[ -d .git ]] || git clone {shlex.quote(wanted.repository)} .\n"
        f"git checkout --force {shlex.quote(wanted.commit)}\n"
    )


def _eagle_conversion(model: str, head: str, convert: EagleConversion) -> str:
    """The manual's conversion, once for a node: pods that start side by side wait for each other."""
    done = shlex.quote(f"{head}/.ascend-vllm-converted")
    options = {
        "base-path": model,
        "draft-path": head,
        "base-weight-name": convert.base_weights,
        "draft-weight-name": convert.draft_weights,
    }
    words = " ".join(f"--{name} {shlex.quote(value)}" for name, value in options.items())
    return (
        f"exec 9> {shlex.quote(f'{head}/.ascend-vllm-lock')}\n"
        "flock 9\n"
        f"if [[ -e {done} ]]; then exit; fi\n"
        f"cd {shlex.quote(convert.tools)}\n"
        f"python convert_eagle_ckpt_to_vllm_compatible.py {words}\n"
        f"touch {done}\n"
    )
