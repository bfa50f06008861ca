"""Rules on two services that are one: prefill and decode on separate servers."""

from __future__ import annotations

from collections.abc import Iterator

from models.engines.kv_transfer import KvConnector
from models.engines.releases import releases
from models.finding import Finding, Mark, error
from models.rules.kv_transfer.pair import key_of, mark_of, pair_of
from models.rules.registry import stack_rule
from models.service.resolved import ResolvedStack
from models.stack_file.errors.unknown_keys import nearest
from models.words import listed

_FLAG = "kv-transfer-config"
_DECODE_CONTEXT = "decode-context-parallel-size"
_MOONCAKE = "vllm_ascend/distributed/kv_transfer/kv_p2p/mooncake_connector.py"
_KTHENA = "Kthena, pkg/kthena-router"


@stack_rule("error")
def kv_transfer_services(stack: ResolvedStack) -> Iterator[Finding]:
    """`kvTransfer` names two different services of the stack.

    The services exchange KV cache, so each has to know the sizes of the other.
    """
    config = stack.kv_transfer
    if config is None:
        return
    names = [service.name for service in stack.services]
    for key, name in {"prefill": config.prefill, "decode": config.decode}.items():
        if name in names or name in stack.broken:
            continue
        others = [
            known for known in names if known not in (config.prefill, config.decode)
        ]
        meant = nearest(name, dict.fromkeys(others)) or next(iter(others), None)
        fix = "remove kvTransfer"
        if meant:
            fix = f"write kvTransfer.{key}: {meant}"
        yield error(
            f"kvTransfer.{key} names the service {name}, which the stack does not have",
            why="both servers of the pair are services of this stack",
            fix=fix,
            marks=[Mark(("kvTransfer", key))],
        )
    if config.prefill == config.decode:
        yield error(
            f"kvTransfer names the service {config.prefill} for both prefill and decode",
            why="a server that does both needs no transfer of KV cache",
            fix="remove kvTransfer",
            marks=[Mark(("kvTransfer", "decode")), Mark(("kvTransfer", "prefill"))],
        )


@stack_rule("error")
def kv_transfer_release(stack: ResolvedStack) -> Iterator[Finding]:
    """The release of both services has the connector of the pair.

    0.6.3 has no connector for NPUs. The connectors of a plugin without tables are not known.
    """
    pair = pair_of(stack)
    if pair is None:
        return
    connector = pair.config.connector
    without = [
        service
        for service in pair.services
        if connector not in service.release.kv_connectors
    ]
    if not without:
        return
    versions = dict.fromkeys(service.release.version for service in without)
    newest = _newest_release_with(connector)
    yield error(
        f"the connector {connector} of the pair is not known to exist in {listed([*versions])}",
        why="a server exits at start if it does not know the connector of --kv-transfer-config",
        fix=f"remove kvTransfer, or use images of vllm-ascend {newest} for both services",
        marks=[
            Mark(("kvTransfer",)),
            *(
                mark_of(service, "image", service.release.version)
                for service in without
            ),
        ],
    )


def _newest_release_with(connector: KvConnector) -> str:
    """The newest release whose plugin is known to have a connector."""
    versions = [
        release.version
        for release in releases().values()
        if connector in release.kv_connectors
    ]
    return versions[-1]


@stack_rule("error")
def kv_transfer_by_hand(stack: ResolvedStack) -> Iterator[Finding]:
    """A service of a pair sets no `--kv-transfer-config`.

    The roles, the ports and the sizes follow from `kvTransfer`. A second value would replace them.
    """
    pair = pair_of(stack)
    if pair is None:
        return
    for service in pair.services:
        for part, arguments in {
            "engine": service.engine.extra_args,
            "server": service.server.extra_args,
        }.items():
            for name in arguments:
                flag = service.release.flag(name)
                if flag is None or flag.name != _FLAG:
                    continue
                key = f"{part}.extraArgs.{name}"
                yield error(
                    f"{service.name} has {name}, but kvTransfer of the stack already sets it",
                    why="vLLM takes the last value of a flag, so the two services could not work together",
                    fix=f"remove {key_of(service, key)}, or remove kvTransfer",
                    marks=[mark_of(service, key), Mark(("kvTransfer",))],
                )
