"""Alerts, the PodMonitor and the drain read only metrics that the release reports."""

from __future__ import annotations

import re
from typing import Any

import pytest

from models.engines.releases import VERSIONS, release
from models.engines.vllm_ascend.tables import flag_table
from models.manifests import service_objects
from tests.review.stacks import stack

RELEASES = VERSIONS[1:]
NAMES = re.compile(r"\bvllm:\w+")


def manifests(version: str) -> dict[str, Any]:
    """The objects of a monitored service, by kind."""
    image = f"quay.io/ascend/vllm-ascend:v{version}"
    (service,) = stack({"qwen": {"image": image, "monitoring": True}}).services
    return {manifest["kind"]: manifest for manifest in service_objects(service)}


@pytest.mark.parametrize("version", RELEASES)
def test_every_metric_of_an_alert_is_one_that_the_release_reports(version: str) -> None:
    (group,) = manifests(version)["PrometheusRule"]["spec"]["groups"]
    used = {name for alert in group["rules"] for name in NAMES.findall(alert["expr"])}

    assert used == {"vllm:kv_cache_usage_perc", "vllm:num_requests_waiting"}
    assert used <= flag_table(version).server.metrics.keys()


@pytest.mark.parametrize("version", RELEASES)
def test_every_metric_that_the_release_declares_is_one_that_it_reports(version: str) -> None:
    metrics = release(version).metrics
    used = {metrics.kv_cache_usage, metrics.waiting_requests, *metrics.unfinished_requests}

    assert used <= flag_table(version).server.metrics.keys()


@pytest.mark.parametrize("version", RELEASES)
def test_prometheus_reads_the_path_of_the_release(version: str) -> None:
    (endpoint,) = manifests(version)["PodMonitor"]["spec"]["podMetricsEndpoints"]

    assert endpoint["path"] == flag_table(version).server.metrics_path
