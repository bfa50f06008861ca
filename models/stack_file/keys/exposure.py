"""Access to a service: its Service and its NetworkPolicy."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from models.record import LabelKey, NamespaceName, Record, Text, text_like


def addresses(text: str) -> str:
    """Check a range of IP addresses and normalise it. Its host bits must be 0, as Kubernetes requires."""
    try:
        return str(ip_network(text))
    except ValueError as problem:
        raise ValueError(
            f"{problem}; write a range such as 10.0.0.0/8, or an address as 10.1.2.3/32"
        ) from None


Cidr = Annotated[
    str,
    text_like(r"^[0-9a-fA-F.:]+/[0-9]{1,3}$", "must be a range of addresses"),
    AfterValidator(addresses),
]
"""A range of IP addresses in CIDR notation."""

Port = Annotated[int, Field(ge=1, le=65535)]
"""A TCP port."""


class Destination(Record):
    """A destination that the pods may connect to. A string is shorthand for `cidr`."""

    shorthand = "cidr"

    cidr: Cidr = Field(examples=["10.8.0.0/16"])
    """Range of IP addresses."""

    ports: list[Port] = Field(default=[80, 443], min_length=1, examples=[[443]])
    """TCP ports."""


class Network(Record):
    """A NetworkPolicy: which clients may connect to the service, and where its pods may connect to. All other traffic
    is blocked."""

    admit: list[NamespaceName] = Field(default=[], examples=[["gateway"]])
    """Namespaces whose pods may send requests."""

    cidrs: list[Cidr] = Field(default=[], examples=[["10.0.0.0/8"]])
    """IP addresses that may send requests, such as clients outside the cluster."""

    monitoring: NamespaceName | None = Field(default=None, examples=["monitoring"])
    """Namespace whose pods may read `/metrics`. The server has one port, so these pods can send requests, too."""

    egress: list[Destination] | None = Field(default=None, examples=[["10.8.0.0/16"]])
    """Destinations that the pods may connect to in addition to the cluster's DNS. Default: only those that the service
    needs."""


class Expose(Record):
    """How clients reach the Service. A string is shorthand for the type: `expose: LoadBalancer`."""

    shorthand = "type"

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    """`ClusterIP`: inside the cluster only. `NodePort`: on a port of every node. `LoadBalancer`: the cloud's load
    balancer."""

    annotations: dict[LabelKey, Text] = Field(
        default={},
        examples=[{"kubernetes.io/elb.class": "union"}],
        json_schema_extra={"propertyNames": {"not": {"pattern": r"^pulumi\.com/"}}},
    )
    """Annotations of the Service, such as those that configure the cloud's load balancer."""

    @model_validator(mode="after")
    def _not_pulumis(self) -> Expose:
        for key in self.annotations:
            if key.startswith("pulumi.com/"):
                raise ValueError(f"annotation {key} belongs to the program")
        return self
