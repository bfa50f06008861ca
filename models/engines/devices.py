"""NPUs inside a container, for every release."""

from __future__ import annotations

from collections.abc import Sequence


def device_environment(devices: Sequence[int]) -> dict[str, str]:
    """The variable of CANN that names the NPUs inside the container (manual, Step 3)."""
    return {"ASCEND_RT_VISIBLE_DEVICES": ",".join(map(str, devices))}
