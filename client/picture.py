"""A picture that is made when it is needed."""

from __future__ import annotations

import base64
import struct
import zlib


def red_square(side: int = 64) -> str:
    """A red PNG as a data URL.

    Args:
        side: Its width and height in pixels; models for pictures refuse some that are smaller than their patches.
    """
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)  # 8 bits a channel, RGB
    rows = (b"\0" + b"\xff\0\0" * side) * side
    parts = [_chunk(b"IHDR", head), _chunk(b"IDAT", zlib.compress(rows)), _chunk(b"IEND", b"")]
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(parts)).decode()


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
