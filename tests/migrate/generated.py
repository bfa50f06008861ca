"""Generated services of each release that `check` accepts, as lines of a stack file."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from models.check import check
from models.engines.engine_args import Version
from models.engines.releases import release
from tests.migrate.stacks import HUAWEI, stack_of
from tests.models.engines.vllm_ascend.generated_services import services as plugin_services
from tests.properties.accepted import remove
from tests.properties.strategies import engines, speculations

NPUS = 8
MODEL = "/mnt/models/our-own-model"
MANUAL = st.fixed_dictionaries(
    {"image": st.just(HUAWEI), "model": st.just(MODEL), "engine": engines},
    optional={
        "graph": st.sampled_from(["eager", "cann", "pta"]),
        "prefixCaching": st.booleans(),
        "speculative": speculations,
        "lora": st.just({"adapters": {"sql": "/mnt/adapters/sql"}}),
        "server": st.sampled_from([{"kind": "api_server"}, {"host": "::"}, {"port": 9000}]),
    },
)
"""Services of the manual's release."""


def generated_services(version: Version, count: int) -> list[dict[str, Any]]:
    """Some services that a release runs, the same each time."""
    found: list[dict[str, Any]] = []
    every = MANUAL if version == "0.6.3" else plugin_services(release(version))

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(every)
    def generate(service: dict[str, Any]) -> None:
        found.append(accepted({**service, "model": MODEL, "npus": NPUS}))

    generate()
    return found


def text_of(service: dict[str, Any]) -> str:
    """The stack file of a service."""
    config = {"ascend-vllm:cluster": {"context": "prod"}, "ascend-vllm:services": {"one": service}}
    return json.dumps({"config": config}, ensure_ascii=False, indent=2)


def accepted(service: dict[str, Any]) -> dict[str, Any]:
    """The service without the optional fields that errors point at, until none is left."""
    fields: dict[str, Any] = json.loads(json.dumps(service))
    while errors := check(stack_of(text_of(fields))).errors:
        marked = [mark.path[2:] for error in errors for mark in error.marks if len(mark.path) > 2]
        optional = [path for path in marked if path[0] not in ("image", "model", "npus") and path[-1] != "maxModelLen"]
        if not any(remove(fields, path) for path in optional):
            fields["engine"] = {"maxModelLen": 1024}
    return fields
