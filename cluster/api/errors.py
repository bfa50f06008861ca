"""Errors of reading a cluster, with a fix."""

from __future__ import annotations

import json

_LONGEST = 200
"""Characters of an answer that a message quotes if the answer is not a Status object."""


class ClusterError(Exception):
    """The cluster cannot be read: the problem, and how to fix it."""

    def __init__(
        self,
        message: str,
        fix: str,
        *,
        passing: bool = False,
        unknown_user: bool = False,
        forbidden: bool = False,
        unknown_kind: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.passing = passing
        """Whether it may be over soon, such as a restart of the API server."""
        self.unknown_user = unknown_user
        """Whether the cluster does not accept the credentials, so that nothing can be read."""
        self.forbidden = forbidden
        """Whether the cluster answers, but the user has no permission for this request."""
        self.unknown_kind = unknown_kind
        """Whether the cluster does not know the kind of the object."""


def failures() -> tuple[type[Exception], ...]:
    """All exceptions that kr8s raises when a cluster cannot be read."""
    import httpx
    from kr8s import APITimeoutError, ServerError

    return (
        OSError,
        ValueError,
        LookupError,
        RuntimeError,
        TypeError,
        httpx.HTTPError,
        APITimeoutError,
        ServerError,
    )


def explained(context: str, problem: Exception) -> ClusterError:
    """The error that explains an exception of kr8s."""
    import httpx
    from kr8s import APITimeoutError, ServerError

    if isinstance(problem, ServerError) and problem.response is not None:
        return refused(
            context,
            "read it",
            status=problem.response.status_code,
            text=str(problem),
        )

    reason = str(problem).rstrip(": ") or type(problem).__name__
    if isinstance(
        problem, (httpx.TransportError, APITimeoutError, TimeoutError, ConnectionError)
    ):
        return ClusterError(
            f"the API server of {context!r} does not answer: {reason}",
            _check_access(context),
            passing="CERTIFICATE" not in reason,
        )
    if "No such context" in reason or "valid credentials" in reason:
        return ClusterError(
            f"the kubeconfig has no context {context!r}, which cluster.context names",
            "correct cluster.context, or set KUBECONFIG to the file with this context",
        )
    return ClusterError(
        f"the kubeconfig's context {context!r} cannot be used: {reason}",
        _check_access(context),
    )


def refused(context: str, action: str, *, status: int, text: str) -> ClusterError:
    """The error that explains an answer of the API server.

    Args:
        context: The context of the kubeconfig.
        action: The request in words: `list nodes`.
        status: The HTTP status.
        text: The body of the answer.
    """
    if status == 401:
        return ClusterError(
            f"{context!r} does not accept these credentials",
            "log in again, or correct the kubeconfig",
            unknown_user=True,
        )
    reason = _message(text)
    if status == 403:
        return ClusterError(
            f"not allowed to {action}: {reason}",
            "request a role that allows it",
            forbidden=True,
        )
    if status == 404:
        return ClusterError(
            f"cannot {action}: the cluster does not know this kind",
            "install the software that defines this kind",
            unknown_kind=True,
        )
    return ClusterError(
        f"the API server of {context!r} answers {status}: {reason}",
        _check_access(context),
        passing=status >= 500 or status == 429,
    )


def _check_access(context: str) -> str:
    command = f"kubectl --context {context} get nodes"
    return f"check that `{command}` works from here: network, proxy, VPN, credentials"


def _message(text: str) -> str:
    """The message of a Status object, or the beginning of another answer."""
    try:
        return str(json.loads(text)["message"])
    except (ValueError, LookupError, TypeError):
        return text.strip()[:_LONGEST]
