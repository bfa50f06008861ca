"""A stack file that Pulumi reads in place of the stack's own."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import yaml

from models.check import check
from models.service.resolve import resolve
from models.stack_file.load import load_stack

FROM_PULUMI = """\
config:
  ascend-vllm:cluster: {{context: prod}}
  ascend-vllm:{key}: {{secure: "{ciphertext}"}}
  ascend-vllm:services:
    qwen: {{image: a:1, model: /m/x, engine: {{maxModelLen: 4096}}, server: {{apiKey: {{config: {key}}}}}}}
"""


class FromFile:
    """What Pulumi passes to the program from the file that it has read."""

    def __init__(self, text: str) -> None:
        self.values = yaml.safe_load(text)["config"]

    def get(self, key: str) -> str | None:
        value = self.values.get(f"ascend-vllm:{key}")
        return value if value is None else json.dumps(value)


def test_the_names_of_secrets_follow_from_the_file_that_pulumi_has_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`pulumi up --config-file`: the stack's own file has another key, to which no service refers yet."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "Pulumi.prod.yaml").write_text(FROM_PULUMI.format(key="later", ciphertext="v1:new"))
    text = FROM_PULUMI.format(key="api", ciphertext="v1:old")
    in_place = tmp_path / "step.yaml"
    in_place.write_text(text)
    monkeypatch.setenv("ASCEND_VLLM_STACK_FILE", str(in_place))

    stack = resolve(load_stack("prod", FromFile(text), project))

    assert [secret.name for secret in stack.secrets] == [f"api-{hashlib.sha256(b'v1:old').hexdigest()[:10]}"]
    assert check(stack).errors == ()
