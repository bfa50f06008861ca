"""Rules on credentials: they belong in Secrets, not in a file."""

from __future__ import annotations

import re
from collections.abc import Iterator

from models.credentials import NamedText, is_certain, is_likely, masked, named_texts
from models.finding import Finding, Mark, error, warning
from models.rules.registry import rule
from models.service.resolved import ResolvedService

_WHY = "the value is part of a ConfigMap or a pod, and of the history of the stack file"
_ADDRESS = re.compile(r"://|@[\w.-]+(?::[0-9]+|/)")

_WITH_TEXTS = (str, dict, list)
"""Types of values that are a text or can contain one."""


@rule("error")
def secret_in_env(service: ResolvedService) -> Iterator[Finding]:
    """No text has the shape of a credential.

    Examples are `hf_…`, `ghp_…`, `sk-…`, `AKIA…`, a private key, a JSON web token, `Bearer …` in a header, and JSON
    with an `api_key`, under `env` or any other key. The launch script is in a ConfigMap, a container of `podTemplate`
    is in the pod, and the stack file is in a repository: everybody who can read one of them has the value.
    """
    for item in texts(service):
        if is_certain(item.text) and not _is_in_address(item.text):
            yield error(
                f"{_subject(item)} is a credential in plain text",
                why=_WHY,
                fix=_reference(item),
                marks=[Mark(item.path)],
            )


@rule("error")
def secret_in_url(service: ResolvedService) -> Iterator[Finding]:
    """No address contains a password or a token.

    It would be part of the launch ConfigMap or of the pod's arguments, and of the logs of every proxy on the way. This
    includes `user:password@host`, `https://TOKEN@host`, query parameters such as `?token=…` and `?sig=…`, and hooks
    with a key in their path.
    """
    for item in texts(service):
        if is_certain(item.text) and _is_in_address(item.text):
            yield error(
                f"{'.'.join(item.path)} contains a credential in its address",
                why="an address is part of scripts, arguments and logs",
                fix=_address_fix(item),
                marks=[Mark(item.path)],
            )


@rule("warning")
def secret_name(service: ResolvedService) -> Iterator[Finding]:
    """A value under the name of a credential is a reference to a Secret.

    Examples of such names are `DB_PASS`, `OPENAI_KEY`, `--token` and `export HF_TOKEN=…`. Numbers, paths, booleans,
    placeholders and the special tokens of a tokenizer are not credentials. If the value is not a credential either,
    accept the warning with the reason.
    """
    for item in texts(service):
        if is_certain(item.text) or item.name in service.release.owned_variables:
            continue
        if is_likely(item.name, item.text):
            yield warning(
                f"{_subject(item)} looks like a credential in plain text, by its name",
                why=_WHY,
                fix=_reference(item),
                marks=[Mark(item.path)],
            )


def texts(service: ResolvedService) -> Iterator[NamedText]:
    """Every text of a service with its path and the name under which it could be a credential."""
    for field, origin in service.origins.items():
        if isinstance(origin.value, _WITH_TEXTS):
            path = tuple(field.split("."))
            yield from named_texts(origin.value, path, path[-1])


def _subject(item: NamedText) -> str:
    """The variable or the key of a text."""
    return item.path[-1] if item.path[0] == "env" else ".".join(item.path)


def _reference(item: NamedText) -> str:
    """The edit that replaces a value by a reference to a Secret."""
    if item.path[0] == "env":
        variable = item.path[-1]
        config = variable.lower().replace("_", "-").strip("-")
        reference = f"write env.{variable}: {{secret: {config}, key: value}}"
        return f"{reference}, and store a new value in this Secret, or use {{config: {config}}}"
    key = ".".join(item.path)
    return f"remove {key}, and pass a new value by a variable from a Secret (valueFrom.secretKeyRef)"


def _is_in_address(text: str) -> bool:
    """Whether the credential in a text is part of an address, and not a header, a JSON text or a token alone."""
    if not _ADDRESS.search(text):
        return False
    return not is_certain(_ADDRESS_WORD.sub("", text))


def _address_fix(item: NamedText) -> str:
    key = ".".join(item.path)
    open_address = _HIDDEN_USER.sub("", masked(item.text))
    if "***" not in open_address and " " not in open_address:
        return f"write {key}: '{open_address}', and pass the credential by a variable from a Secret"
    return f"remove {key}, and pass the credential by a variable from a Secret"


_ADDRESS_WORD = re.compile(r"""(?<![^\s"'=])[^\s"'=]*(?:://|@)[^\s"']*""")
"""An address. It is searched from the beginning of a word only, so that a long word is read once."""

_HIDDEN_USER = re.compile(r"(?<![\w.%+-])[\w.%+-]*(?::\*{3}|\*{3})@")
"""The user of an address whose password is hidden."""
