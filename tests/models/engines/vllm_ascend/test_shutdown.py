"""What SIGTERM does decides about `--shutdown-timeout` and the grace period of the pod."""

from __future__ import annotations

from typing import Any

import pytest

from models.engines.releases import VERSIONS
from models.engines.vllm_ascend.platforms import platform
from models.manifests import service_objects
from models.service.deadlines import grace_period
from models.service.resolved import SETTLE, ResolvedService
from tests.review.stacks import stack

RELEASES = VERSIONS[1:]


def service_of(version: str, **keys: Any) -> ResolvedService:
    image = f"quay.io/ascend/vllm-ascend:v{version}"
    (service,) = stack({"qwen": {"image": image, **keys}}).services
    return service


def shutdown_words(service: ResolvedService) -> list[str]:
    words = service.release.argv(service, None)
    return [word for word in words if word.startswith("--shutdown-timeout")]


def pod_grace(service: ResolvedService) -> int:
    (deployment,) = [item for item in service_objects(service) if item["kind"] == "Deployment"]
    seconds: int = deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    return seconds


@pytest.mark.parametrize("version", RELEASES)
def test_only_a_release_that_answers_its_requests_with_the_flag_gets_it(version: str) -> None:
    sigterm = platform(version).sigterm
    drains = sigterm is not None and sigterm.drains_with_flag

    assert shutdown_words(service_of(version)) == (["--shutdown-timeout=60"] if drains else [])


def test_0_18_0_never_gets_the_flag_and_0_23_0_does() -> None:
    assert shutdown_words(service_of("0.18.0")) == []
    assert shutdown_words(service_of("0.23.0")) == ["--shutdown-timeout=60"]


@pytest.mark.parametrize("version", RELEASES)
@pytest.mark.parametrize("drain", ["30s", "10m"])
def test_the_pod_is_killed_only_after_the_drain_and_the_shutdown(version: str, drain: str) -> None:
    service = service_of(version, drain=drain)
    hook = SETTLE + service.drain

    assert pod_grace(service) == grace_period(service)
    assert pod_grace(service) >= hook + service.release.shutdown_seconds(service) + 10


def test_a_value_of_the_user_replaces_ours_and_moves_the_grace_period() -> None:
    ours = service_of("0.23.0")
    longer = service_of("0.23.0", server={"extraArgs": {"shutdownTimeout": 600}})

    assert shutdown_words(longer) == ["--shutdown-timeout=600"]
    assert pod_grace(longer) - pod_grace(ours) == 540


def test_the_plain_server_gets_no_flag() -> None:
    assert shutdown_words(service_of("0.23.0", server="api_server")) == []
