"""Services from the whole space of features, as a stack file would have them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from models.catalog.known import known_models
from models.engines.ascend_vllm.owned_keys import OWNED_FLAGS
from models.engines.flags import Flag
from models.engines.releases import DEFAULT_VERSION, release
from models.stack_file.load import disk

FREE_FLAGS = sorted(
    (flag for flag in release(DEFAULT_VERSION).flags.values() if flag.name not in OWNED_FLAGS),
    key=lambda flag: flag.name,
)
MODELS = sorted({model.name for model in known_models() if model.facts} | {"our-own-model"})

pieces = st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]) | st.sampled_from(
    ["'", '"', "$(id)", "`id`", "\\", "\n", " ", "模型", "{", "*", "~", "-", "=", "$HOME"]
)
hostile = st.lists(pieces, max_size=8).map("".join)
"""Texts that bash, YAML or a command line could take for something else."""

words = hostile.map(lambda text: "w" + text.replace("\n", " "))
paths = hostile.map(lambda text: "/mnt/" + "".join(letter for letter in text if letter not in "\n:./"))
powers = st.sampled_from([1, 2, 4, 8])


def maybe(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A mapping with some of the fields."""
    return st.fixed_dictionaries({}, optional=fields)


def value_of(flag: Flag) -> st.SearchStrategy[Any]:
    """Values that the parser takes for a flag."""
    if flag.kind in ("flag", "bool"):
        return st.booleans()
    if flag.choices:
        one: st.SearchStrategy[Any] = st.sampled_from(flag.choices)
    elif flag.type == "json":
        return st.dictionaries(words, st.integers(0, 9), max_size=2).map(lambda found: {"type": "linear", **found})
    elif flag.type == "pairs":
        return st.dictionaries(st.sampled_from(["image", "video"]), st.integers(1, 9), min_size=1)
    else:
        numbers = {"int": st.integers(1, 99), "float": st.integers(1, 99) | st.floats(0.25, 9, allow_nan=False)}
        one = numbers.get(flag.type or "", words)
    return st.lists(one, min_size=1, max_size=2) if flag.kind in ("list", "append") else one


@st.composite
def extra_args(draw: st.DrawFn) -> dict[str, Any]:
    """Some further flags with values of their types."""
    flags = draw(st.lists(st.sampled_from(FREE_FLAGS), max_size=3, unique_by=lambda flag: flag.name))
    return {flag.key: draw(value_of(flag)) for flag in flags}


engines = st.fixed_dictionaries(
    {"maxModelLen": st.sampled_from([1024, 4096, 16384])},
    optional={
        "maxNumSeqs": st.sampled_from([1, 64, 256]),
        "maxNumBatchedTokens": st.sampled_from([2048, 4096, 16384]),
        "tensorParallelSize": powers,
        "pipelineParallelSize": st.sampled_from([1, 2]),
        "blockSize": st.sampled_from([64, 128]),
        "dtype": st.sampled_from(["auto", "float16", "bfloat16"]),
        "gpuMemoryUtilization": st.floats(0.5, 1),
        "numSchedulerSteps": st.sampled_from([1, 8]),
        "multiStepStreamOutputs": st.booleans(),
        "enableChunkedPrefill": st.booleans(),
        "distributedExecutorBackend": st.sampled_from(["mp", "ray"]),
        "trustRemoteCode": st.booleans(),
        "disableAsyncOutputProc": st.booleans(),
        "servedModelName": words | st.lists(words, min_size=1, max_size=2),
        "extraArgs": extra_args(),
    },
)
speculations = st.one_of(
    st.fixed_dictionaries({"kind": st.just("draft"), "source": paths, "tokens": st.integers(1, 8)}),
    st.fixed_dictionaries(
        {"kind": st.just("ngram"), "tokens": st.integers(1, 8), "promptLookupMax": st.integers(1, 4)}
    ),
    st.fixed_dictionaries(
        {"kind": st.just("eagle"), "source": paths, "tokens": st.integers(1, 8)},
        optional={"convert": st.fixed_dictionaries({"tools": paths, "baseWeights": st.just("it's a.bin")})},
    ),
)
networks = maybe(
    admit=st.lists(st.sampled_from(["gateway", "search"]), max_size=2, unique=True),
    cidrs=st.lists(st.sampled_from(["10.0.0.0/8", "fd00::/8"]), max_size=2, unique=True),
    monitoring=st.just("monitoring"),
    egress=st.lists(st.sampled_from(["10.8.0.0/16", {"cidr": "10.9.0.0/16", "ports": [443, 8443]}]), max_size=2),
)
pod_templates = maybe(
    metadata=maybe(labels=st.just({"team": "search"}), annotations=st.dictionaries(st.just("a.b/c"), hostile)),
    spec=maybe(
        tolerations=st.lists(
            st.sampled_from([{"key": "npu", "operator": "Exists"}, {"operator": "Exists"}]), min_size=1, max_size=2
        ),
        affinity=st.just(
            {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone"}]}}
        ),
        topologySpreadConstraints=st.just(
            [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {}}]
        ),
        containers=st.just([{"name": "side", "image": "busybox:1", "env": [{"name": "A", "value": "1"}]}]),
        initContainers=st.just([{"name": "first", "image": "busybox:1"}]),
        volumes=st.just([{"name": "scratch", "emptyDir": {}}]),
        nodeSelector=st.just({"zone": "a"}),
        dnsPolicy=st.sampled_from(["Default", "ClusterFirst"]),
        hostNetwork=st.booleans(),
    ),
)
"""Patches of the pods."""

