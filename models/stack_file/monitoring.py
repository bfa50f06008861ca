"""Metrics and alerts of a service for the Prometheus operator."""

from __future__ import annotations

from pydantic import Field, model_validator

from models.record import Duration, LabelKey, LabelValue, Record


class Monitoring(Record):
    """Metrics for the Prometheus operator: a PodMonitor and a PrometheusRule. `true` takes everything as it is."""

    true_for_defaults = True

    interval: Duration = Field(
        default=30, ge=1, examples=["30s"], json_schema_extra={"default": "30s"}
    )
    """Time between two readings of `/metrics`."""

    labels: dict[LabelKey, LabelValue] = Field(
        default={},
        examples=[{"release": "prometheus"}],
        json_schema_extra={
            "propertyNames": {"not": {"pattern": r"^app\.kubernetes\.io/"}}
        },
    )
    """Labels of both objects, by which a Prometheus finds them."""

    rules: bool = True
    """Make the alerts: a full KV cache, requests that wait, restarts, no ready pod."""

    @model_validator(mode="after")
    def _not_the_services(self) -> Monitoring:
        if own := [key for key in self.labels if key.startswith("app.kubernetes.io/")]:
            raise ValueError(f"label {own[0]} is the program's own")
        return self
