"""A real Prometheus scrapes the real server, and finds a series for everything that the program reads of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from models.manifests.alerts import alerts
from models.manifests.dashboard import panels
from models.service.resolve import resolve
from models.service.resolved import ResolvedService
from models.stack_file.load import load_text
from tests.models.stand_in_server import free_port
from tests.vllm.conftest import Served

SELECTOR = re.compile(r"vllm:\w+\{[^}]*\}")
SECONDS = 60

CONFIG = """\
scrape_configs:
  - job_name: {job}
    scrape_interval: 1s
    static_configs: [{{targets: ["{target}"]}}]
"""


def service_of(served: Served) -> ResolvedService:
    text = served.stack.read_text(encoding="utf-8")
    (service,) = resolve(load_text("vllm", str(served.stack), text)).services
    return service


@pytest.fixture
def prometheus(served: Served, tmp_path: Path) -> Iterator[str]:
    """The address of a Prometheus with the job of the PodMonitor."""
    service = service_of(served)
    job = f"{service.cluster.namespace.name}/{service.name}"
    target = served.url.removeprefix("http://")
    (tmp_path / "prometheus.yml").write_text(CONFIG.format(job=job, target=target), encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    command = [
        f"{os.environ['PROMETHEUS']}/prometheus",
        f"--config.file={tmp_path}/prometheus.yml",
        f"--storage.tsdb.path={tmp_path}/data",
        f"--web.listen-address={address}",
    ]
    with (tmp_path / "log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(30)


def series(prometheus: str, selector: str) -> list[Any]:
    """The series of a selector, when Prometheus has scraped the server; empty if there is none in a minute."""
    query = urllib.parse.urlencode({"query": selector})
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{prometheus}/api/v1/query?{query}", timeout=5) as answer:  # noqa: S310  an address of this machine
                result: list[Any] = json.load(answer)["data"]["result"]
        except OSError:
            result = []
        if result:
            return result
        time.sleep(0.5)
    return []


def test_every_alert_about_the_server_has_its_series(served: Served, prometheus: str) -> None:
    selectors = [selector for alert in alerts(service_of(served)) for selector in SELECTOR.findall(alert["expr"])]

    assert len(selectors) == 2
    assert [selector for selector in selectors if not series(prometheus, selector)] == []


def test_every_graph_of_the_dashboard_about_the_server_has_its_series(served: Served, prometheus: str) -> None:
    curves = [text for panel in panels(service_of(served)) for text in panel.curves.values()]
    selectors = {selector for text in curves for selector in SELECTOR.findall(text)}

    assert len(selectors) == 10
    assert [selector for selector in sorted(selectors) if not series(prometheus, selector)] == []


def test_the_server_reports_every_metric_of_the_tables(served: Served) -> None:
    with urllib.request.urlopen(f"{served.url}/metrics", timeout=30) as answer:  # noqa: S310  an address of this machine
        reported = set(re.findall(r"^# TYPE (\S+)", answer.read().decode(), re.MULTILINE))
    named = service_of(served).release.metric_names.values()

    assert [name for name in named if name not in reported] == []
