"""Stacks to migrate: a service of each kind under each release."""

from __future__ import annotations

from pathlib import Path

from migrate.migration import Wish, migrate
from migrate.report import Migration
from models.engines.releases import release
from models.service.resolve import resolve
from models.service.resolved import ResolvedService, ResolvedStack
from models.stack_file.load import disk, load_text

HEAD = """\
config:
  ascend-vllm:cluster: {context: prod}  # the cluster
  ascend-vllm:services:
"""
HUAWEI = "registry.example.com/ascend-vllm:6.3.912"


def image(version: str) -> str:
    return HUAWEI if version == "0.6.3" else f"quay.io/ascend/vllm-ascend:v{version}"


def stack_text(services: dict[str, str], version: str) -> str:
    """A stack file whose services have the given further lines."""
    text = HEAD
    for name, lines in services.items():
        text += f"    {name}:\n      image: {image(version)}\n"
        text += "".join(f"      {line}\n" for line in lines.splitlines())
    return text


def stack_of(text: str) -> ResolvedStack:
    return resolve(load_text("prod", "Pulumi.prod.yaml", text))


def migrated(text: str, to: str, *, take_defaults: bool = False, images: dict[str, str] | None = None) -> Migration:
    known = release(to)  # type: ignore[arg-type]
    if to == "0.6.3" and images is None:
        images = {service.name: HUAWEI for service in stack_of(text).services}
    wish = Wish(known, images=images or {}, take_defaults=take_defaults)
    return migrate(stack_of(text), text, Path(), disk, wish)


def only_service(text: str) -> ResolvedService:
    (service,) = stack_of(text).services
    return service
