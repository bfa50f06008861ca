"""The merge patch on the template of a service's pods."""

from __future__ import annotations

from pydantic import Field, JsonValue, model_validator

from models.record import LabelKey, LabelValue, Record, Text


class PodMetadata(Record):
    """Labels and annotations that the pods get beside the program's own."""

    labels: dict[LabelKey, LabelValue] = Field(
        default={}, examples=[{"team": "search"}]
    )
    """Labels of the pods; those of the program are refused."""

    annotations: dict[LabelKey, Text] = Field(
        default={}, examples=[{"example.com/owner": "search"}]
    )
    """Annotations of the pods; Volcano's are refused where a key of this file writes them."""


class PodTemplate(Record):
    """A merge patch (RFC 7386) on the template of the pods, for what this file has no word for.

    Containers, init containers and volumes are added by their names. What another key of this file says is refused.
    """

    metadata: PodMetadata = PodMetadata()
    """Labels and annotations."""

    spec: dict[str, JsonValue] = Field(
        default={},
        examples=[{"tolerations": [{"key": "huawei.com/npu", "operator": "Exists"}]}],
    )
    """Fields of a pod's spec as Kubernetes has them: tolerations, affinity, topologySpreadConstraints, sidecars, …"""

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
