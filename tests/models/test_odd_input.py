"""Odd stack files: every one ends quickly, with findings and without a traceback."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from models.check import check
from models.report import report_text
from models.service.resolve import resolve
from models.stack_file.load import load_text

pytestmark = pytest.mark.slow

SERVICE = """config:
  ascend-vllm:cluster: {context: prod}
  ascend-vllm:services:
    qwen:
      image: registry.example.com/ascend-vllm:6.3.912
      model: /mnt/models/Qwen2-7B-Instruct
      engine: {maxModelLen: 4096}
"""
MEGABYTE = 1_000_000

CPU_SECONDS = 30
"""Generous for a start of Python and all files of a test. A quadratic search takes minutes."""


def report(text: str, directory: Path = Path()) -> str:
    """The report of `check` on the text of a stack file."""
    return report_text(check(resolve(load_text("odd", str(directory / "Pulumi.odd.yaml"), text))))


def rules(text: str, directory: Path = Path()) -> set[str]:
    """The rules of the findings of `check`."""
    return {
        finding.rule for finding in check(resolve(load_text("odd", str(directory / "Pulumi.odd.yaml"), text))).findings
    }


def service_with(line: str) -> str:
    return f"{SERVICE}      {line}\n"


def megabyte_of(text: str) -> str:
    return (text * (MEGABYTE // len(text)))[: MEGABYTE - 1_000]


@pytest.mark.parametrize("digits", ["9" * 5_000, f"-{'9' * 5_000}", "1_" * 5_000 + "1", "0x" + "f" * 5_000])
@pytest.mark.parametrize(
    "line", ["replicas: {}", "replicas: !!int {}", "env: {{A: {}}}", "engine: {{maxModelLen: {}}}"]
)
def test_an_integer_of_any_length_is_a_finding_or_a_text(line: str, digits: str) -> None:
    assert "1 service: " in report(service_with(line.format(digits)))


@pytest.mark.parametrize("line", ["resources: {memory: '#Gi'}", "startup: '#m'", "visibleDevices: '#'"])
def test_a_number_with_too_many_digits_is_refused_in_words_of_the_key(line: str) -> None:
    found = report(service_with(line.replace("#", "9" * 5_000)))

    assert found.startswith("error[bad-value]: ")
    assert "4300" not in found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("#" * (1 << 20) + "\n", "the file has more than 1048576 bytes"),
        ("".join(f"k{number}: 1\n" for number in range(90_000)), "the file has more than 15000 keys and values"),
        (f"a: &a {'a' * 600_000}\nb: *a\n", "have more than 1048576 characters"),
        (f"a: &a {'a' * 600_000}\n? *a\n: 1\n", "a key has 600000 characters; it may have 1024"),
    ],
)
def test_a_file_that_is_too_large_is_one_finding_with_the_bound(text: str, message: str) -> None:
    found = report(text)

    assert found.startswith("error[stack-size]: ")
    assert message in found
    assert "0 services: 1 error, " in found


def test_comments_do_not_count_for_the_size() -> None:
    comments = "# password: x\n" * 60_000

    assert report(comments + SERVICE).startswith("1 service: 0 errors, 0 warnings")


def test_a_stack_of_too_many_services_is_one_finding() -> None:
    services = "".join(f"    s{number}: {{}}\n" for number in range(1_001))
    text = SERVICE.partition("    qwen:")[0] + services

    assert "the stack has 1001 services; it may have 500" in report(text)
    assert rules(text) == {"stack-size"}


@pytest.mark.parametrize("nodes", [5_001, 10**9])
def test_pools_with_more_nodes_than_a_cluster_has_are_one_finding(nodes: int) -> None:
    other = "{nodes: 1, npusPerNode: 8, npuMemory: 64Gi}"
    pools = f"{{snt9b: {{nodes: {nodes}, npusPerNode: 8, npuMemory: 64Gi}}, other: {other}}}"
    text = SERVICE.replace("{context: prod}", f"{{context: prod, pools: {pools}}}")

    assert f"the pools have {nodes + 1} nodes; they may have 5000" in report(text)
    assert rules(text) == {"stack-size"}


def test_a_stack_of_too_many_pods_is_one_finding() -> None:
    head, _, service = SERVICE.partition("    qwen:")
    services = "".join(f"    s{number}:{service}      replicas: 10000\n" for number in range(11))

    assert "the stack has 110000 pods; it may have 100000" in report(head + services)
    assert rules(head + services) == {"stack-size"}


def test_a_cluster_that_contradicts_itself_is_a_finding_and_its_services_are_read() -> None:
    cluster = "{context: prod, queues: {default: {npus: 1, create: true}}}"
    found = report(SERVICE.replace("{context: prod}", cluster))
    without_seccomp = report(SERVICE.replace("{context: prod}", cluster.replace("prod", "prod, seccomp: none")))

    assert "queue default belongs to Volcano" in found
    assert "1 service: 1 error" in found
    assert "must be RuntimeDefault or Unconfined" in without_seccomp
    assert "1 service: 1 error" in without_seccomp


def test_many_findings_are_cut_and_the_stack_is_still_refused() -> None:
    passwords = "".join(f"        PASSWORD_{number}: a1b2c3d4\n" for number in range(3_000))
    found = report(f"{SERVICE}      env:\n{passwords}")

    assert "the stack has more than 1000 findings, and the others are not shown" in found
    assert "1 service: 1 error, 1000 warnings" in found


def test_nothing_of_a_service_with_too_many_findings_is_accepted() -> None:
    passwords = "".join(f"        PASSWORD_{number}: a1b2c3d4\n" for number in range(1_001))
    found = report(f"{SERVICE}      accept: {{secret-in-env: known}}\n      env:\n{passwords}")

    assert "1 service: 1 error, 1000 warnings, 0 accepted" in found


def test_services_after_many_wrong_ones_are_not_read() -> None:
    services = "".join(f"    S{number}: 1\n" for number in range(400))
    found = report(SERVICE.partition("    qwen:")[0] + services)

    assert "services from S250 on are not read after 500 findings" in found


@pytest.mark.slow
def test_a_path_is_as_long_as_linux_opens_it() -> None:
    """The prefixes of a path with 200,000 parts take all memory."""
    deep = "/a" * 200_000

    assert rules(SERVICE.replace("/mnt/models/Qwen2-7B-Instruct", deep)) == {"bad-value"}
    assert rules(service_with(f"podTemplate: {{spec: {{volumes: [{{name: a, hostPath: {{path: {deep}}}}}]}}}}")) == {
        "host-path"
    }


@pytest.mark.slow
def test_a_very_long_path_is_a_finding_that_does_not_show_it() -> None:
    path = "/" + "a/" * 400_000
    found = report(service_with(f"podTemplate: {{spec: {{volumes: [{{name: a, hostPath: {{path: {path}}}}}]}}}}"))

    assert "the value is too long to be shown" in found
    assert len(found) < 10_000


def test_a_line_that_is_too_long_has_a_position_and_no_excerpt() -> None:
    found = report(service_with("x: " + "a" * 5_000))

    assert "Pulumi.odd.yaml:8:7   qwen · x" in found
    assert "a" * 100 not in found


def test_what_is_not_yaml_is_never_shown() -> None:
    found = report("root:*:20228:0:99999:7:::\nconfig: {\n")

    assert "error[yaml-syntax]" in found
    assert "20228" not in found


@pytest.mark.parametrize("key", ["ascend-vllm:base: {}", "ascend-vllm:services: {{q: {{model: {{verify: {}}}}}}}"])
def test_a_pipe_is_a_finding_and_nobody_waits_for_it(key: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    text = "config:\n  ascend-vllm:cluster: {context: prod}\n  " + key.format("pipe") + "\n"

    assert rules(text, tmp_path)


def test_a_pipe_with_checksums_is_a_finding(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    model = "model: {source: /mnt/models/Qwen2-7B-Instruct, verify: pipe}"
    found = report(SERVICE.replace("model: /mnt/models/Qwen2-7B-Instruct", model), tmp_path)

    assert "pipe cannot be read: it is a pipe or a device, not a file" in found


@pytest.mark.parametrize("byte", ["\0", "\ufeff", "\u0085", "\u2028", "\x1b", "\udcff", "\r", "\t", "\x7f"])
@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "{}: 1\n",
        "config: {}\n",
        "a: '{}'\n",
        SERVICE + "{}",
        SERVICE + '      "{}": 1\n',
        SERVICE + "    {}: {{}}\n",
    ],
)
def test_a_strange_character_anywhere_is_no_traceback(text: str, byte: str) -> None:
    odd = text.replace("{}", byte) if "{}" in text else text

    assert "0 accepted" in report(odd)


SHAPES = (
    "password:",
    "password=",
    "--token ",
    "http://u:p",
    "-----BEGIN PRIVATE KEY-----",
    "QUJD",
    "docker login -p",
    "curl -u a:",
    '\\"password\\":\\"',
    "{% token=",
    "a.",
    "a:b1@",
    "/hooks/a/",
    "['",
    "echo a|",
    "a b1c2d3e4 ",
    "\u2028",
    "密码是",
    "f('a', '",
)
"""Texts that a search for credentials might read again and again."""


def many(item: str, count: int) -> str:
    """A list or mapping of many items, with their number in the place of `#`."""
    return ", ".join(item.replace("#", str(number)) for number in range(count))


def pod(fields: str) -> str:
    return service_with(f"podTemplate: {{spec: {{{fields}}}}}")


DEEP = "/a" * 2_000
PARTS = (
    pod(f"containers: [{many('{}', 9_900)}]"),
    pod(many("tolerationz#: 1", 9_900)),
    pod(
        f"volumes: [{many('{name: a#, hostPath: {path: /etc}}', 1_400)}], "
        f"containers: [{{name: a, image: 'a:1', volumeMounts: [{many('{name: a#, mountPath: /a#}', 1_900)}]}}]"
    ),
    pod(f"volumes: [{many(f'{{name: a#, hostPath: {{path: /#{DEEP}}}}}', 240)}]"),
    service_with(f"graph: eager\n      lora: {{adapters: {{{many(f'a#: /#{DEEP}', 240)}}}}}"),
    service_with(f"graph: eager\n      lora: {{adapters: {{{many('a#: /etc/#', 9_900)}}}}}"),
    service_with(f"env: {{{many('VLLM_NAME_#: x', 9_900)}}}"),
    "config:\n  ascend-vllm:cluster: {context: prod}\n  ascend-vllm:services:\n"
    + "".join(f"    s{number}: {{resources: {{memory: '0.{'1' * 4_000}'}}}}\n" for number in range(200)),
    service_with(f"env: {{A: 'https://u:p4ssw0rd@h/ {'x' * 900_000}'}}"),
    service_with(f"env: {{A: '{'x' * 900_000} https://u:p4ssw0rd@h/'}}"),
)
"""Services with as many parts of a kind as a file may have, for comparisons of each part with each other."""


@pytest.mark.slow
def test_many_parts_of_one_kind_take_seconds(tmp_path: Path) -> None:
    files = []
    for number, text in enumerate(PARTS):
        file = tmp_path / f"{number}.yaml"
        file.write_text(text, encoding="utf-8")
        files.append(str(file))

    check_within_seconds(files)


@pytest.mark.slow
def test_a_megabyte_of_any_shape_takes_seconds(tmp_path: Path) -> None:
    files = []
    for number, shape in enumerate(SHAPES):
        for place, text in (
            ("value", service_with(f'env: {{A: "{megabyte_of(shape)}"}}')),
            ("broken", f"{SERVICE}    x: [\n  {megabyte_of(shape)}\n"),
        ):
            file = tmp_path / f"{place}-{number}.yaml"
            file.write_text(text, encoding="utf-8")
            files.append(str(file))

    check_within_seconds(files)


def check_within_seconds(files: list[str]) -> None:
    """Run `check` on files with findings, within a limit of processor time."""
    done = subprocess.run(
        [sys.executable, "-m", "cli", "check", *files, "--format", "concise"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS)),
        capture_output=True,
        check=False,
    )

    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
