"""The scripts of the init containers, which prepare a pod before its server starts."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from models.engines.features import (
    EagleConversion,
    EagleHead,
    MindSpeedInstallation,
)
from models.launch import scripts
from models.record import OWN_DIRECTORY
from models.secret_reference import NamespaceSecret
from models.service.egress import NETWORK_VARIABLES
from models.service.model import ResolvedBucketSource
from models.service.resolved import ResolvedService
from models.stack_file.keys.model import directory_name

STORE_DIRECTORY = f"{OWN_DIRECTORY}/models"
"""Directory of all weights in the init container that downloads them."""

FETCH_STEP = "fetch-model"
"""Name of the init container that downloads weights."""

MIND_SPEED_DIRECTORY = "/opt/ascend-vllm/MindSpeed"
"""Directory of the containers with the installed MindSpeed."""


@dataclass(frozen=True)
class InitStep:
    """A step before the server's start, with a script in the directory of the launch script."""

    name: str
    """Name of the init container."""
    script: str
    """Text of the script, for bash."""
    writes: str = ""
    """The directory that the step may write to."""
    secrets: Mapping[str, NamespaceSecret] = field(default_factory=dict)
    """Variables from Secrets that only the container of this step has."""
    files: tuple[str, ...] = ()
    """Names of the helper scripts that the step needs."""

    @property
    def file(self) -> str:
        """Name of the script."""
        return f"{self.name}.sh"


def init_steps(service: ResolvedService) -> Iterator[InitStep]:
    """The steps of a service, in their order (manual, Step 3: MoE models, and eagle)."""
    preamble = script_preamble(init_files(service))
    if service.checksums:
        step = _weights_step(service)
        yield replace(step, script=preamble + step.script)
    if isinstance(service.mind_speed, MindSpeedInstallation):
        yield InitStep(
            name="install-mindspeed",
            script=preamble + _exports(service) + _mind_speed(service.mind_speed),
            writes=MIND_SPEED_DIRECTORY,
        )
    speculative = service.speculative
    if isinstance(speculative, EagleHead) and speculative.convert:
        conversion = _eagle_conversion(
            service.model.path, speculative.source, speculative.convert
        )
        yield InitStep(
            name="convert-eagle",
            script=preamble + conversion,
            writes=speculative.source,
        )


def _weights_step(service: ResolvedService) -> InitStep:
    """Download the weights, or verify those that are mounted."""
    source = service.model.source
    if isinstance(source, ResolvedBucketSource):
        return _fetch(service, source)
    command = scripts.with_checksums(scripts.VERIFY, {"directory": service.model.path})
    return InitStep(
        name="verify-model",
        script=command,
        files=(scripts.VERIFY,),
    )


def store_name(service: ResolvedService, source: ResolvedBucketSource) -> str:
    """The directory of the downloaded weights below the one of all models. Other files have another directory."""
    return f"{directory_name(service.model.name)}-{source.files.digest}"


def _fetch(service: ResolvedService, source: ResolvedBucketSource) -> InitStep:
    """Download the weights from a bucket, with the proxies and certificate authorities of the server."""
    options = {
        "endpoint": source.endpoint,
        "region": source.region,
        "bucket": source.bucket,
        "prefix": source.prefix or "",
        "store": STORE_DIRECTORY,
        "name": store_name(service, source),
    }
    if source.stored_in:
        command = scripts.with_checksums(scripts.FETCH, options, "--shared")
    else:
        command = scripts.with_checksums(scripts.FETCH, options)
    secrets: dict[str, NamespaceSecret] = {}
    if source.access_key:
        secrets["AWS_ACCESS_KEY_ID"] = source.access_key
    if source.secret_key:
        secrets["AWS_SECRET_ACCESS_KEY"] = source.secret_key
    return InitStep(
        name=FETCH_STEP,
        script=_exports(service) + command,
        writes=STORE_DIRECTORY,
        secrets=secrets,
        files=scripts.FETCHING,
    )


