"""Values that a container or a Compose file gets from elsewhere: ConfigMaps, Secrets, and the shell around Compose."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from convert import Conversion, File, Options, convert_files
from tests.convert.pairs import said, service
from tests.convert.test_vllm_serve import deployment

pytestmark = pytest.mark.slow

WORDS = ["vllm", "serve", "$(MODEL)", "--max-model-len", "$(LENGTH)"]
CONFIG_MAP = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "settings"},
    "data": {"MODEL": "/data/Qwen3-32B", "LENGTH": "4096"},
}


def from_config_map(name: str, key: str = "") -> dict[str, Any]:
    reference = {"name": "settings", "key": key or name}
    return {"name": name, "valueFrom": {"configMapKeyRef": reference}}


def converted(*texts: str, **filled: str) -> Conversion:
    files = [File(f"file{index}.yaml", text) for index, text in enumerate(texts)]
    return convert_files(files, Options(context="prod", filled=filled))


def test_variables_have_the_values_of_a_config_map_among_the_files() -> None:
    env = [from_config_map("MODEL"), from_config_map("LENGTH")]
    conversion = converted(deployment(WORDS, env=env), yaml.safe_dump(CONFIG_MAP))

    assert service(conversion)["model"] == "/data/Qwen3-32B"
    assert service(conversion)["engine"]["maxModelLen"] == 4096
    assert said(conversion, "replaced")["MODEL"] == "env has the values of the ConfigMap settings themselves"
    assert not conversion.loses


def test_a_whole_config_map_gives_its_variables_with_their_prefix() -> None:
    source = {"prefix": "APP_", "configMapRef": {"name": "settings"}}
    conversion = converted(deployment(["vllm", "serve", "/m"], envFrom=[source]), yaml.safe_dump(CONFIG_MAP))

    assert service(conversion)["env"] == {"APP_MODEL": "/data/Qwen3-32B", "APP_LENGTH": "4096"}


def test_a_credential_in_a_config_map_is_not_copied() -> None:
    data = {"HF_TOKEN": "hf_4dabf18193bc55e2aa90", "PORT": "8000"}
    source = {"configMapRef": {"name": "settings"}}
    config_map = yaml.safe_dump({**CONFIG_MAP, "data": data})
    conversion = converted(deployment(["vllm", "serve", "/m"], envFrom=[source]), config_map)

    assert "4dabf18193" not in conversion.text
    assert "HF_TOKEN" in said(conversion, "dropped")


def test_a_variable_of_an_absent_config_map_is_lost_and_can_be_set() -> None:
    env = [from_config_map("MODEL"), from_config_map("LENGTH")]
    conversion = converted(deployment(WORDS, env=env), MODEL="/data/Qwen3-8B", LENGTH="8192")

    assert service(conversion)["model"] == "/data/Qwen3-8B"
    assert service(conversion)["engine"]["maxModelLen"] == 8192
    assert said(conversion, "dropped")["MODEL"].startswith("the ConfigMap settings is not among the files")


@pytest.mark.parametrize("flag", [["--api-key", "$(KEY)"], ["--api-key=$(KEY)"]])
def test_the_api_key_of_a_secret_is_kept(flag: list[str]) -> None:
    key = {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "vllm"}}}
    conversion = converted(deployment(["vllm", "serve", "/m", *flag], env=[key]))

    assert service(conversion)["server"]["apiKey"] == {"secret": "keys", "key": "vllm"}
    assert not conversion.loses


@pytest.mark.parametrize("key", ["plain-0fa81c2e", "$(OTHER)"])
def test_any_other_api_key_is_lost(key: str) -> None:
    conversion = converted(deployment(["vllm", "serve", "/m", "--api-key", key]))

    assert "--api-key" in said(conversion, "dropped")
    assert "0fa81c2e" not in conversion.text


def compose(command: str, *environment: str) -> str:
    server = {"image": "quay.io/ascend/vllm-ascend:v0.23.0", "command": command, "environment": [*environment]}
    return yaml.safe_dump({"services": {"qwen": server, "proxy": {"depends_on": ["qwen"]}}})


@pytest.mark.parametrize(
    ("command", "model"),
    [
        ("vllm serve ${MODEL:-${DIR:-/data}/Qwen3-8B}", "/data/Qwen3-8B"),
        ("vllm serve ${MODEL:?no model}", "${MODEL}"),
        ("vllm serve /data/Qwen3-8B${SUFFIX:+-$SUFFIX}", "/data/Qwen3-8B"),
        ("vllm serve ${SET:-/other}", "/data/set"),
        ("vllm serve /data${SET:+/with}/Qwen3-8B", "/data/with/Qwen3-8B"),
    ],
)
def test_variables_of_compose_are_replaced_as_compose_does_it(command: str, model: str) -> None:
    assert service(converted(compose(command), SET="/data/set"))["model"] == model


def test_a_token_from_the_shell_around_compose_belongs_into_a_secret() -> None:
    conversion = converted(compose("vllm serve /data/Qwen3-8B", "HF_TOKEN=${HF_TOKEN}"))

    assert "env" not in service(conversion)
    assert "create a Secret" in said(conversion, "dropped")["HF_TOKEN"]
