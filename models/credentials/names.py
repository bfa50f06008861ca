"""Names of credentials: variables, flags, keys of objects and headers that are named like one."""

from __future__ import annotations

import re
from functools import lru_cache

_STRONG = frozenset(
    {
        "password",
        "passwd",
        "passphrase",
        "passcode",
        "pass",
        "pwd",
        "pw",
        "secret",
        "secrets",
        "credential",
        "credentials",
        "cred",
        "creds",
    }
)
"""Words after which every value is hidden, also a number."""

_STRONG_ENDINGS = (
    "password",
    "passwd",
    "passphrase",
    "secret",
    "accesskey",
    "apikey",
    "authtoken",
    "accesstoken",
)
"""Endings of such words without a separator: `PGPASSWORD`, `clientsecret`."""

_LAST = frozenset(
    {
        "token",
        "auth",
        "authorization",
        "authentication",
        "apikey",
        "accesskey",
        "secretkey",
        "privatekey",
        "bearer",
        "cookie",
        "jwt",
        "pat",
        "sas",
        "signature",
        "ak",
        "sk",
        "dsn",
        "webhook",
    }
)
"""Words that end the name of a credential."""

_KEY_PREFIXES = frozenset(
    {
        "access",
        "account",
        "admin",
        "aliyun",
        "anthropic",
        "api",
        "app",
        "ark",
        "auth",
        "aws",
        "azure",
        "client",
        "cohere",
        "dashscope",
        "datadog",
        "db",
        "decryption",
        "deepseek",
        "encrypt",
        "encryption",
        "gemini",
        "github",
        "google",
        "hf",
        "hmac",
        "huawei",
        "jwt",
        "license",
        "master",
        "minio",
        "mistral",
        "modelscope",
        "moonshot",
        "obs",
        "openai",
        "private",
        "qianfan",
        "redis",
        "rsa",
        "s3",
        "secret",
        "sentry",
        "server",
        "service",
        "session",
        "shared",
        "sign",
        "signing",
        "ssh",
        "storage",
        "stripe",
        "subscription",
        "wandb",
    }
)
"""Words before `key` in the name of a credential, whatever its style: `apiKey`, `x-api-key`."""

_OTHER_KEYS = frozenset(
    {
        "bucket",
        "cache",
        "column",
        "config",
        "dict",
        "field",
        "foreign",
        "group",
        "hash",
        "hot",
        "index",
        "item",
        "label",
        "lookup",
        "map",
        "metric",
        "node",
        "object",
        "partition",
        "primary",
        "public",
        "queue",
        "registry",
        "request",
        "route",
        "routing",
        "sort",
        "table",
        "taint",
        "topology",
        "tree",
    }
)
"""Words before `KEY` in the name of a variable that holds no credential."""

_OTHER_TOKENS = frozenset(
    {
        "audio",
        "bos",
        "class",
        "cls",
        "completion",
        "draft",
        "end",
        "eos",
        "eot",
        "first",
        "image",
        "last",
        "mask",
        "max",
        "min",
        "new",
        "next",
        "num",
        "pad",
        "padding",
        "per",
        "prompt",
        "sep",
        "special",
        "start",
        "stop",
        "think",
        "unk",
        "unknown",
        "video",
    }
)
"""Words before `token` in the name of a tokenizer's token or of a number of tokens."""

_ABOUT = frozenset(
    {
        "algorithm",
        "class",
        "count",
        "dir",
        "directory",
        "enabled",
        "endpoint",
        "expiry",
        "file",
        "format",
        "header",
        "host",
        "id",
        "index",
        "interval",
        "issuer",
        "kind",
        "len",
        "length",
        "limit",
        "method",
        "mode",
        "mount",
        "name",
        "namespace",
        "path",
        "port",
        "prefix",
        "provider",
        "realm",
        "ref",
        "reference",
        "required",
        "rotation",
        "scheme",
        "size",
        "store",
        "timeout",
        "ttl",
        "type",
        "uri",
        "url",
        "user",
        "username",
        "version",
    }
)
"""Words at the end of a name that describe a credential instead of holding it: `SECRET_NAME`, `TOKEN_TTL`."""

_OF_OBJECTS = frozenset({"k8s", "kubernetes", "kube", "pull", "tls"})
"""Words in the name of a variable that holds the name of a Kubernetes Secret."""

_OF_THE_SHELL = frozenset({"PWD", "OLDPWD"})


@lru_cache(maxsize=4096)
def is_credential_name(name: str) -> bool:
    """Whether a variable, a flag, a key or a header is named like a credential: `HF_TOKEN`, `--api-key`, `dbPass`."""
    if name in _OF_THE_SHELL:
        return False
    words = name_words(name)
    if not words or words[-1] in _ABOUT:
        return False
    if any(_is_strong(word) for word in words):
        return True
    last = words[-1]
    before = words[-2] if len(words) > 1 else ""
    if last in ("token", "tokens"):
        return before not in _OTHER_TOKENS and (
            last == "token" or before in _KEY_PREFIXES
        )
    if last in ("key", "keys"):
        return _is_key_name(name, before)
    return last in _LAST


def hides_numbers(name: str) -> bool:
    """Whether a number under this name is a credential as well: a password, but not a token."""
    return any(_is_strong(word) for word in name_words(name)) and is_credential_name(
        name
    )


def names_an_object(name: str) -> bool:
    """Whether the value of this variable may be the name of a Kubernetes Secret: `K8S_SECRET`."""
    words = name_words(name)
    return "secret" in words and any(word in _OF_OBJECTS for word in words)


@lru_cache(maxsize=4096)
def name_words(name: str) -> tuple[str, ...]:
    """The words of a name in lower case: `DB_PASS`, `db-pass`, `dbPass` and `example.com/db-pass` have the same end.

    A number at the end is not a word: `HF_TOKEN_2`.
    """
    separated = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z0-9])(?=[A-Z][a-z])", "_", name)
    words = re.findall(r"[a-z]+[0-9]*[a-z]*", separated.lower())
    return tuple(
        re.sub(r"[0-9]+$", "", word) if word != "k8s" else word for word in words
    )


def is_vague(name: str) -> bool:
    """Whether only the word `KEY` makes a name that of a credential: `SOME_KEY`."""
    words = name_words(name)
    return (
        len(words) > 1
        and words[-1] in ("key", "keys")
        and not _KEY_PREFIXES.intersection(words)
    )


def _is_strong(word: str) -> bool:
    return word in _STRONG or word.endswith(_STRONG_ENDINGS)


def _is_key_name(name: str, before: str) -> bool:
    if before in _KEY_PREFIXES:
        return True
    is_variable = "_" in name or name.isupper()
    return is_variable and bool(before) and before not in _OTHER_KEYS
