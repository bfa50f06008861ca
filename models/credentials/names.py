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
    "sshpass",
    "userpass",
    "dbpass",
    "rootpass",
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
        "idempotency",
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
        "shard",
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
        "added",
        "additional",
        "audio",
        "blank",
        "boi",
        "bos",
        "byte",
        "call",
        "class",
        "cls",
        "completion",
        "draft",
        "end",
        "eoi",
        "eom",
        "eos",
        "eot",
        "fim",
        "first",
        "frame",
        "image",
        "inst",
        "last",
        "latent",
        "mask",
        "max",
        "middle",
        "min",
        "new",
        "newline",
        "next",
        "num",
        "pad",
        "padding",
        "per",
        "prefix",
        "prompt",
        "reasoning",
        "sep",
        "separator",
        "space",
        "special",
        "speech",
        "start",
        "stop",
        "sub",
        "suffix",
        "think",
        "thinking",
        "thought",
        "tool",
        "unk",
        "unknown",
        "video",
        "vision",
        "whitespace",
        "word",
    }
)
"""Words before `token` in the name of a tokenizer's token or of a number of tokens."""

_ABOUT = frozenset(
    {
        "alg",
        "algo",
        "algorithm",
        "audience",
        "backend",
        "bucket",
        "budget",
        "class",
        "count",
        "dir",
        "directory",
        "domain",
        "driver",
        "duration",
        "enabled",
        "encoding",
        "endpoint",
        "engine",
        "env",
        "expiration",
        "expires",
        "expiry",
        "file",
        "format",
        "group",
        "header",
        "host",
        "id",
        "index",
        "interval",
        "issuer",
        "kind",
        "label",
        "len",
        "length",
        "level",
        "lifetime",
        "limit",
        "manager",
        "max",
        "method",
        "min",
        "mode",
        "module",
        "mount",
        "name",
        "namespace",
        "path",
        "pattern",
        "plugin",
        "policy",
        "port",
        "position",
        "prefix",
        "provider",
        "ratio",
        "realm",
        "ref",
        "reference",
        "regex",
        "region",
        "required",
        "role",
        "rotation",
        "scheme",
        "scope",
        "scopes",
        "seconds",
        "size",
        "source",
        "store",
        "strategy",
        "timeout",
        "ttl",
        "type",
        "uri",
        "url",
        "user",
        "username",
        "var",
        "variable",
        "version",
        "window",
    }
)
"""Words at the end of a name that describe a credential instead of holding it: `SECRET_NAME`, `TOKEN_TTL`."""

_WHICH = frozenset(
    {
        "backup",
        "base",
        "current",
        "data",
        "default",
        "dev",
        "new",
        "old",
        "plain",
        "prod",
        "production",
        "raw",
        "stage",
        "staging",
        "test",
        "value",
    }
)
"""Words after the name of a credential that tell which one it is: `HF_TOKEN_PROD`."""

_OTHER_PASSES = frozenset(
    {"compile", "compiler", "fusion", "graph", "multi", "opt", "single"}
)
"""Words before `pass` in the name of a step of a compiler: `FUSION_PASS`."""

_KEY_IDS = (
    ("access", "key", "id"),
    ("vault", "secret", "id"),
    ("tencentcloud", "secret", "id"),
)
"""Ends of names that hold a credential although their last word is in `_ABOUT`."""

_OF_OBJECTS = frozenset({"k8s", "kubernetes", "kube", "pull", "tls"})
"""Words in the name of a variable that holds the name of a Kubernetes Secret."""

_OF_THE_SHELL = frozenset({"PWD", "OLDPWD"})


@lru_cache(maxsize=4096)
def is_credential_name(name: str) -> bool:
    """Whether a variable, a flag, a key or a header is named like a credential: `HF_TOKEN`, `--api-key`, `dbPass`."""
    if name in _OF_THE_SHELL:
        return False
    words = _without_which(name_words(name))
    if words[-3:] in _KEY_IDS:
        return True
    if not words or words[-1] in _ABOUT:
        return False
    return _is_last_word(name, words)


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
    words = _without_which(name_words(name))
    return (
        len(words) > 1
        and words[-1] in ("key", "keys")
        and not _KEY_PREFIXES.intersection(words)
    )


def _is_last_word(name: str, words: tuple[str, ...]) -> bool:
    """Whether the words of a name, which does not only describe a credential, are those of a credential."""
    last = words[-1]
    before = words[-2] if len(words) > 1 else ""
    if last == "pass" and before in _OTHER_PASSES:
        return False
    if any(_is_strong(word) for word in words):
        return True
    if last in ("token", "tokens"):
        return before not in _OTHER_TOKENS and (
            last == "token" or before in _KEY_PREFIXES
        )
    if last in ("key", "keys"):
        return _is_key_name(name, before)
    return last in _LAST


def _without_which(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words of a name without those at its end that tell which credential it is: `TOKEN_PROD`."""
    while len(words) > 1 and words[-1] in _WHICH:
        words = words[:-1]
    return words


def _is_strong(word: str) -> bool:
    return word in _STRONG or word.endswith(_STRONG_ENDINGS)


def _is_key_name(name: str, before: str) -> bool:
    if before in _KEY_PREFIXES:
        return True
    is_variable = "_" in name or name.isupper()
    return is_variable and bool(before) and before not in _OTHER_KEYS
