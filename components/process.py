"""The process of the program: it lives for one update, and spends nothing on what nobody sees."""

from __future__ import annotations

import pulumi


def silence_debug_lines() -> None:
    """Say no debug lines of the SDK's, which take an eighth of an update without a change.

    Each is a call that the program waits for, about thirty a service, and the engine drops it unless `--debug` is
    given; the engine's and the provider's own debug lines stay.
    """
    vars(pulumi.log)["debug"] = _unsaid


def _unsaid(msg: str, *_: object, **__: object) -> None:
    """Say nothing, whatever the line."""
