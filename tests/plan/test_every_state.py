"""In every state of an upgrade, a service has its old objects before its step, and the new ones afterwards.

This holds for everything that a service refers to under a name: checksums, config.json, secret keys and the lock.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from models.check import check
from models.manifests import service_objects, stack_objects
from models.manifests.secrets import secret_objects
from models.service.resolve import resolve
from models.service.resolved import ResolvedService, ResolvedStack
from models.stack_file.checksums import Checksums
from models.stack_file.load import load_stack, load_text
from plan import Step, UpdatePlan
from plan.kept_values import kept_files
from plan.stack_files import text_after, text_before, undone
from plan.whole_stack_file import StackFile, read_stack_file
from review import compare
from review.stepwise import stepwise

PROJECT = "name: ascend-vllm\nruntime: python\n"
CLUSTER = {"context": "prod", "pools": {"snt9b": {"nodes": 4, "npusPerNode": 8, "npuMemory": "64Gi"}}}


@dataclass(frozen=True)
class Files:
    """A revision of a project: its stack file, and the files that models name."""

    services: dict[str, Any]
    keys: dict[str, str]
    """The secret keys of the stack."""
    named: dict[str, Any]
    """The named files, as JSON."""
    locked: dict[str, Any]

    def write(self, directory: Path) -> None:
        directory.mkdir(parents=True)
        config = {"ascend-vllm:cluster": CLUSTER, "ascend-vllm:services": self.services}
        for key, ciphertext in self.keys.items():
            config[f"ascend-vllm:{key}"] = {"secure": ciphertext}
        content = {"encryptionsalt": "v1:salt", "config": config}
        (directory / "Pulumi.yaml").write_text(PROJECT)
        (directory / "Pulumi.prod.yaml").write_text(yaml.safe_dump(content))
        if self.locked:
            lock = {"version": 1, "stacks": {"prod": self.locked}}
            (directory / "ascend-vllm.lock").write_text(yaml.safe_dump(lock))
        for name, document in self.named.items():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / name).write_text(json.dumps(document))


def weights(seed: str) -> dict[str, Any]:
    digest = hashlib.sha256(seed.encode()).hexdigest()
    return {"files": {name: {"size": 2, "sha256": digest} for name in ("config.json", "model.safetensors")}}


def facts(longest: int) -> dict[str, Any]:
    return {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "hidden_size": 3584,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "num_hidden_layers": 28,
        "intermediate_size": 18944,
        "vocab_size": 152064,
        "max_position_embeddings": longest,
    }


def entry(tag: int, npus: int = 1, **further: Any) -> dict[str, Any]:
    return {
        "image": f"registry.example.com/ascend-vllm:6.3.{tag}",
        "model": {
            "source": "/mnt/models/our-model",
            "verify": "checksums.json",
            "configJson": "facts/config.json",
        },
        "npus": npus,
        "replicas": 2,
        "engine": {"maxModelLen": 4096, "tensorParallelSize": npus},
        "server": {"apiKey": {"config": "api"}},
        "pullSecrets": [{"config": "registry"}],
        **further,
    }


def generated(seed: int) -> tuple[Files, Files]:
    """Two revisions in which the same names mean something else."""
    draw = random.Random(seed)  # noqa: S311  the revisions are the same in every run
    old: dict[str, Any] = {}
    new: dict[str, Any] = {}
    for number in range(draw.randint(2, 4)):
        name = f"s{number}"
        before, after = _fates(draw.choice([1, 2, 4]), draw)[
            draw.choice(["same", "image", "image", "number", "removed", "added", "key", "size"])
        ]
        if before:
            old[name] = before
        if after:
            new[name] = after
    keys = {"api": "v1:a1", "registry": "v1:r1", "hub": "v1:h1", "bucket": "v1:b1"}
    rotated = {key: f"v1:{key}-rotated" for key in draw.choice([["api"], ["registry"], ["api", "registry"], []])}
    named = {"checksums.json": weights("old"), "facts/config.json": facts(4096)}
    later = {
        "checksums.json": weights(draw.choice(["old", "new", "new"])),
        "facts/config.json": facts(draw.choice([4096, 8192, 8192])),
    }
    locks = draw.choice([(False, False), (False, True), (True, True)])
    lock_before = _locked(old, "1", named["checksums.json"]) if locks[0] else {}
    lock_after = _locked(new, "2", later["checksums.json"]) if locks[1] else {}
    before = Files(old, _used(keys, old), named, lock_before)
    return before, Files(new, _used({**keys, **rotated}, new), later, lock_after)


def _fates(npus: int, draw: random.Random) -> dict[str, tuple[Any, Any]]:
    """What can become of a service: its entries before and after."""
    bucket = {"S3_SECRET": {"config": "bucket"}}
    hub = {"HF_TOKEN": {"config": "hub"}}
    larger = {"maxModelLen": 4096, "tensorParallelSize": 4}
    return {
        "same": (entry(912, npus), entry(912, npus)),
        "image": (entry(912, npus), entry(913, npus)),
        "number": (entry(912, npus), entry(912, npus, replicas=draw.choice([1, 3]))),
        "removed": (entry(912, npus), None),
        "added": (None, entry(912, npus)),
        "key": (entry(912, npus, env=bucket), entry(912, npus, env=hub)),
        "size": (entry(912, npus), entry(913, 4, engine=larger)),
    }


def _used(keys: dict[str, str], services: dict[str, Any]) -> dict[str, str]:
    text = json.dumps(services)
    return {key: value for key, value in keys.items() if f'"config": "{key}"' in text}


def _locked(services: dict[str, Any], digit: str, document: Any) -> dict[str, Any]:
    checksums = Checksums.model_validate(document).sha256
    return {
        name: {
            "image": service["image"],
            "digest": f"sha256:{digit:0>64}",
            "release": "0.6.3",
            "weights": {"path": "/mnt/models/our-model", "checksums": f"sha256:{checksums}"},
        }
        for name, service in services.items()
    }


class Upgraded:
    """Two revisions on the disk, as an upgrade reads them, and the plan from one to the other."""

    def __init__(self, directory: Path, before: Files, after: Files) -> None:
        before.write(directory / "old")
        after.write(directory / "new")
        self.project = directory / "new"
        self.old: StackFile = read_stack_file("prod", directory / "old")
        self.new: StackFile = read_stack_file("prod", self.project)
        self.before = resolve(load_stack("prod", project=directory / "old"))
        self.after = resolve(load_stack("prod", project=self.project))
        for name, text in kept_files(self.old, self.new).items():
            (self.project / name).parent.mkdir(parents=True, exist_ok=True)
            (self.project / name).write_text(text)

    def steps(self) -> tuple[Step, ...]:
        plan = stepwise(self.before, self.after, compare(self.before, self.after)).plan
        assert isinstance(plan, UpdatePlan)
        return plan.steps

    def state(self, text: str) -> ResolvedStack:
        stack = resolve(load_text("prod", str(self.project / "Pulumi.prod.yaml"), text, project=self.project))
        assert check(stack).errors == ()
        return stack

    def expected(self, step: Step) -> Iterator[ResolvedService]:
        """The services of a state: each from its own revision, with the replicas of the step."""
        for name, replicas in step.state.items():
            source = self.after if replicas.is_new else self.before
            service = source.service(name) or self.before.service(name)
            assert service is not None
            yield replace(service, replicas=replicas.number)


def objects(service: ResolvedService) -> list[dict[str, Any]]:
    """The objects of a service. How its pods are replaced follows from the other services."""
    found = [deepcopy(item) for item in service_objects(service)]
    for item in found:
        if item["kind"] == "Deployment":
            del item["spec"]["strategy"]
    return found


def secret_names(stack: ResolvedStack) -> set[str]:
    return {item["metadata"]["name"] for item in secret_objects(stack)}


def assert_is_exact(upgraded: Upgraded, state: ResolvedStack, step: Step) -> None:
    expected = list(upgraded.expected(step))
    for service in expected:
        found = state.service(service.name)
        assert found is not None
        assert objects(found) == objects(service), f"{step.kind} {step.service}: {service.name}"
    needed = json.dumps([objects(service) for service in expected])
    for name in secret_names(upgraded.before) | secret_names(upgraded.after):
        if f'"{name}"' in needed:
            assert name in secret_names(state)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 120, 30))
def test_each_service_has_the_objects_of_one_of_both_revisions(tmp_path: Path, first: int) -> None:
    steps = 0
    for seed in range(first, first + 30):
        upgraded = Upgraded(tmp_path / str(seed), *generated(seed))
        before: Step | None = None
        for step in upgraded.steps():
            state = upgraded.state(text_after(upgraded.old, upgraded.new, step))
            assert_is_exact(upgraded, state, step)
            if before is not None:
                back = undone(step, before)
                assert_is_exact(upgraded, upgraded.state(text_after(upgraded.old, upgraded.new, back)), back)
            before = step
            steps += 1
        start = upgraded.state(text_before(upgraded.old, upgraded.new))
        assert list(stack_objects(start)) == list(stack_objects(upgraded.before))
    assert steps > 30


def test_a_state_has_both_values_of_a_secret_key_and_both_texts_of_a_file(tmp_path: Path) -> None:
    """`a` is updated first. `b` still verifies the old weights, and still has the old API key."""
    old = {"a": entry(912), "b": entry(912)}
    new = {"a": entry(913), "b": entry(913)}
    keys = {"api": "v1:a1", "registry": "v1:r1"}
    before = Files(old, keys, {"checksums.json": weights("old"), "facts/config.json": facts(4096)}, {})
    after = Files(
        new, {**keys, "api": "v1:a2"}, {"checksums.json": weights("new"), "facts/config.json": facts(8192)}, {}
    )
    upgraded = Upgraded(tmp_path, before, after)
    first = upgraded.steps()[0]

    state = upgraded.state(text_after(upgraded.old, upgraded.new, first))

    assert_is_exact(upgraded, state, first)
    assert secret_names(state) == secret_names(upgraded.before) | secret_names(upgraded.after)
    assert len(secret_names(state)) == 3
    files = json.loads((upgraded.project / next(iter(kept_files(upgraded.old, upgraded.new)))).read_text())
    assert files == weights("old")


def test_a_file_that_the_wanted_stack_no_longer_has_is_kept(tmp_path: Path) -> None:
    old = {"a": entry(912), "b": entry(912)}
    new = {
        "a": entry(913, model="/mnt/models/Qwen2-7B-Instruct"),
        "b": entry(913, model="/mnt/models/Qwen2-7B-Instruct"),
    }
    keys = {"api": "v1:a1", "registry": "v1:r1"}
    named = {"checksums.json": weights("old"), "facts/config.json": facts(4096)}
    upgraded = Upgraded(tmp_path, Files(old, keys, named, {}), Files(new, keys, {}, {}))

    for step in upgraded.steps():
        assert_is_exact(upgraded, upgraded.state(text_after(upgraded.old, upgraded.new, step)), step)


def test_a_key_stays_until_no_service_needs_it_and_one_comes_when_a_service_needs_it(tmp_path: Path) -> None:
    keys = {"api": "v1:a1", "registry": "v1:r1", "was": "v1:w1"}
    old = {"a": entry(912), "b": entry(912, server={"apiKey": {"config": "was"}})}
    new = {"a": entry(913), "b": entry(913, server={"apiKey": {"config": "will"}})}
    named = {"checksums.json": weights("old"), "facts/config.json": facts(4096)}
    after = {"api": "v1:a1", "registry": "v1:r1", "will": "v1:w2"}
    upgraded = Upgraded(tmp_path, Files(old, keys, named, {}), Files(new, after, named, {}))

    configs = []
    for step in upgraded.steps():
        text = text_after(upgraded.old, upgraded.new, step)
        upgraded.state(text)
        configs.append(yaml.safe_load(text)["config"])

    assert ["ascend-vllm:was" in config for config in configs] == [True, False]
    assert ["ascend-vllm:will" in config for config in configs] == [False, True]
