"""What looks like a secret, by its name or by itself: it is never copied, nor shown."""

from __future__ import annotations

import re

_API_KEY = ("VLLM_API_KEY", "--api-key")

_WORDS = frozenset(
    {
        *("token", "secret", "password", "passwd", "passphrase", "pass", "pwd", "credential", "credentials", "auth"),
        *("key", "apikey", "accesskey", "secretkey", "ak", "sk", "authorization", "cookie", "private"),
    }
)
_SHAPES = re.compile(
    r"""(?x)
    ://[^/@\s:]*:[^/@\s]+@                       # a password in an address
    | (?<![\w/.-])(hf|ghp|gho)_[A-Za-z0-9]{20,}
    | (?<![\w/.-])(sk|glpat|xox[abp])-(?=[\w-]*[0-9])[\w-]{16,}
    | \bAKIA[0-9A-Z]{16}\b
    | \beyJ[\w-]{10,}\.[\w-]{10,}                # a JSON web token
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY
    | (?i:\bbearer\s+[\w.~+/-]{8,})
    """
)


def advice(name: str) -> str:
    """Why a value is not copied, and what to do with it."""
    if name in _API_KEY:
        return "it is a secret: make a Kubernetes Secret of it, and write server.apiKey: {secret: NAME, key: KEY}"
    return "it looks like a secret, which belongs in a Kubernetes Secret and in no file"


def is_secret_name(name: str) -> bool:
    """Whether a variable, a flag or a key is named like a secret: `HF_TOKEN`, `--api-key`, `dbPassword`."""
    parts = re.split(r"[^a-z0-9]+", re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower())
    return any(part in _WORDS for part in parts) and name not in ("PWD", "OLDPWD")


def is_secret_value(text: str) -> bool:
    """Whether a value looks like a secret whatever its name is."""
    return _SHAPES.search(text) is not None


def is_secret(name: str, text: str) -> bool:
    """Whether a value must not be copied; `true`, `0` and what stands for something else are no secrets."""
    if re.fullmatch(r"|true|false|True|False|[01]|\$\{[^}]*\}", text):
        return False
    return is_secret_name(name) or is_secret_value(text)
