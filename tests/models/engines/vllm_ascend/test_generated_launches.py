"""Each generated service has a launch that the flags of its release accept, word for word."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from models.engines.engine_args import Version
from models.engines.flags import flag_accepts
from models.engines.json_fields import field_problems
from models.engines.releases import release
from models.engines.vllm_ascend.tables import RELEASES, flag_table
from models.launch.launch import launch
from models.service.resolve import resolve
from models.service.resolved import ResolvedService
from models.stack_file.load import disk, load_text
from tests.models.engines.vllm_ascend.commands import parsed
from tests.models.engines.vllm_ascend.generated_services import services


def resolved(service: dict[str, Any]) -> ResolvedService:
    text = {"config": {"ascend-vllm:cluster": {"context": "prod"}, "ascend-vllm:services": {"model": service}}}
    stack = resolve(load_text("test", "Pulumi.test.yaml", json.dumps(text), read=disk))
    assert [finding.message for finding in stack.findings if finding.severity == "error"] == []
    (only,) = stack.services
    return only


def problems(version: Version, values: dict[str, Any]) -> list[str]:
    """The flags of a launch whose value the release's parser refuses."""
    found = []
    known = flag_table(version)
    for name, value in values.items():
        if name == "model":
            continue
        flag = known.flags[name]
        if not flag_accepts(flag, value):
            found.append(f"--{name} {value!r}")
        if flag.config:
            found += [f"--{name} {problem}" for problem in field_problems(flag.config, value, known.json_configs)]
    speculative = values.get("speculative-config")
    if speculative:
        found += [str(problem) for problem in field_problems("SpeculativeConfig", speculative, known.json_configs)]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("version", RELEASES)
def test_a_release_accepts_every_generated_launch(version: Version) -> None:
    known = release(version)

    @settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(services(known))
    def accepts(service: dict[str, Any]) -> None:
        argv = launch(resolved(service)).argv
        assert argv[:2] == ("vllm", "serve")

        values = parsed(argv, known)

        assert values["model"] == service["model"]
        assert problems(version, values) == []
        assert values["max-model-len"] == service["engine"]["maxModelLen"]
        if "prefixCaching" in service:
            assert values["enable-prefix-caching"] == service["prefixCaching"]
        if "asyncScheduling" in service["engine"]:
            assert values["async-scheduling"] == service["engine"]["asyncScheduling"]

    accepts()
