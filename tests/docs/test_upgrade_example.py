"""docs/upgrade-example.md: a whole upgrade with a real comparison. Pulumi and the cluster are stand-ins."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from cli.comparison.run import Pair
from cli.upgrade.comparison import NextLaunch, hold_of
from tests.cli.conftest import Console
from tests.cli.conftest import console as console  # noqa: PLC0414  a fixture
from tests.cli.deployed import Deployed
from tests.cli.test_plan import commit
from tests.client.comparison.model_server import Model, Served, serving
from tests.conftest import ROOT
from tests.docs.examples import Command, commands

PAGE = (ROOT / "docs" / "upgrade-example.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Addressed(NextLaunch):
    """A next launch whose servers are reached by addresses, as with `compare --url-a`."""

    urls: tuple[str, str] = ("", "")

    @property
    def pair(self) -> Pair:
        pair = super().pair
        a = replace(pair.a, options=replace(pair.a.options, url=self.urls[0]))
        b = replace(pair.b, options=replace(pair.b.options, url=self.urls[1]))
        return replace(pair, a=a, b=b)


@contextmanager
def both_launches(monkeypatch: pytest.MonkeyPatch, following: Model) -> Iterator[None]:
    """The servers behind the pods of both launches."""
    with serving(Served(Model())) as present, serving(Served(following)) as beside:
        urls = (present.url, beside.url)

        def compared(launch: NextLaunch) -> str:
            return hold_of(Addressed(launch.wanted, launch.stack, launch.report, urls=urls))

        monkeypatch.setattr("cli.commands.upgrade.hold_of", compared)
        yield


def shown(command: Command, console: Console) -> None:
    done = console(*command.line.split()[1:])
    assert command.matches(done.out + done.err), done.out + done.err
    assert done.code == int("error: " in command.output)


@pytest.mark.slow
def test_the_upgrade_goes_as_the_page_shows(tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: ascend-vllm\nruntime: python\n", encoding="utf-8")
    (tmp_path / "Pulumi.prod.yaml").write_text(blocks("yaml")[0], encoding="utf-8")
    commit(tmp_path)
    deployed = Deployed("prod", tmp_path)
    deployed.deploy()
    before = deployed.objects
    deployed.stand_in(monkeypatch)
    migrate, plan, held, back, until, end = [command for block in blocks("text") for command in commands(block)]

    shown(migrate, console)
    shown(plan, console)
    with both_launches(monkeypatch, Model(template="<human>{}<bot>")):
        shown(held, console)
    shown(back, console)
    assert deployed.objects == before
    stack_file = tmp_path / "Pulumi.prod.yaml"
    text = stack_file.read_text("utf-8")
    assert text.count("update: {kind: compare") == 1
    template = "server: {chatTemplate: /mnt/templates/qwen3.jinja}"
    assert template in PAGE
    stack_file.write_text(text.replace("update: {kind: compare", f"{template}\n      update: {{kind: compare"), "utf-8")
    with both_launches(monkeypatch, Model()):
        shown(until, console)
        assert deployed.answering() == "qwen-next"
        shown(end, console)

    assert deployed.answering() == "qwen"
    images = {service["image"] for service in deployed.services().values()}
    assert images == {"quay.io/ascend/vllm-ascend:v0.23.0"}
    assert "switch qwen to qwen-next (ascend-vllm upgrade " in " ".join(deployed.messages)
    assert sorted(path.name for path in tmp_path.glob("Pulumi.prod.*")) == [
        "Pulumi.prod.qwen.compare.json",
        "Pulumi.prod.yaml",
        "Pulumi.prod.yaml.0.18.0",
    ]
