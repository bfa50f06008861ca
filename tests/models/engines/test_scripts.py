"""The scripts that run in the pod agree with the releases whose servers they ask."""

from __future__ import annotations

import re

import pytest

from models.engines.releases import VERSIONS, release
from models.launch.scripts import DRAIN, READY, SMOKE, SMOKE_POOLING, WARM_UP, script_text
from models.launch.scripts.drain import total


@pytest.mark.parametrize("version", VERSIONS)
def test_the_drain_counts_the_unfinished_requests_of_each_release(version: str) -> None:
    gauges = release(version).metrics.unfinished_requests
    lines = [f'{gauge}{{model_name="qwen"}} 1.0\n' for gauge in gauges]

    assert total("".join(lines)) == len(gauges)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_drain_reads_the_metrics_where_each_release_reports_them(version: str) -> None:
    assert re.findall(r'"GET", "(.*?)"', script_text(DRAIN)) == [release(version).metrics.path]


@pytest.mark.parametrize("script", [READY, SMOKE, SMOKE_POOLING, WARM_UP])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_script_asks_for_the_health_of_each_release(version: str, script: str) -> None:
    assert release(version).health_path in script_text(script)
