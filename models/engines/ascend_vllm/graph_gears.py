"""How many gears PTA graphs of a model may have."""

from __future__ import annotations

from models.catalog.known import KnownModel

MOST_GEARS = 6
"""Most gears of PTA graphs (manual, Step 3, graph mode)."""

_MOST_GEARS_OF_DEEPSEEK_V2 = 4


def most_gears(known: KnownModel | None, quantization: str | None) -> int:
    """Six, and four for DeepSeek-V2-236B-W8A8 (manual, Step 3, graph mode)."""
    if known is None or known.name != "DeepSeek-V2":
        return MOST_GEARS
    suffix = (known.suffix or "").lower()
    if quantization == "smoothquant" or suffix == "w8a8":
        return _MOST_GEARS_OF_DEEPSEEK_V2
    return MOST_GEARS
