"""The merge patch on the pod template of a service."""

from __future__ import annotations

from pydantic import Field, JsonValue, model_validator

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

    @model_validator(mode="after")
    def _named_items(self) -> PodTemplate:
        containers = self._names("containers")
        init_containers = self._names("initContainers")
        self._names("volumes")
        if set(containers) & set(init_containers):
            raise ValueError(
                "spec.initContainers has a name twice, or one of spec.containers"
            )
        return self

    def _names(self, key: str) -> list[str]:
        """The names of the items in a list of the spec.

        Raises:
            ValueError: An item has no name, or two items have the same.
        """
        items = self.spec.get(key, [])
        if not isinstance(items, list):
            message = f"spec.{key} must be a list of mappings, each with a unique name"
            raise ValueError(message)  # noqa: TRY004  pydantic reports only a ValueError
        names: list[str] = []
        for item in items:
            name = item.get("name") if isinstance(item, dict) else None
            if not isinstance(name, str) or not name:
                raise ValueError(
                    f"spec.{key} must be a list of mappings, each with a unique name"
                )
            if name in names:
                raise ValueError(f"spec.{key} has a name twice")
            names.append(name)
        return names
