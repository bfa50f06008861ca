"""promtool reads the alerts of each release, and they fire on the metrics of that release only."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from models.engines.releases import VERSIONS, release
from models.manifests import service_objects
from tests.prometheus.conftest import PROGRAMS
from tests.review.stacks import stack

LABELS = 'job="inference/qwen",pod="qwen-5d4f-x2k9p"'
DEPLOYED = 'namespace="inference",deployment="qwen"'
CONTAINER = 'namespace="inference",pod="qwen-5d4f-x2k9p",container="ascend-vllm"'


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([f"{PROGRAMS}/promtool", *arguments], capture_output=True, text=True, check=False)


def write_rules(directory: Path, version: str) -> list[dict[str, Any]]:
    """Write the groups of the PrometheusRule of a service, as Prometheus reads them from a file."""
    tags = {"0.6.3": "registry.example.com/ascend-vllm:6.3.912"}
    image = tags.get(version, f"quay.io/ascend/vllm-ascend:v{version}")
    (service,) = stack({"qwen": {"image": image, "monitoring": True}}).services
    [rule] = [object for object in service_objects(service) if object["kind"] == "PrometheusRule"]
    groups: list[dict[str, Any]] = rule["spec"]["groups"]
    (directory / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}), encoding="utf-8")
    return groups[0]["rules"]


def series(version: str) -> dict[str, str]:
    """A series for each alert, in which its condition holds from the start."""
    metrics = release(version).metrics
    return {
        f"{metrics.kv_cache_usage}{{{LABELS}}}": "0.95x20",
        f"{metrics.waiting_requests}{{{LABELS}}}": "3x20",
        f"kube_pod_container_status_restarts_total{{{CONTAINER}}}": "0x5 1x14",
        f"kube_deployment_status_replicas_ready{{{DEPLOYED}}}": "0x20",
        f"kube_deployment_spec_replicas{{{DEPLOYED}}}": "1x20",
    }


def fires(directory: Path, alert: str, minute: int, input_series: dict[str, str]) -> bool:
    """Whether an alert fires at a minute."""
    test = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in input_series.items()],
                "alert_rule_test": [{"eval_time": f"{minute}m", "alertname": alert, "exp_alerts": []}],
            }
        ],
    }
    file = directory / "test.yaml"
    file.write_text(yaml.safe_dump(test), encoding="utf-8")
    done = promtool("test", "rules", str(file))
    if done.returncode == 0:
        return False
    assert f"alertname: {alert}" in done.stdout + done.stderr, done.stdout + done.stderr
    return True


@pytest.mark.parametrize("version", VERSIONS)
def test_promtool_accepts_the_rules(version: str, tmp_path: Path) -> None:
    rules = write_rules(tmp_path, version)

    done = promtool("check", "rules", "--lint=all", "--lint-fatal", str(tmp_path / "rules.yaml"))

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules)} rules found" in done.stdout + done.stderr


@pytest.mark.parametrize("version", VERSIONS)
def test_each_alert_fires_on_the_metrics_of_the_release_after_its_time(version: str, tmp_path: Path) -> None:
    rules = write_rules(tmp_path, version)

    for rule in rules:
        assert fires(tmp_path, rule["alert"], 18, series(version)), rule
        if "for" in rule:
            assert not fires(tmp_path, rule["alert"], 3, series(version)), rule


def test_an_alert_of_a_later_release_does_not_fire_on_the_name_of_the_past(tmp_path: Path) -> None:
    write_rules(tmp_path, "0.23.0")

    assert not fires(tmp_path, "AscendVllmKvCacheFull", 18, series("0.6.3"))
