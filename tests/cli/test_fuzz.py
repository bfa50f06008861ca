"""Whatever a stack file holds, `check` answers with findings."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.output import Format, render_reports
from models.check import check
from models.engines.engine_args import EngineArgs
from models.engines.server import Server
from models.report import Report
from models.service.resolve import resolve
from models.stack_file.keys.cluster import ClusterConfig
from models.stack_file.keys.service import ServiceConfig
from models.stack_file.load import load_text

pytestmark = pytest.mark.slow

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)

KEYS = sorted(
    {
        field.alias or name
        for record in (ClusterConfig, ServiceConfig, EngineArgs, Server)
        for name, field in record.model_fields.items()
    }
)
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
    | st.sampled_from(["/m", "a:1", "openai", "0,1", "64Gi", "100s", "cce", "a\x00b", "x\ny", "[key]"])
)
NAMES = st.sampled_from(KEYS) | TEXTS | st.just("[key]")
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)


def judge(text: str) -> Report:
    """The report on a text, which every format can write."""
    report = check(resolve(load_text("fuzz", "Pulumi.fuzz.yaml", text)))
    for form in Format:
        render_reports([report], form).encode()
    return report


@QUICK
@given(text=st.text(max_size=60))
def test_any_text_is_judged(text: str) -> None:
    assert judge(text).findings


@QUICK
@given(content=st.binary(max_size=60))
def test_any_bytes_are_judged(content: bytes) -> None:
    assert judge(content.decode("utf-8", "surrogateescape")).findings


@QUICK
@given(text=st.text("a:-{}[]&*!<>|\"'#% \n\t,?1.~", max_size=60))
def test_any_text_that_looks_like_yaml_is_judged(text: str) -> None:
    assert judge(text).findings


@QUICK
@given(cluster=VALUES, services=VALUES, base=SCALARS)
def test_any_values_are_judged(cluster: Any, services: Any, base: Any) -> None:
    config = {"ascend-vllm:cluster": cluster, "ascend-vllm:services": services, "ascend-vllm:base": base}

    assert judge(json.dumps({"config": config}, ensure_ascii=False)).services >= 0


@QUICK
@given(service=st.dictionaries(st.sampled_from(sorted(ServiceConfig.model_fields)), VALUES), extra=VALUES)
def test_any_service_is_judged(service: dict[str, Any], extra: Any) -> None:
    whole = {"image": "a:1", "model": "/m", "engine": {"maxModelLen": 1, "extraArgs": extra}, **service}
    config = {"ascend-vllm:cluster": {"context": "a"}, "ascend-vllm:services": {"qwen": whole}}

    assert judge(json.dumps({"config": config}, ensure_ascii=False)).services <= 1


@QUICK
@given(extra=st.dictionaries(st.sampled_from(["swapSpace", "loraModules", "ropeScaling", "seed", "x"]), VALUES))
def test_any_further_flags_are_judged(extra: dict[str, Any]) -> None:
    service = {"image": "a:1", "model": "/m", "engine": {"maxModelLen": 1, "extraArgs": extra}}
    config = {"ascend-vllm:cluster": {"context": "a"}, "ascend-vllm:services": {"qwen": service}}

    assert judge(json.dumps({"config": config}, ensure_ascii=False)).services <= 1
