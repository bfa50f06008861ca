"""A new release costs tables and its version: the steps of CONTRIBUTING.md, made with a release that does not exist."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from models.engines.vllm_ascend.tables import RELEASES, plugin_table

ROOT = Path(__file__).resolve().parents[4]
PACKAGES = ("cli", "client", "cluster", "components", "convert", "migrate", "models", "review", "sandbox")
NEW = "9.9.0"
NEWEST = RELEASES[-1]
KNOWN = [release for release in RELEASES if plugin_table(release)][-1]
KEPT_BY_HAND = ("code_places.json", "platforms.json", "request_limits.json")

STACK = """\
config:
  ascend-vllm:cluster: {context: prod}
  ascend-vllm:services:
    qwen:
      image: quay.io/ascend/vllm-ascend:vRELEASE
      model: /mnt/models/Qwen3-32B
      npus: 4
      engine: {maxModelLen: 4096, tensorParallelSize: 4}
      speculative: {kind: ngram, tokens: 3, promptLookupMax: 4}
"""


def copy_table(folder: Path, file: str, old: str, new: str) -> None:
    text = (folder / file.format(old)).read_text(encoding="utf-8")
    (folder / file.format(new)).write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., subprocess.CompletedProcess[str]]:
    """A copy of the program that knows one release more, with a plugin; it runs a command."""
    copy = tmp_path_factory.mktemp("program")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    tables = copy / "models" / "engines" / "vllm_ascend"
    copy_table(tables, "flags/vllm-{}.json", NEWEST, NEW)
    copy_table(tables, "plugin/{}.json", KNOWN, NEW)
    for file in KEPT_BY_HAND:
        table = json.loads((tables / file).read_text(encoding="utf-8"))
        table["releases"][NEW] = table["releases"][KNOWN]
        (tables / file).write_text(json.dumps(table), encoding="utf-8")
    versions = copy / "models" / "engines" / "engine_args.py"
    text = versions.read_text(encoding="utf-8")
    versions.write_text(text.replace(f'"{NEWEST}"]', f'"{NEWEST}", "{NEW}"]'), encoding="utf-8")
    for release in (NEW, KNOWN):
        (copy / f"{release}.yaml").write_text(STACK.replace("RELEASE", release), encoding="utf-8")

    def program(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "cli", *words]
        return subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)

    return program


@pytest.mark.slow
def test_check_judges_a_service_of_the_new_release(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = run("check", f"{NEW}.yaml")

    assert done.stdout + done.stderr == "1 service: 0 errors, 0 warnings, 0 accepted\n"


@pytest.mark.slow
def test_the_objects_have_the_script_and_the_label_of_the_new_release(
    run: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    rendered = run("render", f"{NEW}.yaml").stdout

    assert "vllm serve" in rendered
    assert f"app.kubernetes.io/version: {NEW}" in rendered


@pytest.mark.slow
def test_diff_and_migrate_know_the_way_to_the_new_release(
    run: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    assert f"vLLM {KNOWN} → {NEW}" in run("diff", f"{KNOWN}.yaml", f"{NEW}.yaml").stdout
    assert f"quay.io/ascend/vllm-ascend:v{NEW}" in run("migrate", f"{KNOWN}.yaml", "--to", NEW, "--dry-run").stdout