def _exports(service: ResolvedService) -> str:
    """The lines that export the proxies and certificate authorities of the server."""
    lines = []
    for name, value in service.env.items():
        if name in NETWORK_VARIABLES:
            lines.append(f"export {name}={shlex.quote(value)}\n")
    return "".join(lines)


def init_files(service: ResolvedService) -> tuple[str, ...]:
    """The files of the image that each script of a service sources first."""
    if service.cluster.platform.init_file:
        return (service.cluster.platform.init_file,)
    return tuple(service.release.init_files)


def script_preamble(init_files: Iterable[str], *, first: str = "") -> str:
    """The first lines of every script.

    The init files belong to the image. A failed command or an unset variable in them must not end the script.
    """
    sources = [f"source {shlex.quote(file)} || true\n" for file in init_files]
    return f"#!/usr/bin/env bash\n{first}{''.join(sources)}set -euo pipefail\n\n"


def _mind_speed(wanted: MindSpeedInstallation) -> str:
    """The commands that install MindSpeed at its commit in a directory of the pod. A restarted container reuses it.

    The directory outlives a container that is killed. So `.git` is moved last and in one step: only with it is the rest
    complete, and without it everything is removed and cloned again.
    The directory belongs to root. Git works in another user's directory only if it is marked as safe.
    """
    where = shlex.quote(MIND_SPEED_DIRECTORY)
    return (
        f"cd {where}\n"
        "if [[ -e .git ]]; then exit; fi\n"
        "find . -mindepth 1 -delete\n"
        f"git clone {shlex.quote(wanted.repository)} .partial\n"
        f"git -c safe.directory={where}/.partial -C .partial checkout --force {shlex.quote(wanted.commit)}\n"
        "find .partial -mindepth 1 -maxdepth 1 ! -name .git -exec mv -t . {} +\n"
        "mv .partial/.git .git\n"
    )


def _eagle_conversion(model: str, head: str, convert: EagleConversion) -> str:
    """The manual's conversion, once for each node. Pods that start at the same time wait for each other.

    The converter works on a copy. A conversion that is killed leaves the head unchanged. Each converted file is moved
    in one step, and moving continues where it was killed.
    """
    copy = f"{head}/.ascend-vllm-copy"
    source = shlex.quote(head)
    copied = shlex.quote(copy)
    converted = shlex.quote(f"{copy}/.converted")
    done = shlex.quote(f"{head}/.ascend-vllm-converted")
    options = {
        "base-path": model,
        "draft-path": copy,
        "base-weight-name": convert.base_weights,
        "draft-weight-name": convert.draft_weights,
    }
    words = " ".join(
        f"--{name} {shlex.quote(value)}" for name, value in options.items()
    )
    return (
        f"exec 9> {shlex.quote(f'{head}/.ascend-vllm-lock')}\n"
        "flock 9\n"
        f"if [[ -e {done} ]]; then rm -rf {copied}; exit; fi\n"
        f"if [[ ! -e {converted} ]]; then\n"
        f"  rm -rf {copied}\n"
        f"  mkdir {copied}\n"
        f"  find {source} -mindepth 1 -maxdepth 1 ! -name '.ascend-vllm-*' -exec cp -rL -t {copied} {{}} +\n"
        f"  cd {shlex.quote(convert.tools)}\n"
        f"  python convert_eagle_ckpt_to_vllm_compatible.py {words}\n"
        f"  touch {converted}\n"
        "fi\n"
        f"cd {copied}\n"
        "while IFS= read -r -d '' file; do\n"
        f'  mkdir -p {source}/"${{file%/*}}"\n'
        f'  mv -f "$file" {source}/"$file"\n'
        "done < <(find . -type f ! -path ./.converted -print0)\n"
        f"touch {done}\n"
        f"rm -rf {copied}\n"
    )
