"""The texts of files as people save them: UTF-8, with a byte order mark, UTF-16, or Chinese Windows' GB18030."""

from __future__ import annotations

import codecs

_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def decoded(content: bytes) -> str:
    """The text of a file with plain line ends; bytes that are in no encoding that people use become `�`."""
    known = next((encoding for mark, encoding in _MARKS.items() if content.startswith(mark)), None)
    for encoding in [known] if known else ["utf-8", "gb18030"]:
        try:
            return _plain(content.decode(encoding))
        except UnicodeDecodeError:
            continue
    return _plain(content.decode("utf-8", "replace"))


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
