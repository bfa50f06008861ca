"""Comparison of any stack with a cluster that runs any other stack: no change is missed or invented."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, settings

from models.engines.engine_args import Version
from models.engines.releases import release
from models.engines.vllm_ascend.tables import RELEASES
from models.launch.launch import launch
from models.manifests import service_objects
from models.service.resolved import ResolvedStack
from review import ServiceChange, compare
from review.drift import Drift, Live, cause
from review.live import compare_live
from review.live_launch import live_launch
from tests.models.engines.vllm_ascend.generated_services import services as release_services
from tests.properties.strategies import services
from tests.review.cluster import Kube
from tests.review.test_properties import resolved, stacks

pytestmark = pytest.mark.slow


def updated(stack: ResolvedStack) -> Kube:
    """The cluster that runs a stack; what an API server would refuse, two mounts in one place, cannot run."""
    kube = Kube(stack)
    for one in kube.objects:
        pod = one["spec"]["template"]["spec"] if one["kind"] == "Deployment" else {"containers": []}
        for container in pod["containers"]:
            places = [mount["mountPath"] for mount in container.get("volumeMounts", ())]
            assume(len(places) == len({*places}))
    return kube


@given(stacks)
@settings(max_examples=40, deadline=None)
def test_a_cluster_that_was_just_updated_has_no_drift(one: dict[str, Any]) -> None:
    stack = resolved(one)
    kube = updated(stack)

    assert kube.drift(stack) == Drift(())
    assert not any(service.details for service in compare_live(stack, Live(kube.objects))[0].services)


@given(services)
@settings(max_examples=80, deadline=None)
def test_any_launch_is_read_back_from_its_script(one: dict[str, Any]) -> None:
    for service in resolved({"a": one}).services:
        launch_map, *_ = service_objects(service)

        assert live_launch(launch_map["data"]) == launch(service)


@pytest.mark.parametrize("version", RELEASES)
def test_any_launch_of_a_current_release_is_read_back_from_its_script(version: Version) -> None:
    @given(release_services(release(version)))
    @settings(max_examples=80, deadline=None)
    def is_read_back(one: dict[str, Any]) -> None:
        for service in resolved({"a": one}).services:
            launch_map, *_ = service_objects(service)

            assert live_launch(launch_map["data"]) == launch(service)

    is_read_back()


@pytest.mark.parametrize("version", RELEASES)
def test_a_cluster_with_a_current_release_is_compared_like_the_stack_file(version: Version) -> None:
    generated = release_services(release(version))

    @given(generated, generated)
    @settings(max_examples=40, deadline=None)
    def is_compared(one: dict[str, Any], other: dict[str, Any]) -> None:
        old, new = resolved({"a": one}), resolved({"a": other})
        there = compare_live(new, Live(updated(old).objects))[0].services

        for from_file, from_cluster in zip(compare(old, new).services, there, strict=True):
            assert from_cluster.restarts == from_file.restarts
            assert launch_details(from_cluster) == launch_details(from_file)

    is_compared()


def launch_details(change: ServiceChange) -> set[tuple[str, str | None, str | None]]:
    return {(one.name, one.old, one.new) for one in change.details if one.part == "launch"}


@given(services, services)
@settings(max_examples=80, deadline=None)
def test_a_cluster_is_compared_like_the_stack_file_that_was_applied(one: dict[str, Any], other: dict[str, Any]) -> None:
    old, new = resolved({"a": one}), resolved({"a": other})
    there = compare_live(new, Live(updated(old).objects))[0].services

    for from_file, from_cluster in zip(compare(old, new).services, there, strict=True):
        assert from_cluster.restarts == from_file.restarts
        assert launch_details(from_cluster) == launch_details(from_file)
        assert bool(from_cluster.parts) == from_cluster.restarts, "every restart has its because"


@given(services, services)
@settings(max_examples=40, deadline=None)
def test_a_changed_stack_file_is_never_reported_as_a_manual_change(one: dict[str, Any], other: dict[str, Any]) -> None:
    drift = updated(resolved({"a": one})).drift(resolved({"a": other}))

    assert {cause(field) for found in drift.objects for field in found.fields} <= {"not applied", "unknown"}
    assert [field.path for *_, field in drift.others] in ([], ["spec.replicas"]), "an autoscaler's"
