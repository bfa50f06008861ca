"""The stack files of the steps, and the file with the progress."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from models.check import check
from models.service.resolve import resolve
from models.stack_file.load import load_stack, load_text
from plan import Step
from plan.progress import VERSION, Progress, progress_file, read_progress, write_progress
from plan.stack_files import text_after, text_before, undone
from plan.step import Replicas
from plan.whole_stack_file import StackFile, digest, read_stack_file

PROJECT = "name: ascend-vllm\nruntime: python\nconfig:\n  base: {type: string, default: services.yaml}\n"
BASE = """\
services:
  qwen:
    image: registry.example.com/ascend-vllm:6.3.912
    model: /mnt/models/Qwen2-7B-Instruct
    engine: {maxModelLen: 4096, maxNumSeqs: 64}
    rollout: recreate
  gone:
    image: registry.example.com/ascend-vllm:6.3.912
    model: /mnt/models/Qwen2-7B-Instruct
    replicas: external
    engine: {maxModelLen: 4096}
"""
STACK = """\
encryptionsalt: v1:salt
config:
  ascend-vllm:cluster: {{context: prod, kubernetes: "1.34"}}
  ascend-vllm:key: {{secure: v1:ciphertext}}
  other:value: 1
  ascend-vllm:services:
    qwen:
      image: registry.example.com/ascend-vllm:6.3.{tag}
      engine: {{maxNumSeqs: null}}
      server: {{apiKey: {{config: key}}}}
{further}
"""
STEP = Step(
    kind="update",
    service="qwen",
    before=1,
    after=2,
    way="delete first",
    peak=2,
    seconds=1,
    downtime={"qwen": 1},
    frees={},
    state={"qwen": Replicas(is_new=True, number=2), "gone": Replicas(is_new=False, number=1)},
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text(PROJECT)
    (tmp_path / "services.yaml").write_text(BASE)
    return tmp_path


def files(project: Path) -> tuple[StackFile, StackFile]:
    file = project / "Pulumi.prod.yaml"
    file.write_text(STACK.format(tag=912, further=""))
    old = read_stack_file("prod", project)
    file.write_text(STACK.format(tag=913, further="    gone: null"))
    return old, read_stack_file("prod", project)


def test_the_stack_file_of_a_step_has_its_services_whole_and_everything_else_of_the_wanted_one(project: Path) -> None:
    old, new = files(project)

    content = yaml.safe_load(text_after(old, new, STEP))

    config = content["config"]
    assert content["encryptionsalt"] == "v1:salt"
    assert config["ascend-vllm:key"] == {"secure": "v1:ciphertext"}
    assert config["ascend-vllm:cluster"] == {"context": "prod", "kubernetes": "1.34"}
    assert config["other:value"] == 1
    assert config["ascend-vllm:base"] == ""
    services = config["ascend-vllm:services"]
    assert services["qwen"]["image"].endswith("913")
    assert services["qwen"]["replicas"] == 2
    assert services["qwen"]["rollout"] == "recreate"
    assert services["qwen"]["engine"] == {"maxModelLen": 4096}
    assert services["gone"]["replicas"] == "external"


def test_a_service_that_is_stopped_for_a_while_has_no_replicas_and_one_that_is_deleted_is_not_in_the_file(
    project: Path,
) -> None:
    old, new = files(project)
    stopped = replace(STEP, kind="stop", way="", state={})

    services = yaml.safe_load(text_after(old, new, stopped))["config"]["ascend-vllm:services"]

    assert set(services) == {"qwen"}
    assert services["qwen"]["replicas"] == 0


@pytest.mark.parametrize(
    ("way", "rollout"),
    [
        ("additional pod", {"kind": "rollingUpdate", "maxSurge": 1, "maxUnavailable": 0}),
        ("one by one", {"kind": "rollingUpdate", "maxSurge": 0, "maxUnavailable": 1}),
        ("delete first", "recreate"),
    ],
)
def test_only_the_service_that_is_updated_has_a_rollout(project: Path, way: str, rollout: object) -> None:
    old, new = files(project)
    free = replace(new, services={**new.services, "qwen": {**new.services["qwen"], "rollout": None}})

    services = yaml.safe_load(text_after(old, free, replace(STEP, way=way)))["config"]["ascend-vllm:services"]

    assert services["qwen"]["rollout"] == rollout
    assert "rollout" not in services["gone"]


def test_check_accepts_the_file_of_a_step_in_place_of_the_stacks_own(project: Path) -> None:
    old, new = files(project)
    (project / "Pulumi.prod.yaml").write_text(text_after(old, new, STEP))

    assert check(resolve(load_stack("prod", project=project))).errors == ()


def test_the_digest_tells_every_change_of_either_file(project: Path) -> None:
    old, new = files(project)
    changed = replace(new, services={**new.services, "more": {}})

    assert digest(old, new) == digest(*files(project))
    assert len({digest(old, new), digest(new, new), digest(old, changed), digest(changed, old)}) == 4


def progress(**values: Any) -> Progress:
    return Progress(
        version=VERSION, stack="prod", revision="1a2b", digest="d", steps=(STEP,), before={"qwen": 1}, **values
    )


def test_what_pulumi_itself_writes_is_no_change_of_a_stack_file(project: Path) -> None:
    old, new = files(project)
    salted = replace(new, content={**new.content, "encryptionsalt": "v1:abc"})

    assert digest(old, salted) == digest(old, new)


def test_the_progress_survives_in_a_file(tmp_path: Path) -> None:
    file = progress_file(tmp_path, "prod")

    assert read_progress(file) is None
    write_progress(file, progress(done=1, target=2, update="2026-11-30T03:36:20.000Z"))

    assert read_progress(file) == progress(done=1, target=2, update="2026-11-30T03:36:20.000Z")
    assert [path.name for path in tmp_path.iterdir()] == ["Pulumi.prod.upgrade.json"]


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"version": 1}', json.dumps({"steps": 1})])
def test_another_file_is_no_progress(tmp_path: Path, text: str) -> None:
    file = tmp_path / "Pulumi.prod.upgrade.json"
    file.write_text(text)

    with pytest.raises(ValueError, match="not the progress of an upgrade"):
        read_progress(file)


def test_the_replicas_of_each_moment_are_known() -> None:
    begun = progress()

    assert begun.replicas(0) == {"qwen": 1}
    assert begun.replicas(1) == {"qwen": 2, "gone": 1}
    assert begun.replicas(2) == {"qwen": 2, "gone": 1}, "the stack file itself changes no replicas"


@pytest.mark.parametrize(
    ("done", "target", "goal", "following", "is_back"),
    [
        (1, None, 3, 2, False),
        (1, 2, 3, 2, False),
        (1, 0, 3, 1, False),
        (1, None, 0, 0, True),
        (1, 0, 0, 0, True),
        (1, 2, 0, 1, True),
        (1, 2, 1, 1, True),
    ],
)
def test_a_step_that_was_interrupted_is_run_again_or_undone_first(
    done: int, target: int | None, goal: int, following: int, is_back: bool
) -> None:
    begun = progress(done=done, target=target)

    assert begun.next_target(goal) == following
    assert begun.is_back(following) == is_back


def test_before_the_first_step_the_stack_file_has_the_services_of_the_revision_whole(project: Path) -> None:
    old, new = files(project)

    config = yaml.safe_load(text_before(old, new))["config"]

    assert config["ascend-vllm:base"] == ""
    assert config["ascend-vllm:services"] == old.services


def test_the_way_back_undoes_an_update_with_the_old_version(project: Path) -> None:
    old, new = files(project)
    before = replace(STEP, state={"qwen": Replicas(is_new=False, number=1)})

    services = yaml.safe_load(text_after(old, new, undone(STEP, before)))["config"]["ascend-vllm:services"]

    assert services["qwen"]["image"].endswith("912")
    assert services["qwen"]["replicas"] == 1
    assert services["qwen"]["rollout"] == "recreate"


BESIDE = replace(
    STEP,
    kind="switch",
    way="",
    state={"qwen": Replicas(is_new=False, number=1), "qwen-next": Replicas(is_new=True, number=1)},
    companions={"qwen-next": "qwen"},
    switched=("qwen",),
)


def with_comparison(project: Path) -> tuple[StackFile, StackFile]:
    old, new = files(project)
    wanted = {**new.services["qwen"], "update": "compare", "expose": "LoadBalancer"}
    return old, replace(new, services={"qwen": wanted})


def test_after_the_switch_the_next_launch_answers_the_requests_to_the_present_one(project: Path) -> None:
    old, new = with_comparison(project)

    services = yaml.safe_load(text_after(old, new, BESIDE))["config"]["ascend-vllm:services"]

    assert services["qwen"]["image"].endswith("912")
    assert services["qwen"]["answeredBy"] == "qwen-next"
    assert services["qwen-next"]["image"].endswith("913")
    assert services["qwen-next"]["replicas"] == 1
    assert not {"update", "rollout", "expose"} & services["qwen-next"].keys()
    (project / "Pulumi.prod.yaml").write_text(text_after(old, new, BESIDE))
    assert check(resolve(load_stack("prod", project=project))).errors == ()


def test_before_the_switch_and_after_the_switch_back_the_service_answers_itself(project: Path) -> None:
    old, new = with_comparison(project)
    updated = {**BESIDE.state, "qwen": Replicas(is_new=True, number=1)}
    back = replace(BESIDE, kind="switch back", switched=(), state=updated)

    for step in (undone(BESIDE, before=replace(BESIDE, switched=())), back):
        services = yaml.safe_load(text_after(old, new, step))["config"]["ascend-vllm:services"]
        assert set(services) == {"qwen", "qwen-next"}
        assert "answeredBy" not in services["qwen"]
        assert "update" not in services["qwen"]


LOCKED = """\
version: 1
stacks:
  prod:
    qwen:
      image: registry.example.com/ascend-vllm:6.3.{tag}
      digest: sha256:{digit:0>64}
      release: 0.6.3
      weights: {{path: /mnt/models/Qwen2-7B-Instruct}}
