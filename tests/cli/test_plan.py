"""`ascend-vllm plan`: the steps of an update, as text, JSON and markdown."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import GOLDEN, Console, Done

STACK = """\
config:
  ascend-vllm:cluster:
    context: prod
    pools:
      snt9b: {{nodes: {nodes}, npusPerNode: 8, npuMemory: 64Gi}}
  ascend-vllm:services:
    qwen2-72b: {{image: 'a:6.3.{tag}', model: /m/Qwen2-72B-Instruct, npus: 8, engine: {{maxModelLen: 4096}}}}
    summary: {{image: 'a:6.3.912', model: /m/Qwen2-72B-Instruct, npus: 4, replicas: {replicas},
      engine: {{maxModelLen: 4096}}}}
"""


def write(directory: Path, name: str = "full", *, nodes: int = 2, tag: int = 912, replicas: int = 2) -> Path:
    file = directory / f"Pulumi.{name}.yaml"
    file.write_text(STACK.format(nodes=nodes, tag=tag, replicas=replicas), encoding="utf-8")
    return file


def commit(directory: Path) -> None:
    for command in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a"]):
        subprocess.run(["git", *command], cwd=directory, check=True)


@pytest.fixture
def before(project: Path) -> str:
    """A stack file of what runs, outside the project's stacks."""
    directory = project / "before"
    directory.mkdir()
    return str(write(directory).relative_to(project))


@pytest.mark.parametrize(
    ("form", "golden_file"), [("text", "plan.txt"), ("json", "plan.json"), ("markdown", "plan.md")]
)
def test_the_steps_of_an_update_are_shown(
    project: Path, console: Console, golden: Callable[[Path, str], None], before: str, form: str, golden_file: str
) -> None:
    write(project, nodes=3, tag=913, replicas=3)

    done = console("plan", "full", "--from", before, "--format", form)

    assert (done.code, done.err) == (0, "")
    golden(GOLDEN / golden_file, done.out)


BESIDE = """\
config:
  ascend-vllm:cluster: {{context: prod, pools: {{snt9b: {{nodes: {nodes}, npusPerNode: 8, npuMemory: 64Gi}}}}}}
  ascend-vllm:services:
    qwen:
      image: 'a:6.3.{tag}'
      model: /m/Qwen2-72B-Instruct
      npus: 8
      engine: {{maxModelLen: 4096{engine}}}
      update: compare
    summary: {{image: 'a:6.3.912', model: /m/Qwen2-7B-Instruct, replicas: 4, engine: {{maxModelLen: 4096}}}}
"""


def write_beside(project: Path, tag: int, nodes: int = 2, engine: str = "") -> None:
    text = BESIDE.format(tag=tag, nodes=nodes, engine=engine)
    (project / "Pulumi.beside.yaml").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("form", "golden_file"),
    [("text", "plan_beside.txt"), ("json", "plan_beside.json"), ("markdown", "plan_beside.md")],
)
def test_the_next_launch_is_compared_before_the_switch(
    project: Path, console: Console, golden: Callable[[Path, str], None], form: str, golden_file: str
) -> None:
    write_beside(project, tag=912, nodes=3)
    commit(project)
    write_beside(project, tag=913, nodes=3)

    done = console("plan", "beside", "--from", "HEAD", "--format", form)

    assert done.code == 0
    golden(GOLDEN / golden_file, done.out.replace(done.err.split("(")[1].split(")")[0], "REVISION"))


def test_a_next_launch_without_room_is_refused_with_the_missing_npus(project: Path, console: Console) -> None:
    write_beside(project, tag=912)
    commit(project)
    write_beside(project, tag=913)

    done = console("plan", "beside", "--from", "HEAD")

    assert done.code == 1
    assert " ".join(done.out.split()) == (
        "no plan: 1 NPU is missing on the nodes for qwen-next beside qwen (update: compare)"
    )


def test_a_next_launch_that_clients_would_notice_is_refused(project: Path, console: Console) -> None:
    write_beside(project, tag=912, nodes=3)
    commit(project)
    write_beside(project, tag=913, nodes=3, engine=", servedModelName: other")

    done = console("plan", "beside", "--from", "HEAD")

    assert done.code == 1
    assert "qwen-next cannot answer the requests to qwen: qwen serves the model /m/Qwen2-72B-Instruct" in done.err
    assert "fix: keep what clients use, or remove services.qwen.update" in done.err


def test_every_line_of_the_text_fits_80_columns(project: Path, console: Console, before: str) -> None:
    write(project, tag=913)

    assert max(map(len, console("plan", "full", "--from", before).out.splitlines())) <= 80


def test_an_update_that_starts_no_pod_has_no_steps(project: Path, console: Console, before: str) -> None:
    write(project)

    done = console("plan", "full", "--from", before)

    assert (done.code, done.out) == (0, "no pods start or end, so there are no steps\n")


def test_the_plan_begins_with_a_revision(project: Path, console: Console) -> None:
    write(project)
    commit(project)
    write(project, nodes=4, tag=913)

    done = console("plan", "full", "--from", "HEAD", "--format", "json")

    document = json.loads(done.out)
    assert done.err.startswith("from HEAD (")
    assert [step["does"] for step in document["steps"]] == ["update"]
    assert document["downtimeSeconds"] == {}


def test_a_stack_that_the_revision_does_not_have_is_started(project: Path, console: Console) -> None:
    commit(project)
    write(project)

    document = json.loads(console("plan", "full", "--from", "HEAD", "--format", "json").out)

    assert [step["does"] for step in document["steps"]] == ["start", "start"]


