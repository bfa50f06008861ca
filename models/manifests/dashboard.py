"""The Grafana dashboard of a stack: a row for each service, with the metric names of its release."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.manifests.series import replica_gauges, restart_counter, scraped_labels
from models.service.resolved import ResolvedService

_SCHEMA_VERSION = 39
"""The version of Grafana's dashboards, of Grafana 10.4. Later ones read it too."""

_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_COLUMNS = 4
_WIDTH = 24 // _COLUMNS
"""Grafana divides the width of a dashboard into 24 parts."""
_HEIGHT = 7

_QUANTILES = (0.5, 0.95, 0.99)
_INTERVAL = "[$__rate_interval]"


@dataclass(frozen=True)
class Panel:
    """A graph: its title, the unit of its values in Grafana, and a legend and an expression for each curve."""

    title: str
    unit: str
    curves: Mapping[str, str]


def dashboard(stack: str, services: Sequence[ResolvedService]) -> dict[str, Any]:
    """The dashboard as Grafana imports it.

    Args:
        stack: The name of the stack.
        services: The services that Prometheus scrapes.
    """
    drawn: list[dict[str, Any]] = []
    top = 0
    for service in services:
        drawn.append(_row(service.name, number=len(drawn) + 1, top=top))
        top += 1
        for index, panel in enumerate(panels(service)):
            line, column = divmod(index, _COLUMNS)
            place = {
                "h": _HEIGHT,
                "w": _WIDTH,
                "x": column * _WIDTH,
                "y": top + line * _HEIGHT,
            }
            drawn.append(_graph(panel, number=len(drawn) + 1, place=place))
        top = max(graph["gridPos"]["y"] + graph["gridPos"]["h"] for graph in drawn)
    return {
        "title": f"vLLM on Ascend: {stack}",
        "uid": f"ascend-vllm-{stack}"[:40],
        "tags": ["ascend-vllm"],
        "schemaVersion": _SCHEMA_VERSION,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [_datasource_variable()]},
        "panels": drawn,
    }


def panels(service: ResolvedService) -> Iterator[Panel]:
    """The panels of a service: requests, times, tokens and the KV cache of its servers, and its pods."""
    names = service.release.metric_names
    labels = scraped_labels(service)
    running, waiting = (
        f"{names['running']}{{{labels}}}",
        f"{names['waiting']}{{{labels}}}",
    )
    finished = f"rate({names['finished']}{{{labels}}}{_INTERVAL})"
    yield Panel(
        "Requests",
        "short",
        {"running": f"sum({running})", "waiting": f"sum({waiting})"},
    )
    yield Panel(
        "Finished requests",
        "reqps",
        {"{{finished_reason}}": f"sum by (finished_reason) ({finished})"},
    )
    yield Panel(
        "Time to first token", "s", _quantiles(names["time_to_first_token"], labels)
    )
    yield Panel(
        "Time between tokens", "s", _quantiles(names["time_between_tokens"], labels)
    )
    yield Panel("Time of a request", "s", _quantiles(names["end_to_end"], labels))
    yield Panel(
        "Tokens a second",
        "short",
        {
            "prompts": _rate(names["prompt_tokens"], labels),
            "answers": _rate(names["generation_tokens"], labels),
        },
    )
    usage = f"{names['kv_cache_usage']}{{{labels}}}"
    yield Panel(
        "KV cache in use", "percentunit", {"{{pod}}": f"max by (pod) ({usage})"}
    )
    yield Panel(
        "Preempted requests",
        "reqps",
        {"preempted": _rate(names["preemptions"], labels)},
    )
    ready, wanted = replica_gauges(service)
    yield Panel("Ready pods", "short", {"ready": ready, "wanted": wanted})
    yield Panel(
        "Restarts in an hour",
        "short",
        {"{{pod}}": f"sum by (pod) (increase({restart_counter(service)}[1h]))"},
    )


def _quantiles(metric: str, labels: str) -> dict[str, str]:
    """The curves of a histogram: of the median and of the slowest requests."""
    buckets = f"sum by (le) (rate({metric}_bucket{{{labels}}}{_INTERVAL}))"
    return {
        f"p{100 * quantile:g}": f"histogram_quantile({quantile}, {buckets})"
        for quantile in _QUANTILES
    }


def _rate(metric: str, labels: str) -> str:
    return f"sum(rate({metric}{{{labels}}}{_INTERVAL}))"


def _row(title: str, *, number: int, top: int) -> dict[str, Any]:
    return {
        "id": number,
        "type": "row",
        "title": title,
        "collapsed": False,
        "gridPos": {"h": 1, "w": 24, "x": 0, "y": top},
        "panels": [],
    }


def _graph(panel: Panel, *, number: int, place: Mapping[str, int]) -> dict[str, Any]:
    targets = []
    for index, (legend, expression) in enumerate(panel.curves.items()):
        target = {
            "refId": chr(ord("A") + index),
            "datasource": _DATASOURCE,
            "expr": expression,
            "legendFormat": legend,
        }
        targets.append(target)
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "datasource": _DATASOURCE,
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "min": 0},
            "overrides": [],
        },
        "gridPos": dict(place),
        "targets": targets,
    }


def _datasource_variable() -> dict[str, Any]:
    """The choice of a Prometheus at the top of the dashboard."""
    return {
        "name": "datasource",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
    }
