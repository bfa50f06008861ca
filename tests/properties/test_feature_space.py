"""What `check` accepts, renders; its command line reads back as the same values, and bash changes none of them."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from models.engines.ascend_vllm.owned_keys import ENGINE_FLAGS
from models.engines.flags import Flag
from models.engines.releases import DEFAULT_VERSION, release
from models.launch import scripts
from models.launch.launch import GRAPH_CACHE_DIRECTORY, LAUNCH_DIRECTORY, Launch, launch, script
from models.manifests import stack_objects
from models.service.resolved import ResolvedService, ResolvedStack
from tests.properties.accepted import nearest_accepted
from tests.properties.strategies import services

pytestmark = pytest.mark.slow

STAND_IN = """\
#!/usr/bin/env python3
import json, os, sys
"-m" in sys.argv and json.dump({"argv": ["python", *sys.argv[1:]], "environment": dict(os.environ)}, sys.stdout)
"""
thorough = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def parser_of(server: str) -> argparse.ArgumentParser:
    """The parser that the release's table describes."""
    parser = argparse.ArgumentParser(exit_on_error=False)
    for flag in release(DEFAULT_VERSION).flags.values():
        if server in flag.servers:
            parser.add_argument(flag.option, dest=flag.name, **_action(flag))
    return parser


def _action(flag: Flag) -> dict[str, Any]:
    readers: dict[str, Any] = {"int": int, "float": float, "json": json.loads, "pairs": _pairs}
    if flag.kind == "flag":
        return {"action": "store_true"}
    if flag.kind == "bool":
        return {"type": {"true": True, "false": False}.__getitem__}
    nargs = {"list": {"nargs": "+"}, "append": {"action": "append"}}.get(flag.kind, {})
    return {"type": readers.get(flag.type or "", str), "choices": flag.choices or None, **nargs}


def _pairs(text: str) -> dict[str, int]:
    return {name: int(count) for name, _, count in (pair.partition("=") for pair in text.split(","))}


def meant(service: ResolvedService) -> Iterator[tuple[str, Any]]:
    """The flags that a service's own keys speak of, with their values."""
    for name in ENGINE_FLAGS:
        value = getattr(service.engine, name)
        if value not in (None, []):
            yield name.replace("_", "-"), value
    yield "model", service.model.path
    yield "host", service.server.host
    yield "port", service.server.port
    yield "enable-prefix-caching", service.prefix_caching
    yield "quantization", service.quantization
    if service.lora:
        yield "lora-modules", [f"{name}={path}" for name, path in service.lora.adapters.items()]
    if service.speculative:
        yield "speculative-model", getattr(service.speculative, "source", "[ngram]")
        yield "num-speculative-tokens", service.speculative.tokens
    for key, value in {**service.engine.extra_args, **service.server.extra_args}.items():
        if (flag := release(DEFAULT_VERSION).flag(key)) and flag.kind in ("flag", "bool", "value", "list", "append"):
            yield flag.name, value


@thorough
@given(services)
def test_the_command_line_reads_back_as_the_values_of_the_stack_file(fields: dict[str, Any]) -> None:
    service = nearest_accepted(fields)
    _, _, _, *argv = launch(service).argv
    read = vars(parser_of(service.server.kind).parse_args(argv))
    quiet = {"pipeline-parallel-size": None, "num-scheduler-steps": None}

    for name, value in meant(service):
        assert read[name] in (value, quiet.get(name, value)), name


@thorough
@given(services)
def test_what_is_accepted_renders_as_plain_data(fields: dict[str, Any]) -> None:
    service = nearest_accepted(fields)
    objects = list(stack_objects(ResolvedStack("test", "-", service.cluster, (service,), (), {}, ())))
    claim = service.model.source.stored_in
    claims = ["PersistentVolumeClaim"] if claim and claim.request else []

    beside = {
        "PodDisruptionBudget": service.disruption_budget,
        "NetworkPolicy": service.network,
        "PodMonitor": service.monitoring,
        "PrometheusRule": service.monitoring and service.monitoring.rules,
    }
    wanted = [kind for kind, given in beside.items() if given]
    assert [one["kind"] for one in objects] == ["Namespace", *claims, "ConfigMap", "Deployment", "Service", *wanted]
    assert json.loads(json.dumps(objects)) == objects


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(services)
def test_bash_hands_python_what_the_launch_says(fields: dict[str, Any]) -> None:
    start = launch(nearest_accepted(fields))
    seen = _run(start)

    assert seen["argv"] == list(start.argv)
    assert {name: seen["environment"][name] for name in start.environment} == start.environment


def _run(start: Launch) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as directory:
        python, file = Path(directory, "python"), Path(directory, "run_vllm.sh")
        python.write_text(STAND_IN, encoding="utf-8")
        before = start.before.replace(LAUNCH_DIRECTORY, directory).replace(GRAPH_CACHE_DIRECTORY, f"{directory}/cache")
        file.write_text(script(replace(start, before=before)), encoding="utf-8")
        for name in (scripts.GRAPH_CACHE, scripts.WARM_UP):
            Path(directory, name).write_text(scripts.script_text(name), encoding="utf-8")
        python.chmod(0o755)
        environment = {"PATH": f"{directory}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(["/bin/bash", str(file)], env=environment, capture_output=True, text=True, check=True)
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen
