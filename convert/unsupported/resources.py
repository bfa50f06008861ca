"""Notes about the resources of a container that the stack file has no keys for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from convert.note import Note, dropped, replaced
from convert.objects import Object
from convert.pods import Pod
from convert.unsupported.reasons import REASON_OF_RESOURCES, REASON_OF_STORAGE

_GPU = re.compile(r"(nvidia|amd|intel|iluvatar|cambricon|mthreads)\.com/\w*")
"""Resources of devices that are no Ascend NPUs."""


def further_resources(pod: Pod) -> Iterator[Note]:
    """Resources other than CPUs, memory and NPUs."""
    known = ("cpu", "memory", pod.npu)
    limits = pod.limits.mapping()
    for name in limits:
        if name not in known:
            yield _resource_note(name, pod.limits.at(name))
    for name in pod.requests.mapping():
        if name not in known and name not in limits:
            yield _resource_note(name, pod.requests.at(name))


def _resource_note(name: str, amount: Object) -> Note:
    """A note about a resource; one for a GPU, which is no NPU, says what else has to change."""
    if _GPU.search(name):
        why = "it is no Ascend NPU: choose an image of vllm-ascend, and check npus and the model's quantization"
    elif name == "ephemeral-storage":
        why = REASON_OF_STORAGE
    else:
        why = REASON_OF_RESOURCES
    return dropped(f"the resource {name}", why, amount)


def gpu_notes(notes: Sequence[Note]) -> list[Note]:
    """The notes about GPUs, which matter most."""
    return [note for note in notes if _GPU.search(note.subject)]


def differing_amounts(pod: Pod) -> Iterator[Note]:
    """A limit of CPUs, and a request of memory, that differ from the amount that the stack file has."""
    cpu_limit = pod.limits.at("cpu").text()
    if cpu_limit not in ("", pod.requests.at("cpu").text()):
        why = "a pod may use all CPUs that the node has free"
        yield replaced("the limit of cpu", why, pod.limits.at("cpu"))
    memory_request = pod.requests.at("memory").text()
    memory_limit = pod.limits.at("memory").text()
    if memory_request and memory_limit not in ("", memory_request):
        why = "a pod requests as much memory as its limit"
        yield replaced("the request of memory", why, pod.requests.at("memory"))