credentials = st.sampled_from([{"secret": "keys", "key": "vllm"}, {"config": "api-key"}])

SHA = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
CHECKSUMS = json.dumps(
    {"files": {"config.json": {"size": 663, "sha256": SHA}, "it's $(a)/模型.safetensors": {"size": 9, "sha256": SHA}}}
)
CHECKSUM_FILES = {"one.json": CHECKSUMS, "two.json": CHECKSUMS.replace("663", "664")}


def read(file: Path) -> str:
    """The text of a file; two files of checksums are everywhere."""
    return CHECKSUM_FILES.get(file.name) or disk(file)


places = st.lists(words.filter(lambda text: "/" not in text), min_size=1, max_size=2).map("/".join)
claims = maybe(size=st.sampled_from(["500Gi", "1Ti"])).flatmap(
    lambda made: maybe(**{"class": st.just("csi-sfsturbo")}).map(lambda more: {**made, **(more if made else {})})
)
keys = st.sampled_from(
    [{}, {"accessKey": {"secret": "obs", "key": "access"}, "secretKey": {"secret": "obs", "key": "secret"}}]
)
sources = st.one_of(
    paths,
    st.tuples(claims, maybe(directory=places)).map(
        lambda found: {"kind": "claim", "name": "models", **found[0], **found[1]}
    ),
    st.tuples(keys, maybe(prefix=places, to=paths | claims.map(lambda made: {"claim": "cache", **made}))).map(
        lambda found: {"kind": "bucket", "endpoint": "https://obs.example.com", "region": "cn-north-4",
                       "bucket": "models", **found[0], **found[1]}
    ),
)  # fmt: skip
"""Where weights may come from."""


@st.composite
def models(draw: st.DrawFn) -> dict[str, Any]:
    """A model from anywhere; its checksums are one of the two files next to the stack file."""
    source = draw(sources)
    kind = "hostPath" if isinstance(source, str) else source["kind"]
    more: dict[str, Any] = {}
    if kind == "bucket" or draw(st.booleans()):
        more = {"verify": draw(st.sampled_from(["one.json", "two.json"])), **draw(maybe(preparation=st.just("2h")))}
    if kind != "hostPath":
        more |= draw(maybe(mountPath=paths))
    return {"name": draw(st.sampled_from(MODELS)), "source": source, **more}


services = st.fixed_dictionaries(
    {
        "image": st.just("registry.example.com/ascend-vllm:6.3.912"),
        "model": models(),
        "engine": engines,
    },
    optional={
        "npus": powers,
        "server": maybe(
            kind=st.sampled_from(["openai", "api_server"]),
            host=words,
            port=st.integers(1, 65535),
            chatTemplate=st.fixed_dictionaries({"inline": hostile.filter(bool)}),
            apiKey=credentials,
        ),
        "graph": st.sampled_from(["eager", "cann", "pta", {"kind": "pta", "gears": [2, 4], "warmUp": True}])
        | paths.map(lambda path: {"kind": "pta", "cache": path}),
        "runAsUser": st.sampled_from([0, 1000]),
        "readOnlyRootFilesystem": st.booleans(),
        "replicas": st.integers(0, 4) | st.just("external"),
        "startup": st.sampled_from(["90s", "25m", "2h"]),
        "drain": st.sampled_from(["0s", "10m"]),
        "rollout": st.sampled_from(["recreate", "rollingUpdate"]) | maybe(maxUnavailable=st.integers(1, 2)),
        "resources": maybe(cpu=st.integers(1, 64), memory=st.just("64Gi"), shm=st.sampled_from(["1Gi", "500M"])),
        "minMember": st.integers(1, 2),
        "expose": st.sampled_from(
            ["NodePort", {"type": "LoadBalancer", "annotations": {"kubernetes.io/elb.class": "a"}}]
        ),
        "network": networks,
        "disruptionBudget": st.sampled_from([{"maxUnavailable": 1}, {"minAvailable": 1}]),
        "monitoring": st.just(True)
        | maybe(interval=st.just("1m"), labels=st.just({"release": "prometheus"}), rules=st.booleans()),
        "podTemplate": pod_templates,
        "priorityClass": st.just("production"),
        "precision": maybe(prefill=st.booleans(), decode=st.booleans()),
        "mindSpeed": st.sampled_from(["image", "install"]),
        "prefixCaching": st.booleans(),
        "quantization": st.sampled_from(["awq", "smoothquant"]),
        "lora": st.fixed_dictionaries({"adapters": st.dictionaries(words, paths, min_size=1, max_size=2)}),
        "speculative": speculations,
        "multimodal": st.sampled_from([True, {"imagesPerPrompt": 2}]),
        "env": st.dictionaries(
            st.sampled_from(["GREETING", "HCCL_OP_EXPANSION_MODE"]), hostile | credentials, max_size=2
        ),
        "pullSecrets": st.lists(st.sampled_from(["registry", {"config": "pull"}]), max_size=2),
    },
)
