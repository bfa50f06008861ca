"""The log lines of a pod are read as those of the release that it runs."""

from __future__ import annotations

import pytest

from cluster.diagnosis.engine_release import release_of_pod
from models.engines.releases import DEFAULT_VERSION, VERSIONS
from models.manifests import service_objects
from models.manifests.metadata import VERSION_LABEL
from tests.conftest import stack_of


@pytest.mark.parametrize("version", VERSIONS)
def test_the_label_of_a_pod_names_its_release(version: str) -> None:
    assert release_of_pod({"metadata": {"labels": {VERSION_LABEL: version}}}).version == version


@pytest.mark.parametrize("labels", [{}, None, {VERSION_LABEL: "0.1"}])
def test_a_pod_without_a_known_release_is_read_as_the_default_release(labels: dict[str, str] | None) -> None:
    assert release_of_pod({"metadata": {"name": "qwen", "labels": labels}}).version == DEFAULT_VERSION


def test_the_pods_of_a_service_have_the_label() -> None:
    (service,) = stack_of("qwen: {image: 'a:1', model: /m/a, engine: {maxModelLen: 4096}}\n").services
    deployment = next(item for item in service_objects(service) if item["kind"] == "Deployment")
    template = deployment["spec"]["template"]

    assert release_of_pod(template) is service.release
    assert template["metadata"]["labels"][VERSION_LABEL] == service.release.version
