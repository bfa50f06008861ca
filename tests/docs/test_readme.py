"""The commands of the README work in a fresh clone."""

from __future__ import annotations

import re

from tests.conftest import ROOT


def test_the_readme_creates_the_stack_before_it_is_previewed() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")

    assert re.search(r"pulumi stack init \w+.*pulumi preview.*pulumi up", text, re.DOTALL)
