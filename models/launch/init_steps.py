"""What is done in a pod before its server starts, each step once: the scripts of its init containers."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from models.engines.ascend_vllm.features import EagleConversion, EagleHead, MindSpeedInstallation
from models.launch import scripts
from models.record import OWN_DIRECTORY
from models.secret_reference import NamespaceSecret
from models.service.egress import NETWORK_VARIABLES
from models.service.model import ResolvedBucketSource
from models.service.resolved import ResolvedService
from models.stack_file.model import directory_name

STORE_DIRECTORY = f"{OWN_DIRECTORY}/models"
"""Where the container that fetches weights sees the directory of all of them."""

FETCH_STEP = "fetch-model"
"""Name of the init container that fetches weights."""

MIND_SPEED_DIRECTORY = "/opt/ascend-vllm/MindSpeed"
"""Where the containers see MindSpeed when it is installed."""


@dataclass(frozen=True)
class InitStep:
    """A step before the server's start; its script lies beside the launch script."""

    name: str
    """Name of the init container."""
    script: str
    """What bash runs."""
    writes: str = ""
    """The directory that the step may write to."""
    secrets: Mapping[str, NamespaceSecret] = field(default_factory=dict)
    """Variables of its container from Secrets; nobody else has them."""
    files: tuple[str, ...] = ()
    """What it needs beside the launch script."""

    @property
    def file(self) -> str:
        """Name of the script."""
        return f"{self.name}.sh"


def init_steps(service: ResolvedService) -> Iterator[InitStep]:
    """The steps of a service (manual, Step 3: MoE models, and eagle)."""
    preamble = script_preamble(service.cluster.platform.init_file)
    if service.weight_files:
        source = service.model.source
        if isinstance(source, ResolvedBucketSource):
            step = _fetch(service, source)
        else:
            command = scripts.with_manifest(scripts.VERIFY, {"directory": service.model.path})
            step = InitStep("verify-model", command, files=(scripts.VERIFY,))
        yield replace(step, script=preamble + step.script)
    if isinstance(service.mind_speed, MindSpeedInstallation):
        install = preamble + _exports(service) + _mind_speed(service.mind_speed)
        yield InitStep("install-mindspeed", install, MIND_SPEED_DIRECTORY)
    eagle = service.speculative
    if isinstance(eagle, EagleHead) and eagle.convert:
        conversion = _eagle_conversion(service.model.path, eagle.source, eagle.convert)
        yield InitStep("convert-eagle", preamble + conversion, eagle.source)


def store_name(service: ResolvedService, source: ResolvedBucketSource) -> str:
    """The directory of fetched weights where many models lie: other files have another one."""
    return f"{directory_name(service.model.name)}-{source.files.digest}"


def _fetch(service: ResolvedService, source: ResolvedBucketSource) -> InitStep:
    """Weights from a bucket, before anything looks at them; proxies and authorities are those of the server."""
    options = {
        "endpoint": source.endpoint,
        "region": source.region,
        "bucket": source.bucket,
        "prefix": source.prefix or "",
        "store": STORE_DIRECTORY,
        "name": store_name(service, source),
    }
    if source.stored_in:
        command = scripts.with_manifest(scripts.FETCH, options, "--shared")
    else:
        command = scripts.with_manifest(scripts.FETCH, options)
    keys = {"AWS_ACCESS_KEY_ID": source.access_key, "AWS_SECRET_ACCESS_KEY": source.secret_key}
    secrets = {name: key for name, key in keys.items() if key}
    return InitStep(FETCH_STEP, _exports(service) + command, STORE_DIRECTORY, secrets, scripts.FETCHING)


def _exports(service: ResolvedService) -> str:
    """The proxies and authorities of the server, for a step that connects to something."""
    given = [name for name in service.env if name in NETWORK_VARIABLES]
    return "".join(f"export {name}={shlex.quote(service.env[name])}\n" for name in given)


def script_preamble(init_file: str) -> str:
    """How every script begins.

    The image's initialization file is not ours: what fails or is unset in it must not end the script.
    """
    return f"#!/usr/bin/env bash\nsource {shlex.quote(init_file)} || true\nset -euo pipefail\n\n"


def _mind_speed(wanted: MindSpeedInstallation) -> str:
    """MindSpeed at its commit, in a directory of the pod's; a container that starts again finds it there.

    The directory is root's, and git works in that of another user only where it is told to.
    """
    where = shlex.quote(MIND_SPEED_DIRECTORY)
    return (
        f"cd {where}\n"
        f"[[ -d .git ]] || git clone {shlex.quote(wanted.repository)} .\n"
        f"git -c safe.directory={where} checkout --force {shlex.quote(wanted.commit)}\n"
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
