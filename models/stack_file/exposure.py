"""What stands beside the pods of a service, as the stack file has it, and what it adds to the pods themselves."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from models.record import LabelKey, NamespaceName, Record, Text, text_like


def addresses(text: str) -> str:
    """A range of addresses whose bits beside the range are 0, as Kubernetes writes it."""
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
"""A range of addresses."""

Port = Annotated[int, Field(ge=1, le=65535)]
"""A TCP port."""


class Destination(Record):
    """Where the pods may connect to. A scalar is shorthand for the range."""

    shorthand = "cidr"

    cidr: Cidr = Field(examples=["10.8.0.0/16"])
    """Range of addresses."""

    ports: list[Port] = Field(default=[80, 443], min_length=1, examples=[[443]])
    """TCP ports."""


class Network(Record):
    """Who may ask the service, and what its pods may connect to: a NetworkPolicy. All else is closed."""

    admit: list[NamespaceName] = Field(default=[], examples=[["gateway"]])
    """Namespaces whose pods may ask the service."""

    cidrs: list[Cidr] = Field(default=[], examples=[["10.0.0.0/8"]])
    """Addresses that may ask the service, as those of clients outside of the cluster."""

    monitoring: NamespaceName | None = Field(default=None, examples=["monitoring"])
    """Namespace whose pods may read `/metrics`. It is the server's own port, so they can ask the service as well."""

    egress: list[Destination] | None = Field(default=None, examples=[["10.8.0.0/16"]])
    """What the pods may connect to beside the cluster's DNS; when left out, only what the service needs."""


class Expose(Record):
    """How the Service is reached. A scalar is shorthand for the type: `expose: LoadBalancer`."""

    shorthand = "type"

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    """`ClusterIP` inside the cluster only, `NodePort` on a port of every node, `LoadBalancer` as the cloud offers."""

    annotations: dict[LabelKey, Text] = Field(
        default={},
        examples=[{"kubernetes.io/elb.class": "union"}],
        json_schema_extra={"propertyNames": {"not": {"pattern": r"^pulumi\.com/"}}},
    )
    """Annotations of the Service, by which a cloud is told which load balancer."""

    @model_validator(mode="after")
    def _not_pulumis(self) -> Expose:
        if own := [key for key in self.annotations if key.startswith("pulumi.com/")]:
            raise ValueError(f"annotation {own[0]} is the program's own")
        return self
