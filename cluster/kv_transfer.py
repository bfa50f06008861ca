"""The state of two services that are one: whether a request finds a pod for prefill and one for decode that fit."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from cluster.pods import is_ready
from cluster.snapshot import Snapshot, is_terminating, labels_of
from models.manifests.kv_transfer import REVISION_LABEL
from models.manifests.metadata import RANK_LABEL
from models.stack_file.keys.kv_transfer import KvTransfer
from models.words import counted


@dataclass(frozen=True)
class PairState:
    """The pods of a pair that take requests."""

    prefill: str
    decode: str
    """The services."""
    ready_prefill: int
    ready_decode: int
    """Pods that take requests, or leaders of groups."""
    ready_pairs: int
    """Revisions of which both services have such a pod."""

    @property
    def answers(self) -> bool:
        """Whether the pair can answer a request."""
        return self.ready_pairs > 0

    @property
    def words(self) -> str:
        """The state in a sentence."""
        services = f"{self.prefill} and {self.decode}"
        if self.answers:
            prefill = counted(self.ready_prefill, "pod")
            decode = counted(self.ready_decode, "pod")
            return f"{services} answer together: {prefill} for prefill, {decode} for decode"
        if self.ready_prefill == 0:
            return f"{services} answer nothing: no pod for prefill is ready"
        if self.ready_decode == 0:
            return f"{services} answer nothing: no pod for decode is ready"
        return (
            f"{services} answer nothing: the pods for prefill and those for decode belong to different revisions "
            "until the update ends"
        )


def pair_state(snapshot: Snapshot, pair: KvTransfer) -> PairState:
    """The state of a pair in a snapshot of its cluster."""
    prefill = _ready_by_revision(snapshot, pair.prefill)
    decode = _ready_by_revision(snapshot, pair.decode)
    return PairState(
        prefill=pair.prefill,
        decode=pair.decode,
        ready_prefill=prefill.total(),
        ready_decode=decode.total(),
        ready_pairs=len(prefill.keys() & decode.keys()),
    )


def _ready_by_revision(snapshot: Snapshot, service: str) -> Counter[str]:
    """The number of pods of a service that take requests, by the revision of the pair."""
    found: Counter[str] = Counter()
    for pod in snapshot.pods_of(service):
        labels = labels_of(pod)
        is_asked = labels.get(RANK_LABEL, "0") == "0"
        if is_asked and is_ready(pod) and not is_terminating(pod):
            found[labels.get(REVISION_LABEL, "")] += 1
    return found
