"""A generated picture for the smoke test."""

from __future__ import annotations

import base64
import struct
import zlib

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RED = b"\xff\0\0"
_NO_FILTER = b"\0"


def red_square(side: int = 64) -> str:
    """A red PNG picture as a data URL.

    Args:
        side: Its width and height in pixels. Some models refuse pictures that are smaller than their patches.
    """
    bits, rgb = 8, 2
    header = struct.pack(">IIBBBBB", side, side, bits, rgb, 0, 0, 0)
    row = _NO_FILTER + _RED * side
    pixels = zlib.compress(row * side)
    picture = _SIGNATURE
    picture += _chunk(b"IHDR", header)
    picture += _chunk(b"IDAT", pixels)
    picture += _chunk(b"IEND", b"")
    encoded = base64.b64encode(picture).decode()
    return f"data:image/png;base64,{encoded}"


def _chunk(name: bytes, data: bytes) -> bytes:
    length = struct.pack(">I", len(data))
    checksum = struct.pack(">I", zlib.crc32(name + data))
    return length + name + data + checksum
