"""How a look at a cluster ends when it cannot be had."""

from __future__ import annotations

import json

_REACH = "see whether `kubectl --context {context} get nodes` works from here: network, proxy, VPN, credentials"


class ClusterError(Exception):
    """The cluster cannot be read: what is wrong, and how to mend it."""

    def __init__(
        self, message: str, fix: str, *, passing: bool = False, unknown_user: bool = False, forbidden: bool = False
    ) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.passing = passing
        """Whether it may be over soon: the API server does not answer, as while it is started again."""
        self.unknown_user = unknown_user
        """Whether the cluster does not know who asks, so that nothing can be read."""
        self.forbidden = forbidden
        """Whether the cluster answers, and who asks may not know this."""


def failures() -> tuple[type[Exception], ...]:
    """Everything that kr8s lets through when a cluster cannot be read."""
    import httpx
    from kr8s import APITimeoutError, ServerError

    return (OSError, ValueError, LookupError, RuntimeError, TypeError, httpx.HTTPError, APITimeoutError, ServerError)


def explained(context: str, problem: Exception) -> ClusterError:
    """A failure of kr8s in words."""
    import httpx
    from kr8s import APITimeoutError, ServerError

    if isinstance(problem, ServerError) and problem.response is not None:
        return refused(context, "read it", problem.response.status_code, str(problem))
    said = f": {problem}".rstrip(": ") or f": {type(problem).__name__}"
    if isinstance(problem, (httpx.TransportError, APITimeoutError, TimeoutError, ConnectionError)):
        message = f"the API server of {context!r} does not answer{said}"
        return ClusterError(message, _REACH.format(context=context), passing="CERTIFICATE" not in said)
    if "No such context" in said or "valid credentials" in said:
        message = f"the kubeconfig has no context {context!r}, which cluster.context names"
        return ClusterError(message, "correct cluster.context, or set KUBECONFIG to the file that has it")
    message = f"the kubeconfig's context {context!r} cannot be used{said}"
    return ClusterError(message, _REACH.format(context=context))


def refused(context: str, doing: str, status: int, text: str) -> ClusterError:
    """An answer of the API server that is none, in words."""
    said = _message(text)
    if status == 401:
        fix = "log in again, or mend the kubeconfig"
        return ClusterError(f"{context!r} does not know these credentials", fix, unknown_user=True)
    if status == 403:
        return ClusterError(f"not allowed to {doing}: {said}", "ask for a role that may list them", forbidden=True)
    if status == 404:
        return ClusterError(f"the cluster has none of this kind: {doing}", "install what offers it")
    passing = status >= 500 or status == 429
    return ClusterError(
        f"the API server of {context!r} answers {status}: {said}", _REACH.format(context=context), passing=passing
    )


def _message(text: str) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, LookupError, TypeError):
        return text.strip()[:200]
