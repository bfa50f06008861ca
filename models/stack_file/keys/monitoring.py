"""Metrics and alerts of a service for the Prometheus Operator."""

from __future__ import annotations

from pydantic import Field, model_validator

from models.record import Duration, LabelKey, LabelValue, Record


class Monitoring(Record):
    """Metrics and alerts for the Prometheus Operator: a PodMonitor and a PrometheusRule. `true` uses all defaults."""

    true_for_defaults = True

    interval: Duration = Field(
        default=30, ge=1, examples=["30s"], json_schema_extra={"default": "30s"}
    )
    """Scrape interval of `/metrics`."""

    labels: dict[LabelKey, LabelValue] = Field(
        default={},
        examples=[{"release": "prometheus"}],
        json_schema_extra={
            "propertyNames": {"not": {"pattern": r"^app\.kubernetes\.io/"}}
        },
    )
    """Labels of both objects, by which Prometheus selects them."""

    rules: bool = True
    """Create the alerts: full KV cache, waiting requests, restarts, no ready pod."""

    @model_validator(mode="after")
    def _not_the_services(self) -> Monitoring:
        for key in self.labels:
            if key.startswith("app.kubernetes.io/"):
                raise ValueError(f"label {key} belongs to the program")
        return self
