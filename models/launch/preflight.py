"""The facts of a service that the preflight compares with the node and the weights, as JSON for its container."""

from __future__ import annotations

import json
from typing import Any

from pydantic.alias_generators import to_camel

from models.catalog.facts import ModelFacts
from models.engines.image_names import full_tag, image_for_npus
from models.launch import scripts
from models.launch.init_steps import STORE_DIRECTORY, store_name
from models.service.lock import configured_image
from models.service.model import ResolvedBucketSource
from models.service.resolved import ResolvedService
from models.stack_file.config_json import TEXT_BACKBONES, names_of
from models.stack_file.keys.locked import LOCK_FILE

PREFLIGHT = "preflight"
"""Name of the init container that compares the node, and the weights if they are there, before all other steps."""

PREFLIGHT_WEIGHTS = "preflight-weights"
"""Name of the init container that compares weights that another init container has downloaded."""

_SHELL = ["/bin/bash", "-c"]
_PYTHON = """\
for python in python python3; do
  if "$python" -IS -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2> /dev/null; then
    exec "$python" -IS -c "$0" "$@"
  fi
done
echo 'preflight: skipped: the image has no Python 3.8 or later'
"""
"""Runs the script without the packages of the image. Without Python there is no preflight."""

_SOCS = ("a2", "a3", "310p", "950dt")
"""The types of NPU that an image can be built for."""

_COMPARED = (
    "model_type",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "num_experts",
)
"""The facts by which two models differ."""


def preflight_command() -> list[str]:
    """The command of the containers: the script without the facts of a service."""
    return [*_SHELL, _PYTHON, scripts.script_text(scripts.PREFLIGHT)]


def facts_of_service(service: ResolvedService) -> str:
    """The facts that the node and the weights are compared with, as JSON."""
    facts = {
        "driver": _driver(service),
        "soc": _soc(service),
        "hccn": _hccn(service),
        "installInfo": _mount_path(service, "install_info"),
        "weights": _weights(service),
    }
    return json.dumps(facts, ensure_ascii=False)


def facts_of_weights(service: ResolvedService) -> str:
    """The facts that downloaded weights are compared with, as JSON."""
    return json.dumps({"weights": _weights(service)}, ensure_ascii=False)


def oldest_driver(service: ResolvedService) -> str | None:
    """The oldest driver that a preflight of the service accepts; None if it accepts all."""
    oldest: str | None = _driver(service).get("minimum")
    return oldest


def compared_model(service: ResolvedService) -> str | None:
    """The facts of the model that a preflight of the service compares, on one line; None if none are known."""
    facts = [f"{fact['key']} {fact['value']}" for fact in _model_facts(service.facts)]
    return ", ".join(facts) or None


def is_downloaded(service: ResolvedService) -> bool:
    """Whether an init container downloads the weights."""
    return isinstance(service.model.source, ResolvedBucketSource)


def weights_directory(service: ResolvedService) -> str:
    """Where the preflight sees the weights: downloaded ones in the store, as the container that downloads them."""
    source = service.model.source
    if isinstance(source, ResolvedBucketSource):
        return f"{STORE_DIRECTORY}/{store_name(service, source)}"
    return service.model.path


def _mount_path(service: ResolvedService, name: str) -> str | None:
    """Where the container sees a path of the node; None if it is not mounted."""
    mount = service.cluster.platform.mounts.get(name)
    if mount is None:
        return None
    return mount.mount_path


def _driver(service: ResolvedService) -> dict[str, Any]:
    """The directory of the driver, and the oldest driver: that of the lock file, or that of the release."""
    facts: dict[str, Any] = {"directory": _mount_path(service, "driver")}
    version = service.release.version
    if service.locked_driver:
        facts["minimum"] = service.locked_driver
        facts["source"] = LOCK_FILE
        facts["why"] = "the service was not tested with an older driver"
        facts["instead"] = (
            f"test the service with DRIVER and write driver: 'DRIVER' for {service.name} in {LOCK_FILE}"
        )
    elif service.release.pairing.driver and service.graph.kind != "eager":
        facts["minimum"] = service.release.pairing.driver
        facts["source"] = f"vLLM {version}"
        facts["why"] = (
            f"the default graph mode of vLLM {version} fails on an older driver"
        )
        facts["instead"] = "write graph: eager"
    return facts


def _soc(service: ResolvedService) -> dict[str, Any] | None:
    """The type of NPU that the image is built for, and the images for the other types."""
    image = configured_image(service)
    tag = full_tag(image)
    built_for = service.release.image_soc(tag)
    if built_for is None:
        return None
    images = {}
    for soc in _SOCS:
        other = service.release.image_for(tag, soc)
        if other:
            images[soc] = image_for_npus(image, soc, other)
    return {"image": built_for, "images": images}


def _hccn(service: ResolvedService) -> dict[str, Any] | None:
    path = _mount_path(service, "hccn_conf")
    if path is None:
        return None
    soc = service.release.image_soc(full_tag(service.image))
    return {"path": path, "npus": service.npus_of_server, "soc": soc}


def _weights(service: ResolvedService) -> dict[str, Any]:
    """The facts about the weights in the release and in the stack file."""
    version = service.release.version
    facts: dict[str, Any] = {
        "directory": weights_directory(service),
        "shown": service.model.path,
        "model": service.model.name,
        "release": f"vLLM {version}",
        "textModels": [*TEXT_BACKBONES],
        "facts": _model_facts(service.facts),
    }
    accepted = service.release.accepted_values.get("quantization")
    # Of 0.6.3, only the values of the flag are known, and not which weights it refuses.
    if accepted and service.release.quantization_files:
        facts["methods"] = [*accepted.values]
        facts["methodsWhy"] = accepted.why
        facts["unquantized"] = {**service.release.dequantized_models}
    required = service.release.quantization_files.get(service.quantization or "")
    if required:
        facts["quantization"] = service.quantization
        facts["required"] = required.name
        facts["requiredWhy"] = (
            f"vLLM {version} exits at start without it ({required.where})"
        )
    return facts


def _model_facts(facts: ModelFacts | None) -> list[dict[str, Any]]:
    """The facts of the model that the service was checked with, with their names in a config.json."""
    if facts is None:
        return []
    compared = []
    for name in _COMPARED:
        value = getattr(facts, name)
        if value is not None:
            compared.append(
                {"key": to_camel(name), "names": names_of(name), "value": value}
            )
    return compared
