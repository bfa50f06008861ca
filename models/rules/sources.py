"""Where weights come from: what has to be there, and what cannot go together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from models.finding import Finding, at, error, warning
from models.rules.registry import rule
from models.service.resolved import ResolvedService


@rule
def bucket_http(service: ResolvedService) -> Iterator[Finding]:
    """A bucket is asked over https.

    Over http everybody on the way reads the weights. Nobody can change them, as each file has its checksum, and the
    secret key is not sent: requests are signed with it.
    """
    if (service.model.source.endpoint or "").startswith("http://"):
        why, fix = "everybody on the way can read the weights", "write https://, or accept it in a network of your own"
        yield warning("the bucket is asked over http", why=why, fix=fix, marks=[at("model.source.endpoint")])


@rule
def incomplete_weights(service: ResolvedService) -> Iterator[Finding]:
    """A manifest lists the model's config.json and its weights.

    vLLM reads config.json first, and ends when it finds no weights (vllm/model_executor/model_loader/loader.py). From a
    bucket comes only what the manifest lists.
    """
    if service.weight_files and (missing := service.weight_files.lacks):
        why, fix = "the server needs it", "make it of the model's whole directory: ascend-vllm manifest DIRECTORY"
        yield warning(f"the manifest lists no {missing}", why=why, fix=fix, marks=[at("model.verify")])


@rule
def head_in_weights(service: ResolvedService) -> Iterator[Finding]:
    """A head that is converted lies beside the weights of a claim or a bucket, not in them.

    `speculative.convert` writes to the head's directory on the node, and a claim or a bucket is mounted read-only.
    """
    guess, path = service.speculative, service.model.path
    written = guess.source if guess and guess.convert and service.model.source.kind != "hostPath" else None
    if written and PurePosixPath(written).is_relative_to(path):
        why = f"speculative.convert writes to it on the node, and {path} comes from a {service.model.source.kind}"
        fix = "name a directory of the node elsewhere, or convert the head before and remove convert"
        marks = [at("speculative.source"), at("model.source", "read-only")]
        yield error("the head lies in the model's weights, which are read-only", why=why, fix=fix, marks=marks)
