"""The key of the graph cache: whatever changes the graphs changes it, and nothing that cannot."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

import pytest

from models.engines.ascend_vllm.graph_cache import NEUTRAL_FLAGS, NEUTRAL_VARIABLES
from models.engines.engine_args import EngineArgs
from models.engines.releases import VERSIONS, release
from models.launch.graph_cache import graph_cache_key
from models.launch.launch import launch
from tests.conftest import stack_of

SERVICE = {
    "image": "a:1",
    "model": "/m/Mixtral-8x7B-Instruct-v0.1",
    "npus": "4",
    "graph": "pta",
    "engine": "{maxModelLen: 4096, servedModelName: [a, b]}",
    "server": "{port: 8080, extraArgs: {uvicornLogLevel: info}}",
    "env": "{EXTRA: one, VLLM_LOGGING_LEVEL: INFO}",
}


def key_for(
    image: str,
    model_source: str,
    argv: Sequence[str],
    environment: Mapping[str, str],
    neutral_flags: Collection[str] = NEUTRAL_FLAGS,
    neutral_variables: Collection[str] = NEUTRAL_VARIABLES,
) -> str:
    return graph_cache_key(
        image=image,
        model_source=model_source,
        argv=argv,
        environment=environment,
        neutral_flags=neutral_flags,
        neutral_variables=neutral_variables,
    )


def key_of(**changes: str) -> str:
    text = "moe:\n" + "".join(f"  {key}: {value}\n" for key, value in {**SERVICE, **changes}.items())
    (service,) = stack_of(text).services
    start = launch(service)
    return key_for(service.image, service.model.path, start.argv, start.environment)


def test_a_key_is_a_short_name_for_a_directory() -> None:
    assert re.fullmatch("[0-9a-f]{12}", key_of())


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("image", "a:2", "another image brings other operators"),
        ("model", "/m/Mixtral-8x7B-v0.1", "another model"),
        ("npus", "8", "other shares of the weights"),
        ("graph", "{kind: pta, gears: [2, 4]}", "other gears"),
        ("graph", "eager", "no graphs at all"),
        ("engine", "{maxModelLen: 8192, servedModelName: [a, b]}", "longer contexts"),
        ("engine", "{maxModelLen: 4096, maxNumSeqs: 64, servedModelName: [a, b]}", "the largest gear"),
        ("engine", "{maxModelLen: 4096, servedModelName: [a, b], extraArgs: {seed: 1}}", "a flag nobody thought of"),
        ("server", "api_server", "another server"),
        ("prefixCaching", "true", "other operators"),
        ("precision", "{decode: true}", "operators of high precision"),
        ("env", "{EXTRA: two, VLLM_LOGGING_LEVEL: INFO}", "a variable nobody thought of"),
        ("env", "{VLLM_LOGGING_LEVEL: INFO}", "a variable less"),
    ],
)
def test_a_launch_that_may_have_other_graphs_has_another_key(key: str, value: str, reason: str) -> None:
    assert key_of(**{key: value}) != key_of(), reason


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("server", "{port: 9000}", "another port, and other logs"),
        ("server", "{host: 127.0.0.1}", "another address"),
        ("server", "{chatTemplate: /opt/a.jinja}", "the prompt is made before the engine"),
        ("server", "{extraArgs: {disableLogRequests: true, sslKeyfile: /k}}", "logs, and how the server is reached"),
        ("engine", "{maxModelLen: 4096, servedModelName: [c]}", "another name in requests"),
        ("graph", "{kind: pta, iterationTimeout: 6000s}", "more time for the same graphs"),
        ("env", "{EXTRA: one, VLLM_LOGGING_LEVEL: DEBUG, VLLM_IMAGE_FETCH_TIMEOUT: '5'}", "logs and timeouts"),
        ("replicas", "2", "the same server twice"),
    ],
)
def test_a_launch_with_the_same_graphs_keeps_its_key(key: str, value: str, reason: str) -> None:
    assert key_of(**{key: value}) == key_of(), reason


FLAGS = ("--model=/m/a", "--seed=1", "--lora-modules a=/a b=/b", "--enforce-eager", "--ignore-patterns=x")


def key_of_flags(*flags: str) -> str:
    argv = [word for flag in flags for word in flag.split(" ")]
    return key_for("a:1", "/m/a", ["python", "-m", "vllm", *argv], {"A": "1", "B": "2"})


def test_the_order_of_flags_and_of_variables_does_not_count() -> None:
    assert key_of_flags(*reversed(FLAGS)) == key_of_flags(*FLAGS)
    assert key_for("a", "/m", [], {"A": "1", "B": "2"}) == key_for("a", "/m", [], {"B": "2", "A": "1"})


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (("--model=/m/a", "--seed=2", *FLAGS[2:]), "another value"),
        ((*FLAGS, "--seed=2"), "a flag twice: the last one counts"),
        ((*FLAGS[:2], "--lora-modules b=/b a=/a", *FLAGS[3:]), "a list in another order"),
        ((*FLAGS[:2], "--lora-modules a=/a", "--enforce-eager b=/b", *FLAGS[4:]), "a value at another flag"),
        ((*FLAGS, "--ignore-patterns="), "an empty value"),
        ((*FLAGS, "--never-heard-of"), "a flag that no release has yet"),
        ((*FLAGS, "--host-name=a"), "a flag that only begins like a harmless one"),
    ],
)
def test_what_a_flag_says_counts(flags: tuple[str, ...], reason: str) -> None:
    assert key_of_flags(*flags) != key_of_flags(*FLAGS), reason


def test_the_same_flag_twice_is_read_in_its_order() -> None:
    assert key_of_flags("--seed=1", "--seed=2") != key_of_flags("--seed=2", "--seed=1")


def test_values_do_not_run_into_each_other() -> None:
    assert key_for("a", "b", ["--a", "1 2"], {}) != key_for("a", "b", ["--a", "1", "2"], {})
    assert key_for("a", "b", [], {}) != key_for("ab", "", [], {})
    assert key_for("a", "b", [], {"A": "1=B"}) != key_for("a", "b", [], {"A=1": "B"})


def test_the_release_says_which_flags_and_variables_are_neutral() -> None:
    first = key_for("a", "b", ["python", "--seed=1"], {"A": "1"}, {"seed"}, {"A"})
    second = key_for("a", "b", ["python", "--seed=2"], {"A": "2"}, {"seed"}, {"A"})

    assert first == second


def test_a_new_release_of_this_program_finds_the_graphs_of_the_one_before() -> None:
    assert key_for("a:1", "/m/a", ["python", "-m", "vllm", "--seed=1"], {"A": "1"}) == "e8b7bf7f2fdf"


@pytest.mark.parametrize("version", VERSIONS)
def test_every_neutral_flag_is_a_flag_of_the_release(version: str) -> None:
    assert release(version).flags.keys() >= release(version).graph_neutral_flags


def test_the_served_names_are_the_only_neutral_key_of_the_engine() -> None:
    typed = {name.replace("_", "-") for name in EngineArgs.model_fields}

    assert typed & NEUTRAL_FLAGS == {"served-model-name"}


def test_what_the_features_export_counts_except_timeouts() -> None:
    (service,) = stack_of(
        "a:\n  image: a:1\n  model: /m/Mixtral-8x7B-Instruct-v0.1\n  npus: 4\n  graph: pta\n"
        "  engine: {maxModelLen: 4096}\n  multimodal: true\n"
    ).services

    assert launch(service).environment.keys() & NEUTRAL_VARIABLES == {
        "VLLM_ENGINE_ITERATION_TIMEOUT_S",
        "VLLM_IMAGE_FETCH_TIMEOUT",
    }