def test_a_stack_with_errors_is_not_planned(project: Path, console: Console, before: str) -> None:
    file = write(project)
    file.write_text(file.read_text("utf-8").replace("npus: 8", "npus: 7"), encoding="utf-8")

    done = console("plan", "full", "--from", before)

    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: pulumi up refuses full: ")
    assert done.err.endswith("fix: run ascend-vllm check full\n")


@pytest.mark.parametrize("form", ["text", "json", "markdown"])
def test_the_number_of_missing_npus_is_reported(project: Path, console: Console, before: str, form: str) -> None:
    write(project, replicas=3)

    done = console("plan", "full", "--from", before, "--format", form)

    assert done.code == 1
    if form == "json":
        assert json.loads(done.out)["missingNpus"] == 4
    else:
        assert "no plan: 4 NPUs are missing on the nodes" in done.out


def test_without_pools_nothing_can_be_planned(project: Path, console: Console) -> None:
    done = console("plan", "good", "--from", "Pulumi.good.yaml")

    assert done.code == 2
    assert "cluster.pools" in done.err


def test_pods_that_run_on_nodes_that_are_no_longer_in_the_pools_are_reported(
    project: Path, console: Console, before: str
) -> None:
    write(project, nodes=1, replicas=0)

    done = console("plan", "full", "--from", before)

    assert done.code == 1
    assert "pods that run do not fit on the pools of full: summary" in done.err


def test_standard_input_is_compared_with_a_file_only(console: Console, project: Path, before: str) -> None:
    text = write(project, nodes=3, tag=913).read_bytes()

    assert console("plan", "-", stdin=text).code == 2
    assert "update qwen2-72b" in console("plan", "-", "--from", before, stdin=text).out


def test_services_of_the_revision_with_schema_errors_are_reported(project: Path, console: Console) -> None:
    write(project)

    done = console("plan", "full", "--from", "Pulumi.bad.yaml")

    assert done.code == 3
    assert "schema errors: 千问" in done.err


def test_a_file_that_cannot_be_read_is_not_a_stack_without_services(project: Path, console: Console) -> None:
    write(project)
    (project / "broken.yaml").write_text("{", encoding="utf-8")

    answer = console("plan", "full", "--from", "broken.yaml")

    assert answer.code == 3
    assert "stack broken.yaml cannot be read: broken.yaml:" in answer.err


def test_a_revision_that_does_not_exist_is_reported_with_the_option_of_plan(project: Path, console: Console) -> None:
    write(project)
    commit(project)

    answer = console("plan", "full", "--from", "nowhere")

    assert answer.code == 2
    assert "name a branch, a tag or a commit with --from" in answer.err


def test_diff_says_that_steps_have_less_downtime(project: Path, console: Console) -> None:
    write(project, nodes=3)
    commit(project)
    write(project, nodes=3, tag=913)

    text = console("diff", "full", "--against", "HEAD")
    (stack,) = json.loads(console("diff", "full", "--against", "HEAD", "--format", "json").out)["stacks"]
    markdown = console("diff", "full", "--against", "HEAD", "--format", "markdown").out

    line = "in 3 steps, the downtime is 0 s instead of 22 min: ascend-vllm plan full --from HEAD"
    assert line in " ".join(text.out.split())
    assert line in markdown
    assert stack["plan"] == {"steps": 3, "downtimeSeconds": {}, "savedSeconds": 1320}


def test_diff_is_silent_if_steps_save_nothing(project: Path, console: Console) -> None:
    write(project, nodes=4)
    commit(project)
    write(project, nodes=4, tag=913)

    assert "steps" not in console("diff", "full", "--against", "HEAD").out


EXTERNAL = """\
config:
  ascend-vllm:cluster: {{context: prod, pools: {{snt9b: {{nodes: 2, npusPerNode: 8, npuMemory: 64Gi}}}}}}
  ascend-vllm:services:
    scaled: {{image: 'a:6.3.912', model: /m/Qwen2-7B-Instruct, replicas: {replicas}, engine: {{maxModelLen: 4096}}}}
    qwen: {{image: 'a:6.3.{tag}', model: /m/Qwen2-7B-Instruct, replicas: 2, engine: {{maxModelLen: 4096}}}}
"""


def plan_between(project: Path, console: Console, before: object, after: object) -> Done:
    (project / "before.yaml").write_text(EXTERNAL.format(replicas=before, tag=912), encoding="utf-8")
    (project / "after.yaml").write_text(EXTERNAL.format(replicas=after, tag=913), encoding="utf-8")
    return console("plan", "after.yaml", "--from", "before.yaml")


@pytest.mark.parametrize("number", [1, 3])
def test_replicas_that_an_autoscaler_has_set_are_known_from_the_cluster_only(
    project: Path, console: Console, number: int
) -> None:
    done = plan_between(project, console, "external", number)

    assert done.code == 1
    text = " ".join(done.err.split())
    assert f"scaled changes from replicas: external to replicas: {number}, and only the cluster knows" in text
    assert "--live, or change only replicas in a pulumi up of its own" in text


@pytest.mark.parametrize("number", [1, 3])
def test_a_service_that_an_autoscaler_will_scale_keeps_its_replicas(
    project: Path, console: Console, number: int
) -> None:
    done = plan_between(project, console, number, "external")

    assert done.code == 0, done.err
    assert "update qwen" in done.out
    assert "scaled" not in done.out
