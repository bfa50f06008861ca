"""Words of names whose values are credentials only sometimes: not if the value consists of plain words."""

from __future__ import annotations

VAGUE = frozenset(
    {
        "api",
        "authn",
        "bot",
        "hook",
        "jaas",
        "keytab",
        "kubeconfig",
        "avain",
        "atslega",
        "cle",
        "kljuc",
        "kluc",
        "klucz",
        "kulcs",
        "raktas",
        "voti",
        "κλειδι",
        "مفتاح",
        "מפתח",
        "कुंजी",
        "licence",
        "license",
        "pepper",
        "phrase",
        "salt",
        "seed",
        "serial",
        "signing",
        "tk",
        "tok",
        "unseal",
    }
)
"""Words that end such a name: `WANDB_API`, `OTP_SEED`."""

VAGUE_ENDINGS = (
    "schluessel",
    "schlussel",
    "zugangscode",
    "zugriffscode",
    "sicherheitscode",
    "toegangscode",
    "nyckel",
    "nogle",
    "nokkel",
    "ключ",
    "鍵",
    "키",
    "キー",
    "密匙",
    "验证码",
    "驗證碼",
    "安全码",
    "安全碼",
    "鉴权码",
    "鑑權碼",
)
"""Endings of such words: the key of other languages, which often is one of a dictionary."""

VAGUE_IDS = frozenset(
    {
        ("auth", "header"),
        ("authorization", "header"),
        ("snmp", "community"),
        ("secret", "id"),
        ("secretid",),
        ("session", "id"),
        ("sessionid",),
        ("jsessionid",),
        ("phpsessid",),
    }
)
"""Ends of such names although their last word is in `ABOUT`."""

CODES = frozenset(
    {
        "access",
        "activation",
        "api",
        "app",
        "auth",
        "authorization",
        "backup",
        "invite",
        "pin",
        "recovery",
        "security",
        "verification",
    }
)
"""Words before `code` in such a name."""

PINS = frozenset({"pin", "otp"})
"""Words after which numbers are hidden as well."""

OTHER_PINS = frozenset(
    {"core", "cores", "cpu", "gpio", "host", "memory", "node", "numa", "thread", "vllm"}
)
"""Words before `pin` in the name of something that is pinned."""

LOGINS = frozenset({("login",), ("account",), ("userinfo",)})
"""Words at the end of a name whose value is a credential if it is `user:password`."""
