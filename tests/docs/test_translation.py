"""A Chinese page says what the English one does. tests/e2e/test_docs.py runs its commands."""

from __future__ import annotations

import re

import pytest

from tests.conftest import ROOT

PAGES = ("first-deployment", "releases")


def english(page: str) -> str:
    return (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")


def chinese(page: str) -> str:
    return (ROOT / "docs" / f"{page}.zh.md").read_text(encoding="utf-8")


def keys_of_tables(text: str) -> list[list[str]]:
    rows = re.findall(r"^\| .*$", text, re.MULTILINE)
    return [re.findall(r"`([^`]+)`", row) for row in rows]


@pytest.mark.parametrize("page", PAGES)
def test_the_same_commands_show_the_same(page: str) -> None:
    blocks = re.findall(r"^```console\n.*?^```", english(page), re.MULTILINE | re.DOTALL)

    assert re.findall(r"^```console\n.*?^```", chinese(page), re.MULTILINE | re.DOTALL) == blocks


@pytest.mark.parametrize("page", PAGES)
def test_the_tables_have_the_same_keys_in_the_same_order(page: str) -> None:
    assert keys_of_tables(chinese(page)) == keys_of_tables(english(page))
    assert len(keys_of_tables(english(page))) > 3


@pytest.mark.parametrize("page", PAGES)
def test_each_page_leads_to_the_other(page: str) -> None:
    assert f"({page}.zh.md)" in english(page)
    assert f"({page}.md)" in chinese(page)
