"""Whether both services of a pair for prefill and decode must be updated in one step."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from models.engines.releases import release_of_image
from models.rules.registry import judge_stack
from models.service.kv_transfer import with_kv_transfer
from models.service.resolved import ResolvedService, ResolvedStack

_RULES = "kv-transfer"
"""The beginning of the ids of all rules on pairs."""


def pair_at_once(
    old: ResolvedStack, new: ResolvedStack, restarting: Collection[str]
) -> tuple[str, ...]:
    """The services of a pair of which neither may be updated alone; empty without such a pair.

    This is the case if `check` refuses the old version of one of them with the new version of the other one.

    Args:
        old: What runs.
        new: The wanted stack.
        restarting: The services whose pods have another template.
    """
    names = tuple(service.name for service in new.pair or old.pair)
    if not names or not set(names) <= set(restarting):
        return ()
    for name in names:
        before = old.service(name)
        after = new.service(name)
        if before is None or after is None:
            return ()
        if _is_refused(old, new, before):
            return names
    return ()


def _is_refused(old: ResolvedStack, new: ResolvedStack, kept: ResolvedService) -> bool:
    """Whether the rules on pairs refuse the wanted stack with one service in its old version."""
    kept = _with_release_of_image(kept)
    services = [
        kept if service.name == kept.name else service for service in new.services
    ]
    pair = new.kv_transfer or old.kv_transfer
    mixed = replace(
        new, services=tuple(with_kv_transfer(services, pair)), kv_transfer=pair
    )
    return any(
        finding.severity == "error" and finding.rule.startswith(_RULES)
        for finding in judge_stack(mixed)
    )


def _with_release_of_image(service: ResolvedService) -> ResolvedService:
    """A service with the release of its image. Of a service that runs in a cluster, only the image is known."""
    release = release_of_image(service.image)
    return replace(service, release=release) if release else service
