"""Changes of variables whose values only the pod knows."""

from __future__ import annotations

from typing import Any

import pytest

from tests.review.stacks import changed, values_by_name


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ({"prepend": "/x"}, {"append": "/x"}, ("/x before the image's", "/x after the image's")),
        ({"field": "status.podIP"}, {"field": "status.hostIP"}, ("the pod's status.podIP", "the pod's status.hostIP")),
    ],
)
def test_a_value_of_the_pod_is_shown_in_words(old: Any, new: Any, shown: tuple[str, str]) -> None:
    change = changed({"env": {"A": old}}, {"env": {"A": new}})

    assert values_by_name(change)["A"] == shown
    assert change.restarts
