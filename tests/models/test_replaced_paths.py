"""Variables of the image that `env` replaces as a whole."""

from __future__ import annotations

import pytest
import yaml

from models.check import check
from models.finding import Finding
from models.service.resolve import resolve
from models.stack_file.load import load_text
from tests.rules.edits import alternatives, apply


def stack(env: object) -> str:
    service = {
        "image": "quay.io/ascend/vllm-ascend:v0.23.0",
        "model": "/mnt/models/Qwen3-8B",
        "engine": {"maxModelLen": 8192},
        "env": env,
    }
    config = {"ascend-vllm:cluster": {"context": "prod"}, "ascend-vllm:services": {"qwen": service}}
    return yaml.safe_dump({"config": config})


def findings(text: str) -> tuple[Finding, ...]:
    return check(resolve(load_text("test", "Pulumi.test.yaml", text))).findings


@pytest.mark.parametrize(
    ("name", "value", "fix"),
    [
        ("PATH", "/opt/bin", "write env.PATH: {prepend: /opt/bin}"),
        ("PATH", "/usr/local/bin:/usr/bin:/bin", "write env.PATH: {prepend: /usr/local/bin:/usr/bin:/bin}"),
        ("LD_LIBRARY_PATH", ":/opt/lib::/opt/lib64:", "write env.LD_LIBRARY_PATH: {prepend: /opt/lib:/opt/lib64}"),
        (
            "LD_LIBRARY_PATH",
            "/usr/local/Ascend/driver/lib64",
            "write env.LD_LIBRARY_PATH: {prepend: /usr/local/Ascend/driver/lib64}",
        ),
        ("PYTHONPATH", "/workspace/plugins", "write env.PYTHONPATH: {prepend: /workspace/plugins}"),
        ("PYTHONPATH", "", "remove env.PYTHONPATH"),
        ("ASCEND_OPP_PATH", "/opt/opp", "remove env.ASCEND_OPP_PATH"),
    ],
)
def test_a_path_of_the_image_is_extended_instead_of_replaced(name: str, value: str, fix: str) -> None:
    text = stack({name: value})
    (finding,) = findings(text)

    assert (finding.rule, finding.severity, finding.fix) == ("replaced-paths", "warning", fix)
    (edits,) = alternatives(fix)
    assert findings(apply(edits, finding, text)) == ()


@pytest.mark.parametrize(
    "env",
    [
        {"LD_LIBRARY_PATH": {"append": "/opt/lib"}},
        {"LD_LIBRARY_PATH": "/opt/lib:/usr/local/Ascend/ascend-toolkit/latest/lib64"},
        {"PATH": "/usr/local/python3.11.14/bin:/usr/bin:/bin"},
        {"LD_PRELOAD": "/opt/lib/libtcmalloc.so"},
        {"ASCEND_HOME_PATH": "/usr/local/Ascend/ascend-toolkit/latest"},
        {"PKG_CONFIG_PATH": "/opt/lib/pkgconfig"},
    ],
)
def test_a_value_that_keeps_the_paths_of_the_image_is_no_finding(env: object) -> None:
    assert findings(stack(env)) == ()


def test_shell_text_in_a_path_is_one_finding() -> None:
    assert [finding.rule for finding in findings(stack({"PATH": "/opt/bin:$PATH"}))] == ["shell-text"]
