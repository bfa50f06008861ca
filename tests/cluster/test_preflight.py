"""A preflight that found a contradiction is reported with its sentence, as long as the pod exists."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.update.wait import PATIENCE
from tests.cluster.judged import BACK_OFF, judged, with_log
from tests.cluster.objects import container, ended, pod, running, waiting

LINE = (
    "preflight: error: the driver of the node is 24.1.rc3, older than 25.5.1 of vLLM 0.23.0; why: the default"
    " graph mode of vLLM 0.23.0 fails on it; fix: update the driver of the node to 25.5.1 or later"
)
SKIPPED = "preflight: skipped: /etc/hccn.conf: No such file or directory"


def failed(message: str = "", name: str = "preflight", **status: Any) -> dict[str, Any]:
    """A pod whose preflight ended with 1 and this termination message."""
    end = ended(1)
    if message:
        end["terminated"]["message"] = message
    states = status or {"state": end}
    for key, value in states.items():
        if value == "END":
            states[key] = end
    return pod(
        "qwen",
        container(state=waiting("PodInitializing")),
        status={"initContainerStatuses": [container(name, **states)]},
    )


@pytest.mark.parametrize("name", ["preflight", "preflight-weights"])
@pytest.mark.parametrize(
    "status",
    [
        {"state": "END"},
        {"state": BACK_OFF, "lastState": "END", "restartCount": 4},
        {"state": running(1), "lastState": "END", "restartCount": 1},
    ],
    ids=["ended", "backs off", "runs again"],
)
def test_the_sentence_of_a_preflight_is_an_error_at_once(name: str, status: dict[str, Any]) -> None:
    finding = judged(failed(f"{SKIPPED}\n{LINE}\n", name, **dict(status)))

    assert finding is not None
    assert (finding.rule, finding.severity) == ("preflight", "error")
    assert finding.message == (
        "the preflight on the node node-1: the driver of the node is 24.1.rc3, older than 25.5.1 of vLLM 0.23.0"
    )
    assert finding.why == "the default graph mode of vLLM 0.23.0 fails on it"
    assert finding.fix == (
        "update the driver of the node to 25.5.1 or later; preflight: false starts the server anyway"
    )
    assert PATIENCE[finding.rule] == 0


def test_the_log_has_a_sentence_that_the_message_lacks() -> None:
    finding = judged(*with_log(failed("cut off"), SKIPPED, LINE))

    assert finding is not None
    assert finding.rule == "preflight"


def test_further_contradictions_are_counted() -> None:
    finding = judged(failed(f"{LINE}\n{LINE}\n{LINE}"))

    assert finding is not None
    assert finding.why.endswith("fails on it; 2 more in kubectl logs qwen-0 --container preflight")


def test_a_preflight_without_a_sentence_is_an_init_container_as_any_other() -> None:
    finding = judged(*with_log(failed("Traceback"), "Traceback"))

    assert finding is not None
    assert finding.rule == "init-failed-once"


def test_another_container_cannot_speak_as_the_preflight() -> None:
    finding = judged(failed(LINE, "first"))

    assert finding is not None
    assert finding.rule == "init-failed-once"


def test_a_credential_in_the_message_is_not_shown() -> None:
    finding = judged(failed(LINE.replace("24.1.rc3", "VLLM_API_KEY=sk-live-0123456789abcdefghij")))

    assert finding is not None
    assert "sk-live" not in finding.message
