"""Rules on the source of weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from models.engines.features import EagleHead
from models.finding import Finding, at, error, warning
from models.rules.registry import rule
from models.service.resolved import ResolvedService
from models.stack_file.keys.source import BucketSource, HostPathSource


@rule("warning")
def bucket_http(service: ResolvedService) -> Iterator[Finding]:
    """The connection to a bucket is encrypted.

    With http, everybody on the network path can read the weights. Nobody can change them, because each file has a
    checksum. The secret key is not transmitted: it only signs the requests.
    """
    source = service.model.source
    if not isinstance(source, BucketSource):
        return
    endpoint = source.endpoint
    if endpoint.startswith("http://"):
        encrypted = endpoint.replace("http://", "https://", 1)
        yield warning(
            f"model.source.endpoint {endpoint} is not encrypted",
            why="everybody on the network path can read the weights",
            fix=f"write model.source.endpoint: {encrypted}, or accept it in a trusted network",
            marks=[at("model.source.endpoint")],
        )


@rule("warning")
def incomplete_weights(service: ResolvedService) -> Iterator[Finding]:
    """The checksums list the model's config.json and its weights.

    vLLM reads config.json first, and exits if it finds no weights (vllm/model_executor/model_loader/loader.py). Only
    files in the checksums are fetched from a bucket.
    """
    files = service.checksums
    if files and files.lacks:
        yield warning(
            f"the checksums in {service.model.verify} list no {files.lacks}",
            why="vLLM exits at start without it (vllm/model_executor/model_loader/loader.py)",
            fix=f"run ascend-vllm checksums DIRECTORY -o {service.model.verify} with the directory of the model",
            marks=[at("model.verify")],
        )


@rule("error")
def quantization_file(service: ResolvedService) -> Iterator[Finding]:
    """The checksums list the file that the method of quantization needs next to the weights.

    Weights for `quantization: ascend` have a description of their layers, which msModelSlim writes.
    """
    files = service.checksums
    required = service.release.quantization_files.get(service.quantization or "")
    if files is None or required is None or required.name in files.files:
        return
    yield error(
        f"the checksums in {service.model.verify} list no {required.name}, which {service.quantization} needs",
        why=f"vLLM {service.release.version} exits at start without it ({required.where})",
        fix=f"quantize the model with msModelSlim, and run ascend-vllm checksums DIRECTORY -o {service.model.verify}",
        marks=[at("model.verify"), at("quantization")],
    )


@rule("error")
def head_in_weights(service: ResolvedService) -> Iterator[Finding]:
    """An Eagle head that is converted is not in a directory with weights from a claim or a bucket.

    `speculative.convert` writes to the head's directory on the node. A claim or a bucket is mounted read-only.
    """
    guess = service.speculative
    if not isinstance(guess, EagleHead) or not guess.convert:
        return
    if isinstance(service.model.source, HostPathSource):
        return
    weights = service.model.path
    if PurePosixPath(guess.source).is_relative_to(weights):
        head = PurePosixPath(guess.source).name
        yield error(
            f"speculative.source {guess.source} is in the model's weights, which are read-only",
            why=f"speculative.convert writes to it, but {weights} comes from a {service.model.source.kind}",
            fix=f"write speculative.source: /mnt/models/{head}, and move the head there",
            marks=[
                at("speculative.source"),
                at("model.source", "read-only"),
            ],
        )
