"""Commands that other programs start: what is read of them, and what is lost without those programs."""

from __future__ import annotations

from typing import Any

import pytest

from convert import Conversion, ConversionError, File, Options, convert_files
from tests.convert.pairs import said, service
from tests.convert.test_vllm_serve import IMAGE, deployment

pytestmark = pytest.mark.slow

SERVE = "vllm serve /data/Qwen3-32B --max-model-len 4096 --port 8113"
LENGTH = "--max-model-len 4096"
RANKS = f"""\
COMMON=(--data-parallel-size 4 --data-parallel-size-local 2 --data-parallel-address $LWS_LEADER_ADDRESS {LENGTH})
serve() {{ vllm serve /data/DeepSeek-R1-W8A8 "${{COMMON[@]}}" "$@"; }}
"""
WORKER = '--headless --data-parallel-start-rank "$((LWS_WORKER_INDEX * 2))"'


def converted(script: str) -> Conversion:
    return convert_files([File("run.sh", script)], Options(context="prod", filled={"image": IMAGE}))


@pytest.mark.parametrize(
    "script",
    [
        f'docker exec -d npu bash -c "{SERVE}"',
        f"docker exec -it -w /vllm npu {SERVE}",
        f"kubectl exec -it -n infer qwen-0 -c vllm -- bash -c '{SERVE}'",
        f'ssh -p 22 root@10.0.0.1 "{SERVE}"',
        f'tmux new-session -d -s qwen "{SERVE}"',
        f"tmux send-keys -t qwen '{SERVE}' C-m",
        f"screen -dmS qwen bash -c 'cd /vllm; {SERVE}'",
        f'su - HwHiAiUser -c "{SERVE}"',
        f'eval "exec {SERVE} $NOTHING"',
        f"uv run {SERVE}",
        f"sudo -E -u root {SERVE}",
        f"pkill -f vllm serve\n{SERVE}",
        f"if ! {SERVE}; then echo failed; fi",
    ],
)
def test_the_command_that_a_program_starts_is_read(script: str) -> None:
    values = service(converted(script))

    assert (values["model"], values["server"]) == ("/data/Qwen3-32B", {"port": 8113})


@pytest.mark.parametrize("program", ["numactl -N 0 -m 0", "taskset -c 0-31", "nice -n -5", "timeout 3600", "mpirun"])
def test_a_program_that_changes_the_process_is_lost(program: str) -> None:
    conversion = converted(f"{program} {SERVE}")

    assert f"the command {program.split(maxsplit=1)[0]}" in said(conversion, "dropped")
    assert service(conversion)["server"] == {"port": 8113}


@pytest.mark.parametrize("run", ["docker exec -e A=1 npu", "docker compose run --rm -e A=1", "env A=1", "sudo A=1"])
def test_variables_of_the_program_are_those_of_the_server(run: str) -> None:
    assert service(converted(f"{run} {SERVE}"))["env"] == {"A": "1"}


@pytest.mark.parametrize("script", ["grep vllm serve log", 'python3 - "$F" vllm serve /m', "which vllm serve"])
def test_a_program_that_only_reads_the_words_starts_no_server(script: str) -> None:
    conversion = converted(f"{script}\n{SERVE}")

    assert service(conversion)["model"] == "/data/Qwen3-32B"


def of_ranks(script: str) -> dict[str, Any]:
    """The service of a LeaderWorkerSet of two pods with this script."""
    template = deployment(["bash", "-c", script], image="quay.io/ascend/vllm-ascend:v0.23.0-a3", npus=16)
    pods = template.replace("kind: Deployment", "kind: LeaderWorkerSet")
    pods = pods.replace("apps/v1", "leaderworkerset.x-k8s.io/v1")
    pods = pods.replace("  template:", "  leaderWorkerTemplate:\n    size: 2\n    workerTemplate:")
    lines = pods.split("\n")
    start = lines.index("    workerTemplate:") + 1
    lines[start:] = [f"  {line}" for line in lines[start:]]
    return service(convert_files([File("lws.yaml", "\n".join(lines))], Options(context="prod")))


