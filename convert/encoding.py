"""Decodes the files that people save: UTF-8 with or without a byte order mark, UTF-16, GB18030."""

from __future__ import annotations

import codecs

_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_WITHOUT_MARK = ("utf-8", "gb18030")


def decoded(content: bytes) -> str:
    """The text of a file, with `\\n` as the only line end; bytes that no encoding explains become `�`."""
    for encoding in _candidates(content):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return _with_plain_line_ends(text)
    return _with_plain_line_ends(content.decode("utf-8", "replace"))


def _candidates(content: bytes) -> tuple[str, ...]:
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if content.startswith(mark):
            return (encoding,)
    return _WITHOUT_MARK


def _with_plain_line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
