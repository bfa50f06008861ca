"""Under which names the nodes of a cluster offer NPUs, and which platform that is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from cluster.snapshot import Object, status_of
from models.catalog.platforms import PLATFORMS

_WHOLE_NPU = re.compile(r"huawei\.com/(?:ascend-?\w+|npu)", re.IGNORECASE)
"""Names of whole NPUs, such as `huawei.com/Ascend910`. Slices have names such as `huawei.com/Ascend910-2c`."""


def npu_resources(nodes: Sequence[Object]) -> dict[str, int]:
    """The names under which nodes offer whole NPUs, with the number of NPUs, the most first."""
    offers: Counter[str] = Counter()
    for node in nodes:
        allocatable = status_of(node).get("allocatable") or {}
        for name, amount in allocatable.items():
            if _WHOLE_NPU.fullmatch(name) and str(amount).isdigit():
                offers[name] += int(amount)
    return {name: count for name, count in offers.most_common() if count}


def listed_offers(offers: Mapping[str, int]) -> str:
    """Names with the number of NPUs: `huawei.com/Ascend910 (16)`."""
    return ", ".join(f"{name} ({count})" for name, count in offers.items())


def offers_text(nodes: Sequence[Object], resource: str) -> str:
    """The end of a sentence about what the nodes offer; empty if it is what the platform requests, or nothing."""
    offers = npu_resources(nodes)
    if not offers or resource in offers:
        return ""
    return f"; the nodes offer {listed_offers(offers)}"


def edit_of_platform(nodes: Sequence[Object], resource: str) -> str:
    """The edit of the stack file for nodes that offer NPUs under another name; empty if there are none."""
    offers = npu_resources(nodes)
    if not offers or resource in offers:
        return ""
    for platform in PLATFORMS.values():
        if platform.resource in offers:
            return f"write cluster.platform: {platform.kind}"
    name = next(iter(offers))
    return f"write cluster.platform.resource: {name}, with the labels of these nodes as nodeSelector"
