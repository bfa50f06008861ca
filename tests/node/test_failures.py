"""What goes wrong on a real node is told, and what only takes long is not ended."""

from __future__ import annotations

from tests.node.conftest import Stack


def test_a_missing_hccn_conf_is_named_by_up_and_status(stack: Stack) -> None:
    file = stack.node.root / "etc" / "hccn.conf"
    text = file.read_text()
    file.unlink()
    stack.write()
    try:
        failed = stack.up()
        status = stack.ascend_vllm("status")
    finally:
        file.write_text(text)

    for said in (failed.stdout, status.stdout):
        assert "failed-mount" in said, said
        assert "/etc/hccn.conf" in said, said
    assert (failed.returncode != 0, status.returncode) == (True, 1)
    mended = stack.up()
    assert mended.returncode == 0, mended.stdout


def test_a_model_that_loads_for_long_is_not_killed(stack: Stack) -> None:
    """Longer than the liveness probe would bear."""
    stack.node.model(stack.name, load=110)

    stack.runs()

    [pod] = stack.node.pods(stack.name)
    [container] = pod["status"]["containerStatuses"]
    assert (container["ready"], container["restartCount"]) == (True, 0)


def test_a_model_that_loads_longer_than_it_may_is_named_by_up(stack: Stack) -> None:
    stack.node.model(stack.name, load=600)
    stack.write(startup="30s")

    failed = stack.up()

    assert failed.returncode != 0
    assert "startup-budget-spent" in failed.stdout, failed.stdout


def test_a_crash_is_reported_with_its_last_lines(stack: Stack) -> None:
    stack.node.model(stack.name, load=1, crash="RuntimeError: the weights are not those of a Qwen2")
    stack.write()

    failed = stack.up()

    assert failed.returncode != 0
    assert "crash-loop" in failed.stdout, failed.stdout
    assert "RuntimeError: the weights are not those of a Qwen2" in failed.stdout
    status = stack.ascend_vllm("status")
    assert "RuntimeError: the weights are not those of a Qwen2" in status.stdout
