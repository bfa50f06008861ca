"""What stands beside the pods of a service, as the stack file has it, and what it adds to the pods themselves."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, WithJsonSchema, model_validator

from models.typed import Duration, LabelKey, LabelValue, NamespaceName, Text, Typed, text_like


def external(value: Any) -> Any:
    """A number of pods, or None for the word `external`."""
    if value is None or (isinstance(value, str) and value != "external"):
        raise ValueError("write a number, or external for one that an autoscaler sets")
    return None if value == "external" else value


Replicas = Annotated[
    int | None,
    BeforeValidator(external),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0, "maximum": 10_000}, {"const": "external"}]}),
]
"""A number of pods, or None where somebody else sets it, written `external`."""


def addresses(text: str) -> str:
    """A range of addresses whose bits beside the range are 0, as Kubernetes writes it."""
    try:
        return str(ip_network(text))
    except ValueError as problem:
        raise ValueError(f"{problem}; write a range such as 10.0.0.0/8, or an address as 10.1.2.3/32") from None


Cidr = Annotated[
    str, text_like(r"^[0-9a-fA-F.:]+/[0-9]{1,3}$", "must be a range of addresses"), AfterValidator(addresses)
]
"""A range of addresses."""

Port = Annotated[int, Field(ge=1, le=65535)]
"""A TCP port."""


class PodMetadata(Typed):
    """Labels and annotations that the pods get beside the program's own."""

    labels: dict[LabelKey, LabelValue] = Field(default={}, examples=[{"team": "search"}])
    """Labels of the pods; those of the program are refused."""

    annotations: dict[LabelKey, Text] = Field(default={}, examples=[{"example.com/owner": "search"}])
    """Annotations of the pods; Volcano's are refused where a key of this file writes them."""


class PodTemplate(Typed):
    """A merge patch (RFC 7386) on the template of the pods, for what this file has no word for.

    Containers, init containers and volumes are added by their names. What another key of this file says is refused.
    """

    metadata: PodMetadata = PodMetadata()
    """Labels and annotations."""

    spec: dict[str, JsonValue] = Field(
        default={}, examples=[{"tolerations": [{"key": "huawei.com/npu", "operator": "Exists"}]}]
    )
    """Fields of a pod's spec as Kubernetes has them: tolerations, affinity, topologySpreadConstraints, sidecars, …"""

    @model_validator(mode="after")
    def _named_items(self) -> PodTemplate:
        known: list[Any] = []
        for key in ("volumes", "containers", "initContainers"):
            listed: list[Any] = items if isinstance(items := self.spec.get(key, []), list) else [None]
            names = [item.get("name") if isinstance(item, dict) else None for item in listed]
            if not all(isinstance(name, str) and name for name in names):
                raise ValueError(f"spec.{key} must be a list of mappings, each with a name of its own")
            if len({*names, *known}) < len(names) + len(known):
                raise ValueError(f"spec.{key} has a name twice{', or one of spec.containers' if known else ''}")
            known = names if key == "containers" else []
        return self


class Destination(Typed):
    """Where the pods may connect to. A scalar is shorthand for the range."""

    cidr: Cidr = Field(examples=["10.8.0.0/16"])
    """Range of addresses."""

    ports: list[Port] = Field(default=[80, 443], min_length=1, examples=[[443]])
    """TCP ports."""

    @model_validator(mode="before")
    @classmethod
    def _from_scalar(cls, value: Any) -> Any:
        return {"cidr": value} if isinstance(value, str) else value


class Network(Typed):
    """Who may ask the service, and what its pods may connect to: a NetworkPolicy. All else is closed."""

    admit: list[NamespaceName] = Field(default=[], examples=[["gateway"]])
    """Namespaces whose pods may ask the service."""

    cidrs: list[Cidr] = Field(default=[], examples=[["10.0.0.0/8"]])
    """Addresses that may ask the service, as those of clients outside of the cluster."""

    monitoring: NamespaceName | None = Field(default=None, examples=["monitoring"])
    """Namespace whose pods may read `/metrics`. It is the server's own port, so they can ask the service as well."""

    egress: list[Destination] | None = Field(default=None, examples=[["10.8.0.0/16"]])
    """What the pods may connect to beside the cluster's DNS; when left out, only what the service needs."""


class DisruptionBudget(Typed):
    """How many pods may be evicted at a time, as when nodes are drained: a PodDisruptionBudget."""

    max_unavailable: int | None = Field(default=None, ge=0, le=10_000, examples=[1])
    """Pods that may be missing."""

    min_available: int | None = Field(default=None, ge=0, le=10_000, examples=[1])
    """Pods that have to stay."""

    @model_validator(mode="after")
    def _one_of_both(self) -> DisruptionBudget:
        if (self.max_unavailable is None) == (self.min_available is None):
            raise ValueError("give either maxUnavailable or minAvailable")
        return self


class Monitoring(Typed):
    """Metrics for the Prometheus operator: a PodMonitor and a PrometheusRule. `true` takes everything as it is."""

    interval: Duration = Field(default=30, ge=1, examples=["30s"], json_schema_extra={"default": "30s"})
    """Time between two readings of `/metrics`."""

    labels: dict[LabelKey, LabelValue] = Field(default={}, examples=[{"release": "prometheus"}])
    """Labels of both objects, by which a Prometheus finds them."""

    rules: bool = True
    """Make the alerts: a full KV cache, requests that wait, restarts, no ready pod."""

    @model_validator(mode="before")
    @classmethod
    def _from_true(cls, value: Any) -> Any:
        return {} if value is True else value

    @model_validator(mode="after")
    def _not_the_services(self) -> Monitoring:
        if own := [key for key in self.labels if key.startswith("app.kubernetes.io/")]:
            raise ValueError(f"label {own[0]} is the program's own")
        return self


class Expose(Typed):
    """How the Service is reached. A scalar is shorthand for the type: `expose: LoadBalancer`."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    """`ClusterIP` inside the cluster only, `NodePort` on a port of every node, `LoadBalancer` as the cloud offers."""

    annotations: dict[LabelKey, Text] = Field(default={}, examples=[{"kubernetes.io/elb.class": "union"}])
    """Annotations of the Service, by which a cloud is told which load balancer."""

    @model_validator(mode="before")
    @classmethod
    def _from_scalar(cls, value: Any) -> Any:
        return {"type": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _not_pulumis(self) -> Expose:
        if own := [key for key in self.annotations if key.startswith("pulumi.com/")]:
            raise ValueError(f"annotation {own[0]} is the program's own")
        return self
