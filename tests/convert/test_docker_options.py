"""Options of `docker run` and keys of Compose that no key of the stack file stands for, and files of variables."""

from __future__ import annotations

import pytest

from convert import Conversion, File, Options, convert_files
from convert.docker.reasons import reason_of
from tests.convert.pairs import places, said, service
from tests.convert.test_vllm_serve import IMAGE

SERVE = "vllm serve /data/Qwen3-8B --max-model-len 4096"
OF_DOCKER = """
add-host annotation attach blkio-weight blkio-weight-device cap-add cap-drop cgroup-parent cgroupns cidfile cpu-count
cpu-percent cpu-period cpu-quota cpu-rt-period cpu-rt-runtime cpu-shares cpuset-cpus cpuset-mems detach detach-keys
device-cgroup-rule device-read-bps device-read-iops device-write-bps device-write-iops disable-content-trust dns
dns-option dns-search domainname expose gpus group-add health-cmd health-interval health-retries health-start-interval
health-start-period health-timeout hostname init interactive ip ip6 ipc isolation kernel-memory label-file link
link-local-ip log-driver log-opt mac-address memory-reservation memory-swap memory-swappiness network network-alias
no-healthcheck oom-kill-disable oom-score-adj pid pids-limit platform privileged publish publish-all pull quiet restart
rm runtime security-opt sig-proxy stop-signal stop-timeout storage-opt sysctl tmpfs tty ulimit use-api-socket userns uts
volume-driver volumes-from workdir
"""
OF_COMPOSE = """
annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent configs cpu_count cpu_percent cpu_period
cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpuset credential_spec depends_on develop device_cgroup_rules dns
dns_opt dns_search domainname extends external_links gpus group_add healthcheck hostname init ipc isolation label_file
links logging mac_address mem_reservation mem_swappiness memswap_limit models network_mode networks oom_kill_disable
oom_score_adj pid pids_limit platform post_start pre_stop privileged profiles provider pull_policy restart runtime
secrets security_opt stdin_open stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits use_api_socket
userns_mode uts volumes_from working_dir
"""


def converted(*files: tuple[str, str], **filled: str) -> Conversion:
    return convert_files([File(name, text) for name, text in files], Options(context="prod", filled=filled))


def docker_run(options: str) -> Conversion:
    return converted(("run.sh", f"docker run -d --name q {options} {IMAGE} {SERVE}\n"))


def compose(lines: str, *others: tuple[str, str]) -> Conversion:
    text = f"services:\n  q:\n    image: {IMAGE}\n    command: {SERVE}\n"
    return converted(("compose.yaml", text + "".join(f"    {line}\n" for line in lines.splitlines())), *others)


@pytest.mark.parametrize("option", [*OF_DOCKER.split(), *OF_COMPOSE.split()])
def test_each_option_has_a_reason_of_its_own(option: str) -> None:
    reason = reason_of(option)

    assert reason is None or "convert does not know it" not in reason.why


@pytest.mark.parametrize(
    ("option", "kind", "why"),
    [
        ("--ulimit memlock=-1", "dropped", "those of the container runtime on the node count"),
        ("--workdir /workspace", "dropped", "write absolute paths"),
        ("-w /workspace", "dropped", "write absolute paths"),
        ("--cpuset-cpus 0-31", "dropped", "resources.cpu"),
        ("--stop-timeout=60", "replaced", "drain"),
        ("-P", "replaced", "a Service in front of the pods"),
        ("--surprise 1", "dropped", "convert does not know it"),
        ("-u HwHiAiUser", "dropped", "runAsUser is a number"),
    ],
)
def test_an_option_of_docker_run_is_noted_with_its_reason(option: str, kind: str, why: str) -> None:
    conversion = docker_run(option)

    assert service(conversion)["model"] == "/data/Qwen3-8B"
    assert any(why in reason for reason in said(conversion, kind).values())
    assert conversion.loses is (kind == "dropped")


