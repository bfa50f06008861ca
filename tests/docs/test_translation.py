"""The Chinese page says what the English one does; that its commands work is held by tests/e2e/test_docs.py."""

from __future__ import annotations

import re

from tests.conftest import ROOT

ENGLISH = (ROOT / "docs" / "first-deployment.md").read_text(encoding="utf-8")
CHINESE = (ROOT / "docs" / "first-deployment.zh.md").read_text(encoding="utf-8")


def test_the_same_commands_show_the_same() -> None:
    blocks = re.findall(r"^```console\n.*?^```", ENGLISH, re.MULTILINE | re.DOTALL)

    assert re.findall(r"^```console\n.*?^```", CHINESE, re.MULTILINE | re.DOTALL) == blocks
    assert len(blocks) > 3


def test_the_tables_have_the_same_keys_in_the_same_order() -> None:
    tables = [re.findall(r"^\| .*$", page, re.MULTILINE) for page in (ENGLISH, CHINESE)]
    keys = [[re.findall(r"`([^`]+)`", row) for row in rows] for rows in tables]

    assert keys[1] == keys[0]


def test_each_page_leads_to_the_other() -> None:
    assert "(first-deployment.zh.md)" in ENGLISH
    assert "(first-deployment.md)" in CHINESE
