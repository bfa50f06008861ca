"""Generated services with the typed keys of the stack file in random combinations."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from models.engines.release import Release

PATHS = st.sampled_from(["/mnt/models/Qwen3-32B", "/data/a b", "/m/x=1", "/权重/模型"])
SMALL = st.integers(min_value=1, max_value=8)


def services(release: Release) -> st.SearchStrategy[dict[str, Any]]:
    """Services that a release can start."""
    optional = {
        "graph": graphs(release),
        "prefixCaching": st.booleans(),
        "quantization": values_of(release, "quantization", ["ascend"]),
        "lora": loras(),
        "speculative": speculatives(release),
        "multimodal": multimodals(),
        "server": servers(release),
    }
    required = {
        "image": st.just(f"quay.io/ascend/vllm-ascend:v{release.version}"),
        "model": PATHS,
        "engine": engines(release),
    }
    return st.fixed_dictionaries(required, optional=optional)


def values_of(release: Release, key: str, default: list[Any]) -> st.SearchStrategy[Any]:
    """The values of a key that a release accepts."""
    accepted = release.accepted_values.get(key)
    return st.sampled_from([*accepted.values] if accepted else default)


def engines(release: Release) -> st.SearchStrategy[dict[str, Any]]:
    required = {"maxModelLen": st.integers(min_value=1, max_value=10**6)}
    optional = {
        "maxNumSeqs": st.integers(min_value=1, max_value=1024),
        "maxNumBatchedTokens": st.integers(min_value=1, max_value=10**6),
        "tensorParallelSize": SMALL,
        "pipelineParallelSize": SMALL,
        "dataParallelSize": SMALL,
        "enableExpertParallel": st.booleans(),
        "blockSize": st.sampled_from([32, 64, 128]),
        "dtype": st.sampled_from(["auto", "half", "float16", "bfloat16", "float", "float32"]),
        "kvCacheDtype": values_of(release, "engine.kvCacheDtype", ["auto"]),
        "gpuMemoryUtilization": st.floats(min_value=0.01, max_value=1.0),
        "enableChunkedPrefill": st.booleans(),
        "asyncScheduling": st.booleans(),
        "distributedExecutorBackend": st.sampled_from(["ray", "mp"]),
        "trustRemoteCode": st.booleans(),
        "servedModelName": st.lists(st.sampled_from(["qwen", "a b", "模型"]), min_size=1, max_size=3),
        "additionalConfig": st.fixed_dictionaries(
            {}, optional={"enableCpuBinding": st.booleans(), "anything": st.none() | st.integers()}
        ),
        "compilationConfig": st.fixed_dictionaries(
            {}, optional={"maxCudagraphCaptureSize": SMALL, "passConfig": st.just({"enableSp": True})}
        ),
    }
    return st.fixed_dictionaries(required, optional=optional)


def graphs(release: Release) -> st.SearchStrategy[Any]:
    modes = values_of(release, "graph.mode", ["NONE", "PIECEWISE", "FULL"])
    sizes = st.lists(st.integers(min_value=1, max_value=512), min_size=1, max_size=4, unique=True)
    captured = st.fixed_dictionaries({"kind": st.just("cann")}, optional={"mode": modes, "captureSizes": sizes})
    return st.just("eager") | captured


def loras() -> st.SearchStrategy[dict[str, Any]]:
    adapters = st.dictionaries(st.sampled_from(["law", "a b", "医", "a,b", "-x"]), PATHS, min_size=1)
    required = {"adapters": adapters}
    optional = {"maxRank": st.sampled_from([8, 16, 64]), "maxLoras": SMALL}
    return st.fixed_dictionaries(required, optional=optional)


def speculatives(release: Release) -> st.SearchStrategy[dict[str, Any]]:
    kinds = release.accepted_values.get("speculative.kind")
    return st.sampled_from([*kinds.values] if kinds else ["ngram", "mtp", "eagle3", "draft"]).flatmap(speculative)


def speculative(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    keys: dict[str, st.SearchStrategy[Any]] = {"kind": st.just(kind), "tokens": SMALL}
    if kind == "ngram":
        keys["promptLookupMax"] = st.integers(min_value=4, max_value=8)
        keys["promptLookupMin"] = st.integers(min_value=1, max_value=4)
    elif kind not in ("mtp", "suffix"):
        keys["source"] = PATHS
    further = st.fixed_dictionaries({}, optional={"enforceEager": st.booleans(), "maxModelLen": SMALL})
    return st.fixed_dictionaries(keys, optional={"config": further})


def multimodals() -> st.SearchStrategy[Any]:
    items = st.dictionaries(st.sampled_from(["video", "audio"]), st.integers(min_value=0, max_value=4))
    optional = {"imagesPerPrompt": SMALL, "itemsPerPrompt": items, "expandableSegments": st.booleans()}
    return st.just(True) | st.fixed_dictionaries({}, optional=optional)


def servers(release: Release) -> st.SearchStrategy[dict[str, Any]]:
    optional = {
        "host": st.sampled_from(["0.0.0.0", "::"]),
        "port": st.integers(min_value=1, max_value=65535),
        "chatTemplate": st.just("/opt/vllm/chat.jinja") | st.just({"inline": "{{ messages }}"}),
        "reasoningParser": values_of(release, "server.reasoningParser", ["qwen3"]),
        "toolCallParser": values_of(release, "server.toolCallParser", ["hermes"]),
    }
    return st.fixed_dictionaries({}, optional=optional)