@pytest.mark.parametrize(
    ("lines", "subject", "why"),
    [
        ("ulimits: {memlock: -1}", "ulimits", "Kubernetes has no such limits"),
        ("depends_on: [redis]", "depends_on", "start at the same time"),
        ("extends: {file: base.yaml, service: q}", "extends", "docker compose config"),
        ("deploy: {placement: {constraints: [a]}}", "deploy.placement", "cluster.pools"),
        ("working_dir: /app", "working_dir", "write absolute paths"),
    ],
)
def test_a_key_of_compose_is_noted_on_its_line(lines: str, subject: str, why: str) -> None:
    conversion = compose(lines)

    assert why in said(conversion, "dropped")[subject]
    assert places(conversion)[subject] == "compose.yaml:5"


def test_further_names_of_addresses_are_host_aliases() -> None:
    expected = [{"ip": "10.0.0.1", "hostnames": ["a", "b"]}]
    of_docker = docker_run("--add-host a:10.0.0.1 --add-host b=10.0.0.1 --add-host c:host-gateway")
    of_compose = compose('extra_hosts: ["a:10.0.0.1", "b=10.0.0.1"]')

    assert service(of_docker)["podTemplate"]["spec"]["hostAliases"] == expected
    assert service(of_compose)["podTemplate"]["spec"]["hostAliases"] == expected
    assert "write podTemplate.spec.hostAliases" in said(of_docker, "dropped")["the host c"]


VARIABLES = "# of the team\nHCCL_BUFFSIZE='512'\nexport OMP_NUM_THREADS=8 # of a pod\nHF_TOKEN=our-own-password\n"


@pytest.mark.parametrize("lines", ["env_file: team.env", "env_file: [team.env]", "env_file:\n  - path: ./team.env"])
def test_the_variables_of_an_env_file_are_those_of_the_container(lines: str) -> None:
    conversion = compose(f"environment: {{OMP_NUM_THREADS: 4}}\n{lines}", ("team.env", VARIABLES))

    assert service(conversion)["env"] == {"HCCL_BUFFSIZE": "512", "OMP_NUM_THREADS": "4"}
    assert places(conversion)["HF_TOKEN"] == "team.env:4"
    assert "our-own-password" not in conversion.text + str(conversion.notes)


def test_docker_run_reads_the_variables_of_a_file() -> None:
    conversion = converted(("run.sh", f"docker run --env-file team.env {IMAGE} {SERVE}\n"), ("team.env", VARIABLES))

    assert service(conversion)["env"] == {"HCCL_BUFFSIZE": "512", "OMP_NUM_THREADS": "8"}


def test_an_env_file_that_is_not_among_the_files_is_lost() -> None:
    assert "name it on the command line too" in said(compose("env_file: team.env"), "dropped")["env_file"]


def test_compose_fills_in_values_of_its_env_file() -> None:
    conversion = compose("shm_size: ${SIZE}\nenvironment: {A: $HF_TOKEN}", (".env", f"{VARIABLES}SIZE=4g\n"))

    assert service(conversion)["resources"] == {"shm": "4Gi"}
    assert "our-own-password" not in conversion.text


@pytest.mark.parametrize("line", ["set -a; source team.env; set +a", "set -o allexport\n. ./team.env"])
def test_a_script_exports_the_variables_of_a_file(line: str) -> None:
    conversion = converted(("run.sh", f"{line}\n{SERVE}\n"), ("team.env", VARIABLES), image=IMAGE)

    assert service(conversion)["env"] == {"HCCL_BUFFSIZE": "512", "OMP_NUM_THREADS": "8"}


def test_a_unit_of_systemd_has_the_variables_of_its_file() -> None:
    unit = f"[Service]\nEnvironmentFile=-/etc/team.env\nExecStart=/usr/bin/{SERVE}\n"
    conversion = converted(("vllm.service", unit), ("team.env", VARIABLES), image=IMAGE)

    assert service(conversion)["env"] == {"HCCL_BUFFSIZE": "512", "OMP_NUM_THREADS": "8"}
    assert "name it" in said(converted(("vllm.service", unit), image=IMAGE), "dropped")["EnvironmentFile /etc/team.env"]