"""


def locked_files(project: Path) -> tuple[StackFile, StackFile]:
    """The files of before and after, each with its lock file."""
    found = []
    for tag, digit in ((912, 1), (913, 2)):
        (project / "Pulumi.prod.yaml").write_text(STACK.format(tag=tag, further="    gone: null"))
        (project / "ascend-vllm.lock").write_text(LOCKED.format(tag=tag, digit=digit))
        found.append(read_stack_file("prod", project))
    old, new = found
    return old, new


def image_after(text: str) -> str:
    """The image of `qwen` in a stack file that `check` accepts."""
    stack = resolve(load_text("prod", "Pulumi.prod.yaml", text))
    assert [finding.message for finding in check(stack).errors if "lock" in finding.rule] == []
    (service,) = stack.services
    return service.image


def test_each_service_keeps_the_digest_of_the_lock_file_that_it_is_from(project: Path) -> None:
    old, new = locked_files(project)
    before = replace(STEP, kind="scale", state={"qwen": Replicas(is_new=False, number=1)})
    after = replace(STEP, state={"qwen": Replicas(is_new=True, number=2)})

    first, second = "0" * 63 + "1", "0" * 63 + "2"
    assert image_after(text_after(old, new, before)) == f"registry.example.com/ascend-vllm:6.3.912@sha256:{first}"
    assert image_after(text_after(old, new, after)) == f"registry.example.com/ascend-vllm:6.3.913@sha256:{second}"
    assert image_after(text_before(old, new)) == f"registry.example.com/ascend-vllm:6.3.912@sha256:{first}"


def test_the_next_launch_of_a_service_has_its_entry_of_the_new_lock_file(project: Path) -> None:
    old, new = locked_files(project)
    beside = {"qwen": Replicas(is_new=False, number=1), "qwen-next": Replicas(is_new=True, number=1)}
    step = replace(STEP, kind="start", service="qwen-next", state=beside, companions={"qwen-next": "qwen"})

    lock = yaml.safe_load(text_after(old, new, step))["config"]["ascend-vllm:lock"]
    assert {name: entry["image"][-3:] for name, entry in lock.items()} == {"qwen": "912", "qwen-next": "913"}


def test_a_service_that_no_lock_file_had_is_not_compared_with_one(project: Path) -> None:
    old, new = files(project)
    _, locked = locked_files(project)
    before = replace(STEP, kind="scale", state={"qwen": Replicas(is_new=False, number=1)})

    assert image_after(text_after(replace(old, lock={}), locked, before)).endswith(":6.3.912")
    assert new.lock == {}
