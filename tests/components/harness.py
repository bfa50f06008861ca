"""Components and whole programs under Pulumi's mocks: each run has its own event loop, root and configuration.

Registration is asynchronous: what was not drained cannot be asserted, least of all its absence. `build` and
`run_program` return after every registration has landed, and raise what any of them raised.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import runpy
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import mocks, settings, stack

from models.stack_file.load import read_project
from models.stack_file.yaml_file import read_yaml
from tests.conftest import ROOT

SECRET = "4dabf18193072939515e22adb298388d"


@dataclass(frozen=True)
class Registered:
    """A resource as the engine is asked for it."""

    type: str
    name: str
    inputs: dict[str, Any]
    parent: str
    """Name of the parent, `type$name` of the root left out."""
    dependencies: tuple[str, ...]
    deleted_with: str
    provider: str
    timeout: str
    """How long Pulumi lets its creation and its update take, as `1h`; empty when nothing is said."""
    deletion_timeout: str = ""
    """How long Pulumi lets its deletion take; empty when nothing is said."""
    retained: bool = False
    """Whether it stays in the cluster when Pulumi lets go of it."""
    secret_outputs: tuple[str, ...] = ()
    """The outputs that Pulumi encrypts in the state, whatever the provider returns."""


@dataclass
class Plan:
    """Everything that one run registered, by name, and what the stack exports."""

    resources: dict[str, Registered] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)

    def of_type(self, suffix: str) -> list[Registered]:
        """The resources of a type, by name."""
        return sorted((r for r in self.resources.values() if r.type.endswith(suffix)), key=lambda r: r.name)


class _Mocks(pulumi.runtime.Mocks):
    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        return f"{args.name}-id", args.inputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[str, Any]:
        raise AssertionError(f"the program asks nobody anything, and called {args.token}")


class _Monitor(mocks.MockMonitor):
    """Keeps the raw requests, which say more than the mocks are told, and refuses two resources of one name."""

    def __init__(self) -> None:
        super().__init__(_Mocks())
        self.plan = Plan()

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802  the name that gRPC has
        name = _name(request.parent)
        if request.type != "pulumi:pulumi:Stack":
            assert request.name not in self.plan.resources, f"{request.name} is registered twice"
            self.plan.resources[request.name] = Registered(
                request.type,
                request.name,
                plain(mocks.rpc.deserialize_properties(request.object, keep_unknowns=True)),
                name,
                tuple(sorted(map(_name, request.dependencies))),
                _name(request.deletedWith),
                _name(request.provider.rpartition("::")[0]),
                _timeout(request.customTimeouts),
                str(request.customTimeouts.delete),
                request.retainOnDelete,
                tuple(request.additionalSecretOutputs),
            )
        return super().RegisterResource(request)

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802  the name that gRPC has
        if "pulumi:pulumi:Stack::" in request.urn:
            self.plan.outputs = plain(mocks.rpc.deserialize_properties(request.outputs))
        return super().RegisterResourceOutputs(request)


def _timeout(given: Any) -> str:
    assert given.create == given.update
    return str(given.create)


def build(make: Callable[[], object], *, preview: bool = False) -> Plan:
    """What a function registers."""
    return _in_own_context(make, "test", {}, preview=preview)


def run_program(name: str, config: dict[str, Any] | None = None, *, preview: bool = False) -> Plan:
    """What `__main__.py` registers for a stack of the repository, or for a configuration that replaces its file's."""
    values = stack_config(name) if config is None else config
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
    return run_file(ROOT / "__main__.py", name, texts, preview=preview)


def run_file(
    program: Path, stack_name: str, config: dict[str, str], *, project: str = "ascend-vllm", preview: bool = False
) -> Plan:
    """What a program registers."""
    return _in_own_context(
        lambda: runpy.run_path(str(program), run_name="__main__"), stack_name, config, project=project, preview=preview
    )


def stack_config(name: str) -> dict[str, Any]:
    """A stack file's configuration as the engine would hand it over."""
    prefix = read_project(ROOT).name
    file = ROOT / f"Pulumi.{name}.yaml"
    config = read_yaml(str(file), file.read_text(encoding="utf-8")).value["config"]
    return {key: value for key, value in config.items() if key.startswith(f"{prefix}:")}


def plain(value: Any) -> Any:
    """A deserialized value without protobuf's floats, and with secrets unwrapped."""
    if isinstance(value, dict):
        return plain(value["value"]) if SECRET in value else {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _in_own_context(
    make: Callable[[], object],
    name: str,
    config: dict[str, str],
    *,
    project: str = "ascend-vllm",
    preview: bool,
) -> Plan:
    monitor = _Monitor()

    def run() -> None:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            settings.configure(
                mocks.MockSettings(
                    monitor=monitor,
                    monitor_features=set(monitor.GetDeploymentInfo(None).supportedFeatures),
                    engine=mocks.MockEngine(None),
                    project=project,
                    stack=name,
                    dry_run=preview,
                )
            )
            settings.SETTINGS.outputs = set()  # a failed run leaves outputs that its loop never completes
            pulumi.runtime.set_all_config(config)
            loop.run_until_complete(stack.run_in_stack(make))
        finally:
            asyncio.set_event_loop(None)
            loop.close()

    contextvars.copy_context().run(run)
    return monitor.plan


def _name(urn: str) -> str:
    return "" if "pulumi:pulumi:Stack::" in urn and urn.count("$") == 0 else urn.rpartition("::")[2]
