"""The manual's objects with edits: the same pod is read from every way to write it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from convert import decoded
from tests.convert.pairs import (
    MODEL,
    PLAIN,
    START,
    cluster,
    config,
    made,
    replaced,
    rules,
    said,
    service,
    services,
)

pytestmark = pytest.mark.slow

ARGS = 'args: ["${node-path}/run_vllm.sh"]'
BASH = 'command: ["/bin/bash", "-c"]'
OBJECTS: dict[str, str] = {
    "Windows' line ends and a byte order mark": decoded(b"\xef\xbb\xbf" + config().replace("\n", "\r\n").encode()),
    "UTF-16": decoded(config().encode("utf-16")),
    "Chinese comments in GB18030": decoded(("# 推理服务\n" + config()).encode("gb18030")),
    "tabs in the place of four blanks": config().replace("    ", "\t"),
    "a tab before a comment": replaced(("imagePullPolicy: IfNotPresent", "imagePullPolicy: IfNotPresent\t# 镜像")),
    "document separators": f"---\n{config()}...\n---\n# nothing\n---\n",
    "a list": "apiVersion: v1\nkind: List\nitems:\n- " + config().replace("\n", "\n  "),
    "numbers without quotes": replaced(('"8"', "8")),
    "only limits": re.sub(r"          requests:\n.*\n", "", config()),
    "another place of the script": replaced((ARGS, 'args: ["/data/start/run_vllm.sh"]')),
    "a script that bash reads": replaced((BASH, "command: [bash]"), (ARGS, "args: [/x/run_vllm.sh]")),
    "a script that is made executable": replaced((ARGS, 'args: ["chmod +x /x/run_vllm.sh && cd /x && ./run_vllm.sh"]')),
    "a script that is sourced": replaced((ARGS, 'args: ["source /x/run_vllm.sh"]')),
    "a login shell": replaced((BASH, 'command: ["sh", "-lc"]')),
    "a command without brackets": replaced((ARGS, "args: /x/run_vllm.sh")),
    "the command in one list": replaced((BASH, 'command: ["/bin/bash", "-c", "/x/run_vllm.sh"]'), (ARGS, "")),
    "no command": replaced((BASH, ""), (ARGS, "")),
    "a script of another name": replaced((ARGS, 'args: ["/x/other.sh"]')),
    "an anchor": replaced(("labels:\n      app: infers", "labels: &all\n      app: infers")),
}


@pytest.mark.parametrize("objects", OBJECTS.values(), ids=OBJECTS.keys())
def test_the_same_pod_is_read_however_it_is_written(objects: str) -> None:
    done = made(START, objects)

    assert services(done) == {"yourapp": PLAIN}
    assert cluster(done) == {"context": "prod"}
    assert rules(done) == ["idle-npus"]


def test_a_sidecar_is_copied() -> None:
    objects = replaced(("      containers:\n", "      containers:\n      - {name: proxy, image: nginx}\n"))
    done = made(START, objects)

    assert services(done)["yourapp"] == {
        **PLAIN,
        "podTemplate": {"spec": {"containers": [{"name": "proxy", "image": "nginx"}]}},
    }


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        pytest.param(replaced((BASH, BASH), (ARGS, f'args: ["source /x/.bashrc; {START}"]')), {}, id="bash -c"),
        pytest.param(
            replaced(
                (BASH, "command: [python, -m, vllm.entrypoints.api_server]"), (ARGS, "args: [--model, M, --port=$(P)]")
            )
            .replace(", M,", f", {MODEL}, --max-model-len, '4096',")
            .replace("        resources:", "        env: [{name: P, value: '9000'}]\n        resources:"),
            {"server": {"kind": "api_server", "port": 9000}, "env": {"P": "9000"}},
            id="without a shell",
        ),
        pytest.param(
            replaced(
                (ARGS, "args:\n        - |\n          source /x/.bashrc\n          export A='b c'\n          " + START)
            ),
            {"env": {"A": "b c"}},
            id="a block of text",
        ),
    ],
)
def test_a_start_inside_the_objects_needs_no_script(objects: str, expected: dict[str, Any]) -> None:
    done = made("", objects)

    assert service(done) == {**PLAIN, **expected}


CONFIG_MAP = f"""---
apiVersion: v1
kind: ConfigMap
metadata: {{name: scripts}}
data:
  run_vllm.sh: |
    source /home/ma-user/.bashrc
    {START} --chat-template /scripts/chat.jinja
  chat.jinja: |
    {{{{ messages }}}}
"""


def test_a_script_and_a_template_in_a_config_map_are_found_where_they_are_mounted() -> None:
    objects = (
        config()
        .replace("${node-path}", "/scripts")
        .replace("hostPath:\n          path: /scripts", "configMap: {name: scripts}")
    )
    done = made("", objects + CONFIG_MAP)

    assert service(done) == {**PLAIN, "server": {"chatTemplate": {"inline": "{{ messages }}\n"}}}


def test_every_container_that_starts_a_server_becomes_a_service() -> None:
    second = config().split("      containers:\n")[1].split("      volumes:")[0].replace("${container_name}", "second")
    objects = replaced(("      volumes:\n", second + "      volumes:\n"), ("${container_name}", "first"))

    assert list(services(made(START, objects))) == ["yourapp-first", "yourapp-second"]


def test_every_deployment_becomes_a_service_of_one_stack() -> None:
    other = config().replace("yourapp", "Other_App").replace("replicas: 1", "replicas: 3")
    done = made(START, f"{config()}---\n{other}")

    assert services(done)["other-app"]["replicas"] == 3
    assert said(done, "assumed")["the name other-app"] == "instead of Other_App"
