"""Prometheus evaluates every graph of the dashboard to values, from the metrics of each release."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from models.engines.releases import VERSIONS, release
from models.manifests.dashboard import panels
from models.service.resolved import ResolvedService
from tests.prometheus.test_alerts import LABELS, promtool, series
from tests.review.stacks import stack

HISTOGRAMS = ("end_to_end", "time_between_tokens", "time_to_first_token")


def service_of(version: str) -> ResolvedService:
    tags = {"0.6.3": "registry.example.com/ascend-vllm:6.3.912"}
    image = tags.get(version, f"quay.io/ascend/vllm-ascend:v{version}")
    (service,) = stack({"qwen": {"image": image, "monitoring": True}}).services
    return service


def reported(version: str) -> dict[str, str]:
    """What the server and kube-state-metrics report in 20 minutes."""
    values = dict(series(version))
    for role, metric in release(version).metric_names.items():
        if role in HISTOGRAMS:
            values[f'{metric}_bucket{{{LABELS},le="0.1"}}'] = "0+1x20"
            values[f'{metric}_bucket{{{LABELS},le="+Inf"}}'] = "0+2x20"
        else:
            values.setdefault(f"{metric}{{{LABELS}}}", "0+1x20")
    return values


def answers(directory: Path, version: str, expressions: list[str]) -> str:
    """What promtool reports about expressions that must have a value after ten minutes; empty if all have one."""
    tests: list[dict[str, Any]] = [
        {"expr": f"absent({text})", "eval_time": "10m", "exp_samples": []} for text in expressions
    ]
    inputs = [{"series": name, "values": values} for name, values in reported(version).items()]
    content = {
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": inputs, "promql_expr_test": tests}],
    }
    file = directory / "dashboard.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    done = promtool("test", "rules", str(file))
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize("version", VERSIONS)
def test_every_graph_has_values(version: str, tmp_path: Path) -> None:
    curves = [text for panel in panels(service_of(version)) for text in panel.curves.values()]
    expressions = [text.replace("$__rate_interval", "5m") for text in curves]

    assert len(expressions) == 19
    assert answers(tmp_path, version, expressions) == ""
    assert "vllm:no_such_metric" in answers(tmp_path, version, ["vllm:no_such_metric"])
