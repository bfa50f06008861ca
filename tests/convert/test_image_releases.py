"""The engine release by which a server is read, if its image does not name one."""

from __future__ import annotations

import pytest

from tests.convert.pairs import said, service
from tests.convert.test_vllm_serve import serve

PLUGIN = "quay.io/ascend/vllm-ascend"
NEWEST = "0.23.0 is the newest release that the program judges in full"


@pytest.mark.parametrize(
    ("image", "rules", "why"),
    [
        (f"{PLUGIN}:main", "0.23.0", f"the tag main names no release, and can move; {NEWEST}"),
        (f"{PLUGIN}:nightly-main-a3", "0.23.0", NEWEST),
        (PLUGIN, "0.23.0", f"the image has no tag, so it is latest, which moves; {NEWEST}"),
        (f"{PLUGIN}@sha256:{'0' * 64}", "0.23.0", f"the image has a digest and no tag; {NEWEST}"),
        (f"{PLUGIN}:v0.23.0rc1-a3", "0.23.0", "the tag v0.23.0rc1-a3 names a build of 0.23.0, such as a candidate"),
        (f"{PLUGIN}:v0.11.0rc2", "0.18.0", "names no known release, and 0.18.0 is the nearest one"),
        ("registry.example.com/qwen:7", "0.6.3", "the image names no release, and the flags are those of 0.6.3"),
    ],
)
def test_the_release_of_a_moving_tag_is_a_note(image: str, rules: str, why: str) -> None:
    assert why in said(serve(image=image), "assumed")[f"rules of vLLM {rules}"]


@pytest.mark.parametrize(
    ("image", "version", "why"),
    [
        ("vllm/vllm-openai:latest", "0.23.0", f"the tag latest names no release, and can move; {NEWEST}"),
        ("vllm/vllm-openai:v1.2.0", "0.30.0", "0.30.0 is the nearest one"),
    ],
)
def test_the_release_of_another_image_of_vllm_is_written(image: str, version: str, why: str) -> None:
    conversion = serve(image=image)

    assert service(conversion)["engine"]["version"] == version
    assert why in said(conversion, "assumed")[f"engine.version {version}"]


def test_an_image_with_its_release_has_no_note() -> None:
    assert not [subject for subject in said(serve(), "assumed") if "vLLM" in subject]
