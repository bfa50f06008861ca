"""Options in a file, as `vllm serve --config FILE` reads them."""

from __future__ import annotations

import pytest
import yaml

from convert import Conversion, File, Options, convert_files
from tests.convert.pairs import places, said, service
from tests.convert.test_vllm_serve import IMAGE, deployment

OPTIONS = """\
model: /data/Qwen3-32B
port: 8113
max-model-len: 4096
tensor_parallel_size: 4
served-model-name: [chat, qwen]
enforce-eager: true
additional-config:
  enable_cpu_binding: true
api-key: our-own-password
"""


def converted(*files: tuple[str, str]) -> Conversion:
    named = [File(name, text) for name, text in files]
    return convert_files(named, Options(context="prod", filled={"image": IMAGE}))


def test_the_options_of_a_file_are_those_of_the_command() -> None:
    conversion = converted(("run.sh", "vllm serve --config /etc/vllm/serve.yaml\n"), ("serve.yaml", OPTIONS))
    values = service(conversion)

    assert values["model"] == "/data/Qwen3-32B"
    assert values["server"] == {"port": 8113}
    assert values["graph"] == "eager"
    assert values["engine"]["tensorParallelSize"] == 4
    assert values["engine"]["servedModelName"] == ["chat", "qwen"]
    assert values["engine"]["additionalConfig"] == {"enableCpuBinding": True}


def test_a_credential_in_a_file_of_options_is_not_copied() -> None:
    conversion = converted(("run.sh", "vllm serve --config serve.yaml\n"), ("serve.yaml", OPTIONS))

    assert places(conversion)["--api-key"] == "serve.yaml:9"
    assert "our-own-password" not in conversion.text + str(conversion.notes)
    assert conversion.loses


def test_the_command_line_wins_over_the_file() -> None:
    command = "vllm serve /data/Qwen3-8B --config serve.yaml --port 9000 -tp 2 --no-enforce-eager\n"
    conversion = converted(("run.sh", command), ("serve.yaml", OPTIONS))
    values = service(conversion)

    assert values["model"] == "/data/Qwen3-8B"
    assert values["server"] == {"port": 9000}
    assert values["engine"]["tensorParallelSize"] == 2
    assert "graph" not in values
    assert "takes that value" in said(conversion, "replaced")["--port"]
    assert places(conversion)["--port"] == "serve.yaml:2"


def test_a_config_map_has_the_options() -> None:
    value = yaml.safe_load(deployment([], args=["--config", "/etc/vllm/serve.yaml"], image="vllm/vllm-openai:v0.23.0"))
    spec = value["spec"]["template"]["spec"]
    del spec["containers"][0]["command"]
    spec["containers"][0]["volumeMounts"] = [{"name": "options", "mountPath": "/etc/vllm"}]
    spec["volumes"] = [{"name": "options", "configMap": {"name": "options"}}]
    config_map = {"kind": "ConfigMap", "metadata": {"name": "options"}, "data": {"serve.yaml": OPTIONS}}
    conversion = converted(("all.yaml", yaml.safe_dump_all([value, config_map])))

    assert service(conversion)["server"] == {"port": 8113}


def test_a_script_that_writes_the_file_has_the_options() -> None:
    script = f"cat > /tmp/serve.yaml <<EOF\n{OPTIONS}EOF\nexec vllm serve --config /tmp/serve.yaml\n"
    conversion = converted(("run.sh", script))

    assert service(conversion)["server"] == {"port": 8113}
    assert places(conversion)["--api-key"] == "run.sh:10"


def test_a_file_of_options_alone_is_a_service() -> None:
    conversion = converted(("serve.yaml", OPTIONS))

    assert service(conversion)["server"] == {"port": 8113}
    assert "no command" in said(conversion, "assumed")["vllm serve --config"]


@pytest.mark.parametrize(
    ("before", "flag", "why"),
    [
        ("", "--config other.yaml", "other.yaml, which is not among"),
        ("", "--config", "names no file"),
        ("cat > list.yaml <<EOF\n- a\nEOF\n", "--config list.yaml", "no mapping of options"),
    ],
)
def test_a_file_that_cannot_be_read_is_lost(before: str, flag: str, why: str) -> None:
    conversion = converted(("run.sh", f"{before}vllm serve /data/Qwen3-8B --max-model-len 1024 {flag}\n"))

    assert why in said(conversion, "dropped")["--config"]
    assert conversion.loses


def test_a_switch_that_a_file_turns_off_is_off() -> None:
    options = "enable-prefix-caching: false\ntrust-remote-code: false\n"
    command = "vllm serve /data/Qwen3-8B --max-model-len 1024 --config serve.yaml\n"
    conversion = converted(("run.sh", command), ("serve.yaml", f"seed: 1\n{options}"))

    assert service(conversion)["prefixCaching"] is False
    assert "reads it as meant" in said(conversion, "assumed")["--enable-prefix-caching"]
