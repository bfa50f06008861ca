"""`dashboard`: a Grafana dashboard with the metric names of each service's release."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from models.engines.releases import VERSIONS, release
from models.manifests.dashboard import dashboard
from models.service.resolved import ResolvedService
from tests.cli.conftest import Console
from tests.review.stacks import stack

TAGS = {"0.6.3": "registry.example.com/ascend-vllm:6.3.912"}
METRIC = re.compile(r"vllm:\w+")


def service(name: str, version: str) -> ResolvedService:
    image = TAGS.get(version, f"quay.io/ascend/vllm-ascend:v{version}")
    (resolved,) = stack({name: {"image": image, "monitoring": True}}).services
    return resolved


def expressions(panel: dict[str, Any]) -> list[str]:
    return [target["expr"] for target in panel.get("targets", [])]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_graph_reads_metrics_that_the_release_has(version: str) -> None:
    drawn = dashboard("prod", [service("qwen", version)])["panels"]
    metrics = {name for panel in drawn for text in expressions(panel) for name in METRIC.findall(text)}
    known = set(release(version).metric_names.values())

    assert len(metrics) == 10
    assert {name.removesuffix("_bucket") for name in metrics} <= known


def test_each_service_has_a_row_above_its_graphs_and_nothing_overlaps() -> None:
    drawn = dashboard("prod", [service("old", "0.18.0"), service("new", "0.30.0")])["panels"]
    rows = [(panel["title"], panel["gridPos"]["y"]) for panel in drawn if panel["type"] == "row"]
    numbers = [panel["id"] for panel in drawn]

    assert rows == [("old", 0), ("new", 22)]
    assert numbers == list(range(1, len(drawn) + 1))
    for one, other in combinations(drawn, 2):
        assert not overlap(one["gridPos"], other["gridPos"])
    for panel in drawn:
        name = "old" if panel["gridPos"]["y"] < 22 else "new"
        assert all(f"inference/{name}" in text or f'"{name}' in text for text in expressions(panel))


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    return not beside and not above


def test_the_command_prints_the_services_with_monitoring_as_json(project: Path, console: Console) -> None:
    file = project / "Pulumi.good.yaml"
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    without = console("dashboard", "good")
    content["config"]["ascend-vllm:services"]["qwen"]["monitoring"] = True
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    printed = console("dashboard", "good")

    assert (without.code, without.out) == (1, "")
    assert "write monitoring: true in a service" in without.err
    assert (printed.code, printed.err) == (0, "")
    assert json.loads(printed.out)["title"] == "vLLM on Ascend: good"
