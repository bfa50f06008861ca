"""Why the containers of a pod do not start, or start slowly."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.diagnosis.diagnose import LogOf, wanted_log
from tests.cluster.judged import BACK_OFF, judged, with_event, with_log
from tests.cluster.objects import IMAGE, ago, container, ended, node, pod, running, snapshot, waiting

CREATING = container(state=waiting("ContainerCreating"))
MOUNT = 'MountVolume.SetUp failed for volume "{}" : {}'


@pytest.mark.parametrize(
    ("reason", "text", "rule", "message"),
    [
        ("ErrImagePull", f"{IMAGE}: not found", "image-not-found", f"the image {IMAGE} does not exist"),
        ("ImagePullBackOff", "manifest unknown", "image-not-found", f"the image {IMAGE} does not exist"),
        (
            "ErrImagePull",
            "unexpected status: 401 Unauthorized",
            "image-unauthorized",
            f"the registry refuses access to {IMAGE}",
        ),
        (
            "ErrImagePull",
            "pull access denied, repository does not exist or may require authorization",
            "image-unauthorized",
            f"the registry refuses access to {IMAGE}",
        ),
        ("InvalidImageName", "couldn't parse", "image-name", f"{IMAGE} is not a valid image name"),
        (
            "ErrImageNeverPull",
            "",
            "image-not-found",
            f"the node node-1 does not have the image {IMAGE}, and may not pull it",
        ),
        (
            "ErrImagePull",
            "dial tcp: lookup registry.example.com: no such host",
            "image-registry",
            f"the registry of {IMAGE} does not answer",
        ),
        ("ImagePullBackOff", "layers are odd", "image-pull", f"the image {IMAGE} cannot be pulled"),
    ],
)
def test_an_image_that_cannot_be_pulled_is_reported_with_the_reason(
    reason: str, text: str, rule: str, message: str
) -> None:
    finding = judged(pod("qwen", container(state=waiting(reason, text))))

    assert finding is not None
    assert (finding.rule, finding.message, finding.severity) == (rule, message, "error")
    assert (text or reason) in finding.why


def test_a_pull_in_back_off_is_explained_by_an_earlier_event() -> None:
    item = pod("qwen", container(state=waiting("ImagePullBackOff", f'Back-off pulling image "{IMAGE}"')))
    finding = judged(*with_event(item, ("BackOff", ""), ("Failed", f'Failed to pull image "{IMAGE}": not found')))

    assert finding is not None
    assert finding.rule == "image-not-found"


def test_a_pull_in_progress_is_not_an_error() -> None:
    finding = judged(*with_event(pod("qwen", CREATING), ("Pulling", f'Pulling image "{IMAGE}"')))

    assert finding is not None
    assert (finding.rule, finding.severity, finding.message) == (
        "pulling-image",
        "warning",
        "pulling the image for 5 s",
    )


@pytest.mark.parametrize(
    ("volume", "text", "message"),
    [
        (
            "hccn",
            "hostPath type check failed: /etc/hccn.conf is not a file",
            "the node node-1 has no file /etc/hccn.conf (the NPU network addresses that HCCL reads)",
        ),
        (
            "model-path",
            "hostPath type check failed: /mnt/models/Q is not a directory",
            "the node node-1 has no directory /mnt/models/Q (the model's weights)",
        ),
        (
            "lora-path-1",
            "hostPath type check failed: /mnt/a is not a directory",
            "the node node-1 has no directory /mnt/a (an adapter's weights)",
        ),
        (
            "node-path",
            'configmap "q-launch-1" not found',
            "the ConfigMap q-launch-1 (the launch script) does not exist",
        ),
        ("extra", 'secret "s" not found', "the Secret s does not exist"),
        ("extra", "permission denied", "the volume extra cannot be mounted"),
    ],
)
def test_a_volume_that_cannot_be_mounted_is_reported_with_its_content(volume: str, text: str, message: str) -> None:
    finding = judged(*with_event(pod("qwen", CREATING), ("FailedMount", MOUNT.format(volume, text))))

    assert finding is not None
    assert (finding.rule, finding.message) == ("failed-mount", message)


def test_a_mount_that_finally_succeeded_is_not_reported() -> None:
    finding = judged(*with_event(pod("qwen", CREATING), ("Pulling", ""), ("FailedMount", MOUNT.format("hccn", "x"))))

    assert finding is not None
    assert finding.rule == "pulling-image"


@pytest.mark.parametrize(
    ("reason", "text", "rule"),
    [
        ("CreateContainerConfigError", 'secret "key" not found', "container-config"),
        ("CreateContainerError", "exec: /bin/bash: no such file", "container-create"),
        ("RunContainerError", "device /dev/davinci0 not found", "container-create"),
    ],
)
def test_the_error_of_a_container_that_cannot_be_created_is_quoted(reason: str, text: str, rule: str) -> None:
    finding = judged(pod("qwen", container(state=waiting(reason, text))))

    assert finding is not None
    assert finding.rule == rule
    assert text in finding.message


def test_a_node_that_cannot_set_up_a_pod_is_named() -> None:
    finding = judged(*with_event(pod("qwen", CREATING), ("FailedCreatePodSandBox", "cni: no address")))

    assert finding is not None
    assert (finding.rule, "cni: no address" in finding.message) == ("pod-sandbox", True)


def test_a_directory_missing_in_a_claim_is_not_reported_as_a_missing_secret() -> None:
    text = 'failed to create subPath directory for volumeMount "model-path" of container "ascend-vllm"'
    finding = judged(pod("qwen", container(state=waiting("CreateContainerConfigError", text))))

    assert finding is not None
    assert "the claim with the weights has no such directory" in finding.why
    assert "model.source.directory" in finding.fix


@pytest.mark.parametrize(
    ("lines", "seconds", "message"),
    [
        ((), 60, "starting (60 s of 12 min)"),
        (
            ("Loading safetensors checkpoint shards:  45% Completed | 5/11",),
            180,
            "loading weights (45 %) (3 min of 12 min)",
        ),
        (("# NPU blocks: 1234", "Capturing the model for NPU graphs"), 300, "compiling graphs (5 min of 12 min)"),
        (("Initializing an LLM engine (v0.6.3)", "what?"), 30, "starting the engine (30 s of 12 min)"),
        ((), 800, "not ready after 13 min, longer than startup allows (12 min): starting"),
    ],
)
def test_a_slow_start_reports_its_phase(lines: tuple[str, ...], seconds: float, message: str) -> None:
    item = pod("qwen", container(state=running(seconds)), phase="Running")
    finding = judged(*with_log(item, *lines))

    assert finding is not None
    assert (finding.rule, finding.severity, finding.message) == ("slow-start", "warning", message)


def test_a_log_line_without_a_known_phase_is_quoted() -> None:
    finding = judged(*with_log(pod("qwen", container(state=running(9)), phase="Running"), "something of a plugin"))

    assert finding is not None
    assert finding.why.endswith("its last line: something of a plugin")


def test_a_running_init_container_is_named() -> None:
    item = pod("qwen", status={"initContainerStatuses": [container("install-mindspeed", state=running(65))]})
    finding = judged(item)

    assert finding is not None
    assert (finding.rule, finding.message) == (
        "preparing",
        "init container install-mindspeed has been running for 65 s",
    )


@pytest.mark.parametrize(
    ("item", "rule", "message"),
    [
        (
            pod(phase="Failed", status={"phase": "Failed", "reason": "Evicted", "message": "low on disk"}),
            "evicted",
            "disk",
        ),
        (
            pod(
                status={
                    "phase": "Failed",
                    "reason": "UnexpectedAdmissionError",
                    "message": "no healthy devices present",
                }
            ),
            "npu-unhealthy",
            "node-1 has too few healthy NPUs",
        ),
        (
            pod(status={"phase": "Failed", "reason": "Preempting", "message": "by a pod"}),
            "preempted",
            "a pod of higher priority took its place",
        ),
        (
            pod(status={"phase": "Failed", "reason": "NodeAffinity", "message": "m"}),
            "refused-by-node",
            "refused the pod",
        ),
        (pod(node="gone-1", phase="Running", ready=True), "node-lost", "the node gone-1 does not exist any longer"),
        (pod(metadata={"deletionTimestamp": ago(5)}), "terminating", "the pod is terminating"),
        (pod(metadata={"deletionTimestamp": ago(600)}), "stuck-terminating", "the pod should have ended 10 min ago"),
        (pod(), "starting", "node-1 is preparing the containers"),
        (pod("q", container(ready=True, state=running(9)), phase="Running"), "not-ready", "the pod waits for Ready"),
    ],
)
def test_a_pod_that_lost_its_node_is_reported_as_such(item: dict[str, Any], rule: str, message: str) -> None:
    finding = judged(item)

    assert finding is not None
    assert finding.rule == rule
    assert message in finding.message


def test_a_node_that_does_not_answer_is_reported_with_the_duration() -> None:
    item = pod(phase="Running", ready=True)
    finding = judged(item, snapshot(item, nodes=[node(ready="Unknown")]))

    assert finding is not None
    assert finding.message == "the node node-1 has not been ready for 5 min: KubeletReady"


def test_a_pod_that_is_ready_has_no_finding() -> None:
    assert judged(pod("qwen", container(ready=True, state=running(9)), phase="Running", ready=True)) is None


@pytest.mark.parametrize(
    ("item", "wanted"),
    [
        (
            pod("q", container(state=BACK_OFF, lastState=ended(1))),
            LogOf("q-0", "ascend-vllm", previous=True, has_ended=True),
        ),
        (pod("q", container(state=ended(1))), LogOf("q-0", "ascend-vllm", previous=False, has_ended=True)),
        (
            pod("q", container(state=running(5), lastState=ended(1))),
            LogOf("q-0", "ascend-vllm", previous=True, has_ended=True),
        ),
        (pod("q", container(state=running(5))), LogOf("q-0", "ascend-vllm", previous=False, has_ended=False)),
        (pod("q", CREATING), None),
    ],
)
def test_the_log_of_the_container_to_blame_is_read(item: dict[str, Any], wanted: LogOf | None) -> None:
    assert wanted_log(item) == wanted
