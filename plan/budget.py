"""The limit of a search."""

from __future__ import annotations

from dataclasses import dataclass

MOST_STEPS = 25_000
"""Steps that are tried in all searches for a plan, before only the most promising paths are kept.

On many nodes and with many pods, a step counts as several."""


@dataclass
class Budget:
    """The steps that may still be tried."""

    steps: int = MOST_STEPS

    @property
    def is_spent(self) -> bool:
        """Whether no step is left."""
        return self.steps <= 0
