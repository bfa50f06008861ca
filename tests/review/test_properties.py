"""Comparison of any two stacks: no change is missed or invented."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from models.manifests import Manifest, service_objects
from models.service.resolved import ResolvedService, ResolvedStack
from review import compare
from tests.conftest import stack_of
from tests.properties.strategies import read, services
from tests.review.stacks import changed, values_by_name

pytestmark = pytest.mark.slow

stacks = st.dictionaries(st.sampled_from(["a", "b", "c"]), services, max_size=2)


def resolved(given: dict[str, Any]) -> ResolvedStack:
    return stack_of(yaml.safe_dump(given, allow_unicode=True) if given else "{}", read=read)


def template(service: ResolvedService) -> Manifest:
    found: Manifest = [*service_objects(service)][1]["spec"]["template"]
    return found


@given(stacks)
@settings(max_examples=30, deadline=None)
def test_a_stack_does_not_differ_from_itself(one: dict[str, Any]) -> None:
    change = compare(resolved(one), resolved(one))

    assert change.is_empty or change.unread
    assert all((service.kind, service.details) == ("unchanged", ()) for service in change.services)


@given(stacks, stacks)
@settings(max_examples=30, deadline=None)
def test_what_is_added_one_way_is_removed_the_other_way(one: dict[str, Any], other: dict[str, Any]) -> None:
    there, back = compare(resolved(one), resolved(other)), compare(resolved(other), resolved(one))

    def names(change: Any, kind: str) -> list[str]:
        return [service.name for service in change.of_kind(kind)]

    assert names(there, "added") == names(back, "removed")
    assert names(there, "removed") == names(back, "added")
    assert names(there, "changed") == names(back, "changed")
    assert [one.name for one in there.restarting] == [one.name for one in back.restarting]


@given(services, services)
@settings(max_examples=80, deadline=None)
def test_a_service_restarts_exactly_if_its_pod_template_differs(one: dict[str, Any], other: dict[str, Any]) -> None:
    old, new = resolved({"a": one}), resolved({"a": other})
    for change in compare(old, new).services:
        assert change.old is not None
        assert change.new is not None
        differs = template(change.old) != template(change.new)

        assert change.restarts == differs
        assert bool(change.parts) == differs, "every restart has its because"
        assert (change.kind == "changed") == ([*service_objects(change.old)] != [*service_objects(change.new)])
        for detail in change.details:
            assert detail.because
            assert (detail.old, detail.new) != (None, None)


@given(services, st.data())
@settings(max_examples=60, deadline=None)
def test_no_change_of_a_service_is_missed(one: dict[str, Any], data: st.DataObject) -> None:
    key, value = data.draw(
        st.sampled_from([("image", "b:2"), ("replicas", 7), ("startup", "3h"), ("queue", "default"), ("npus", 16)])
    )
    before = resolved({"a": one})
    assume(key != "npus" or before.services[0].npus != value)  # what is left out follows from the split

    change = compare(before, resolved({"a": {**one, key: value}}))

    assert not change.is_empty


def test_a_default_that_becomes_a_flag_of_the_script_is_a_change() -> None:
    image = {"image": "quay.io/ascend/vllm-ascend:v0.30.0", "model": "/m/Qwen3-32B"}
    change = changed(image, {**image, "engine": {"pipelineParallelSize": 1}})

    assert values_by_name(change) == {"--pipeline-parallel-size": (None, "1")}
    assert change.restarts
