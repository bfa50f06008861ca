"""`check` and `pulumi preview` read the same values from the same file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.stack_file.load import load_text
from models.stack_file.yaml_file import read_yaml
from sandbox.plan import Plan
from tests.conftest import ROOT
from tests.e2e.project import Project
from tests.e2e.sandbox_fixture import SandboxFactory, ascend_nodes

DUMP = """\
import json, pathlib, pulumi
config = pulumi.Config()
values = {key: json.loads(config.require(key)) for key in ("cluster", "services")}
pathlib.Path("values.json").write_text(json.dumps(values))
"""

VALUES = """\
config:
  ascend-vllm:cluster:
    octal: [0644, 0o644, -0o17, 0_7, 08, 0x1F, 0b101, -0b11]
    integers: [1, +1, -1, 1_000, 9223372036854775807, 18446744073709551615, 18446744073709551616]
    floats: [1.0, 1.5, .5, 1., 1e-5, 1e5, 1E+2, 1e21, 123456789012345678.0, 0.1]
    words: [yes, no, on, off, y, n, Yes, true, True, TRUE, false, null, Null, ~, "", nUll, tRue]
    empty:
    dates: [2024-12-17, 2024-1-2, 2024-13-01, 2024-02-30]
    times: [2024-12-17 10:11:12, 2024-12-17T10:11:12Z, 2024-12-17T10:11:12.120+08:00, 2024-12-17 1:2:3.5]
    large: [0xFFFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFFFF, -9223372036854775809, 0777777777777777777777777]
    dots: [1.2.3, "1.0", '2024-12-17', 6.3.912, v1, 1:30, -, +, ., -.5, _1, 1__0]
    tags: [!!str 5, !!int 7, !!float 3, !!str true, !!str 2024-12-17]
    block: |
      first
      second
    folded: >-
      one
      two
  ascend-vllm:services:
    base: &base
      image: 镜像:1
      engine: {maxModelLen: 4096, 中文: 值}
      list: [1, {a: b}]
    child:
      <<: *base
      image: other
    several:
      <<: [{a: 1, b: 1}, {b: 2, c: 2}]
      c: 3
    quoted:
      "<<": {a: 1}
    alias: *base
    5: five
    true: yes
    1.5: half
    null: nothing
"""


@pytest.fixture(scope="module")
def project(sandbox: SandboxFactory, tmp_path_factory: pytest.TempPathFactory) -> Project:
    directory = tmp_path_factory.mktemp("values")
    (directory / "Pulumi.yaml").write_text("name: ascend-vllm\nruntime: python\n")
    (directory / "__main__.py").write_text(DUMP)
    return Project(directory, sandbox(Plan("program", ascend_nodes(4))))


def preview(project: Project, stack: str, text: str) -> tuple[int, str]:
    (project.directory / "values.json").unlink(missing_ok=True)
    project.pulumi("stack", "init", stack)
    project.file(stack).write_text(text, encoding="utf-8")
    done = project.pulumi("preview", "--stack", stack)
    return done.returncode, done.stdout + done.stderr


def canonical(value: object) -> str:
    """A value with the types of its parts; the engine sorts the keys of mappings."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def test_every_kind_of_value_is_the_same_for_the_engine_and_for_check(project: Project) -> None:
    code, said = preview(project, "values", VALUES)
    engine = json.loads((project.directory / "values.json").read_text(encoding="utf-8"))
    file = read_yaml("values.yaml", VALUES)

    assert code == 0, said
    assert file.findings == []
    for key in ("cluster", "services"):
        expected = file.value["config"][f"ascend-vllm:{key}"]
        assert expected.keys() == engine[key].keys()
        for name, value in engine[key].items():
            assert (name, canonical(expected[name])) == (name, canonical(value))


def test_a_stack_that_has_only_a_base_is_complete_for_pulumi_and_for_check(project: Project) -> None:
    own_program = project.directory / "Pulumi.yaml"
    settings = own_program.read_text(encoding="utf-8")
    own_program.write_text((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    text = "config:\n  ascend-vllm:cluster: {context: prod}\n  ascend-vllm:base: services.yaml\n"
    code, said = preview(project, "only-base", text)
    own_program.write_text(settings, encoding="utf-8")
    values = json.loads((project.directory / "values.json").read_text(encoding="utf-8"))

    assert code == 0, said
    assert values == {"cluster": {"context": "prod"}, "services": {}}
    assert "services is missing" not in str(load_text("only-base", "Pulumi.x.yaml", text).findings)


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("duplicate", "{a: 1, a: 2}", "duplicate-key"),
        ("syntax", "{a: [}", "yaml-syntax"),
        ("undefined", "*nowhere", "yaml-syntax"),
    ],
)
def test_a_file_that_the_engine_refuses_is_refused_by_check(project: Project, name: str, value: str, rule: str) -> None:
    text = f"config:\n  ascend-vllm:cluster: {value}\n  ascend-vllm:services: {{}}\n"
    code, _ = preview(project, name, text)
    found = load_text(name, "Pulumi.x.yaml", text, project=Path("/nowhere")).findings

    assert code != 0
    assert rule in [finding.rule for finding in found]
