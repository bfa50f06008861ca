"""Random numbers that are the same in each run, so that the same measurements have the same verdict."""

from __future__ import annotations

import random


def seeded(seed: int | str) -> random.Random:
    """Random numbers of a seed."""
    return random.Random(seed)  # noqa: S311  nothing is secret