@pytest.mark.parametrize(
    "script",
    [
        f'case "$LWS_WORKER_INDEX" in\n0) serve --port 8000 ;;\n*) serve {WORKER} ;;\nesac\n',
        f"if (( LWS_WORKER_INDEX == 0 )); then serve --port 8000; else serve {WORKER}; fi\n",
        f"if [ $((LWS_WORKER_INDEX % 2)) -eq 0 ]; then serve --port 8000; else serve {WORKER}; fi\n",
        f"R=rank-$LWS_WORKER_INDEX\n[[ ${{R##*-}} == 0 ]] && serve --port 8000 || serve {WORKER}\n",
    ],
)
def test_a_script_may_ask_for_its_pod_in_any_way(script: str) -> None:
    values = of_ranks(RANKS + script)

    assert (values["nodes"], values["npus"]) == (2, 16)
    assert values["engine"]["dataParallelSize"] == 4
    assert values["server"] == {"port": 8000}


def test_the_servers_of_a_loop_are_those_of_its_turns() -> None:
    conversion = converted("for i in 0 1; do\n  vllm serve /data/Qwen3-32B --port $((8000 + i)) &\ndone\nwait\n")

    assert service(conversion)["server"] == {"port": 8000}
    assert said(conversion, "dropped")["a second server"].endswith("server.port: 8001")


@pytest.mark.parametrize(
    "script",
    [
        f"exec -a engine {SERVE}",
        f"env -u HTTP_PROXY {SERVE}",
        f"env -S 'A=1 {SERVE}'",
        f"stdbuf -o L -e L {SERVE}",
        f"/usr/bin/tini -g -- {SERVE}",
        f"dumb-init -- {SERVE}",
        f"su-exec root {SERVE}",
        f"sh -c -- '{SERVE}'",
        f"$(which vllm) {SERVE.removeprefix('vllm ')}",
    ],
)
def test_nothing_is_lost_without_a_program_that_changes_nothing(script: str) -> None:
    conversion = converted(script)

    assert service(conversion)["server"] == {"port": 8113}
    assert said(conversion, "dropped") == {}


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (f"numactl --interleave all {SERVE}", "resources.cpu sets the CPUs of a pod"),
        (f'msprof --output=/tmp/p --application="{SERVE}"', "it observes one run"),
        (f"opentelemetry-instrument {SERVE}", "--otlp-traces-endpoint"),
        (f"timeout --signal KILL 1h {SERVE}", "without a time limit"),
        (f"gosu vllm {SERVE}", "write runAsUser: NUMBER"),
        (f"sudo -u vllm {SERVE}", "write runAsUser: NUMBER"),
    ],
)
def test_the_only_loss_is_that_of_the_program_before_the_server(script: str, why: str) -> None:
    conversion = converted(script)

    assert service(conversion)["server"] == {"port": 8113}
    (reason,) = said(conversion, "dropped").values()
    assert why in reason


@pytest.mark.parametrize(
    "launcher",
    ["torchrun --nproc-per-node 8", "accelerate launch", "deepspeed --module", "python -m torch.distributed.run"],
)
def test_a_launcher_of_pytorch_is_refused(launcher: str) -> None:
    with pytest.raises(ConversionError) as error:
        converted(f"{launcher} \\\n  -m vllm.entrypoints.openai.api_server --model /data/Qwen3-8B")

    assert "a whole server for each NPU" in error.value.message
    assert "--tensor-parallel-size" in error.value.fix


def test_programs_next_to_the_server_are_lost() -> None:
    conversion = converted(f"{SERVE} &\nPID=$!\npython warm_up.py\nnginx -c a.conf\nwait $PID\n")

    assert [*said(conversion, "dropped")] == ["the command python", "the command nginx"]


def test_commands_after_the_end_of_the_server_are_not_lost() -> None:
    assert said(converted(f"{SERVE}\npython report.py\n"), "dropped") == {}


def test_each_unknown_command_before_the_server_has_a_note() -> None:
    conversion = converted(f"python a.py\npython b.py\nmy-tool; other-tool\n{SERVE}")
    lost = [(note.subject, note.place) for note in conversion.notes if note.kind == "dropped"]

    assert lost == [
        ("the command python", "run.sh:1"),
        ("the command python", "run.sh:2"),
        ("the command my-tool", "run.sh:3"),
        ("the command other-tool", "run.sh:3"),
    ]
