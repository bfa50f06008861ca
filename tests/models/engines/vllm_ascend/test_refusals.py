"""Each refusal in the tables is reported for the launch that shows it, or listed with the reason why it is not."""

from __future__ import annotations

import pytest

from models.engines.vllm_ascend.refusals import JUDGED_BY_VALUES, NOT_JUDGED
from models.engines.vllm_ascend.tables import RELEASES, plugin_table
from tests.models.engines.vllm_ascend.launches import DENSE, EXPERTS, LATENT, findings, service

MODELS = {
    "flashcomm1-expert-parallel": EXPERTS,
    "finegrained-tp-data-parallel": EXPERTS,
    "kv-nz-consumer": LATENT,
    "decode-context-parallel-sparse": LATENT,
}
"""The model of a launch, where a dense one does not show the refusal."""

REFUSALS = [
    (release, refusal)
    for release in RELEASES
    for refusal in (plugin_table(release).refusals.values() if plugin_table(release) else ())
]
IDS = [f"{release}-{refusal.id}" for release, refusal in REFUSALS]


@pytest.mark.parametrize(("release", "refusal"), REFUSALS, ids=IDS)
def test_the_launch_that_shows_a_refusal_has_an_error_with_its_source(release: str, refusal) -> None:
    if refusal.id in NOT_JUDGED:
        return
    entry = service(
        refusal.shown_by,
        release,
        model=MODELS.get(refusal.id, DENSE),
        sparse=refusal.id == "decode-context-parallel-sparse",
    )

    errors = [finding for finding in findings(entry) if finding.severity == "error"]

    if refusal.id in JUDGED_BY_VALUES:
        assert JUDGED_BY_VALUES[refusal.id] in [finding.rule for finding in errors]
    else:
        assert [finding for finding in errors if refusal.where in finding.why], errors


def test_what_is_listed_as_not_judged_is_a_refusal() -> None:
    known = {refusal.id for _, refusal in REFUSALS}

    assert {*NOT_JUDGED, *JUDGED_BY_VALUES} <= known


@pytest.mark.parametrize(("requests", "is_refused"), [(2, True), (4, False)])
def test_the_default_capture_sizes_follow_from_the_number_of_requests(requests: int, is_refused: bool) -> None:
    entry = service("VLLM_ASCEND_ENABLE_FLASHCOMM1=1 --tensor-parallel-size 4", "0.23.0")
    entry["engine"]["maxNumSeqs"] = requests

    found = [finding for finding in findings(entry) if finding.rule == "flash-comm"]

    assert bool(found) == is_refused


@pytest.mark.parametrize(
    ("speculative", "message"),
    [
        ({"draftTensorParallelSizes": 1}, "SpeculativeConfig has no field 'draft_tensor_parallel_sizes'"),
        ({"maxModelLen": "long"}, "speculative.config.maxModelLen must be a whole number or null"),
    ],
)
def test_the_fields_of_speculative_decoding_are_checked(speculative: dict[str, object], message: str) -> None:
    entry = service("", "0.23.0")
    entry["speculative"] = {"kind": "mtp", "tokens": 1, "config": speculative}

    found = [finding for finding in findings(entry) if finding.rule == "json-field"]

    assert [finding.message for finding in found] == [message]
