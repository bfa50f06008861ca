"""The merge patch on the pod template of a service."""

from __future__ import annotations

from pydantic import Field, JsonValue

from models.record import LabelKey, LabelValue, Record, Text


class PodMetadata(Record):
    """Additional labels and annotations of the pods."""

    labels: dict[LabelKey, LabelValue] = Field(
        default={}, examples=[{"team": "search"}]
    )
    """Additional labels of the pods. Labels that the program sets are refused."""

    annotations: dict[LabelKey, Text] = Field(
        default={}, examples=[{"example.com/owner": "search"}]
    )
    """Additional annotations of the pods. A Volcano annotation that another key of this file sets is refused."""


class PodTemplate(Record):
    """A merge patch (RFC 7386) on the pod template, for fields that have no key in this file.

    Containers, init containers and volumes are merged by name. A field that another key of this file sets is refused.
    """

    metadata: PodMetadata = PodMetadata()
    """Metadata of the pods."""

    spec: dict[str, JsonValue] = Field(
        default={},
        examples=[{"tolerations": [{"key": "huawei.com/npu", "operator": "Exists"}]}],
    )
    """Fields of a Kubernetes PodSpec, such as tolerations, affinity, topologySpreadConstraints or sidecars."""
