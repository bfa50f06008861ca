"""The commands of the README work in a fresh clone."""

from __future__ import annotations

import re

from tests.conftest import ROOT


def test_the_readme_creates_the_stack_that_it_selects() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    options = re.findall(r"pulumi stack select (\S+)", text)

    assert set(options) == {"--create"}, "Pulumi refuses to select a stack that its backend does not have"
